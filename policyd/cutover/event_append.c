#include "policyd/cutover/event_append.h"

#include <stdio.h>
#include <stdlib.h>

#include "shared/base/allocate.h"

enum { WAITING_MAX = 4096 };

struct item {
    struct item *next;
    struct event_append *append;
    struct arena *arena;
    struct event_write *write;
    redis_callback *done;
    void *argument;
    unsigned tries;
};

struct event_append {
    struct redis *redis;
    struct item *first; /* it is on its way */
    struct item **last;
    size_t count;
    bool is_answering;          /* who is told may add another one */
    char head[EVENT_HEAD_SIZE]; /* that the last one led to; "": not known */
};

struct event_append *
event_append_new(struct redis *redis)
{
    struct event_append *append = allocate(sizeof(*append));

    append->redis = redis;
    append->last = &append->first;
    return append;
}

/* Takes the first one out and answers it. */
static void
end_first(struct event_append *append, const struct redis_reply *reply)
{
    struct item *item = append->first;

    append->first = item->next;
    if (append->first == NULL)
        append->last = &append->first;
    append->count--;
    append->is_answering = true;
    if (item->done != NULL)
        item->done(item->argument, reply);
    append->is_answering = false;
    arena_free(item->arena);
    free(item);
}

static void send_first(struct event_append *append);

static void
was_answered(void *argument, const struct redis_reply *reply)
{
    struct event_append *append = argument;
    struct item *item = append->first;
    struct span texts[4];
    bool moved =
        event_write_moved(item->write, texts, redis_reply_texts(reply, texts, 4));

    if (!moved || ++item->tries >= EVENT_WRITE_TRIES) {
        if (reply != NULL && reply->kind == REDIS_INTEGER && reply->integer == 1)
            (void)snprintf(
                append->head, sizeof(append->head), "%s", event_write_head(item->write));
        end_first(append, moved ? NULL : reply);
    }
    send_first(append);
}

/* One that can't be sent is lost, and so is what waits behind it. */
static void
send_first(struct event_append *append)
{
    while (append->first != NULL) {
        struct item *item = append->first;
        const struct span *words;
        size_t count;

        if (item->tries == 0)
            event_write_guess(item->write, append->head);
        count = event_write_words(item->write, &words);
        if (redis_command(append->redis, was_answered, append, count, words))
            return;
        end_first(append, NULL);
    }
}

void
event_append_free(struct event_append *append)
{
    if (append == NULL)
        return;
    while (append->first != NULL)
        end_first(append, NULL);
    free(append);
}

bool
event_append_add(struct event_append *append, struct arena *arena,
    struct event_write *write, redis_callback *done, void *argument)
{
    struct item *item;

    if (!redis_is_up(append->redis) || append->count == WAITING_MAX) {
        arena_free(arena);
        return false;
    }
    item = allocate(sizeof(*item));
    *item = (struct item){NULL, append, arena, write, done, argument, 0};
    *append->last = item;
    append->last = &item->next;
    append->count++;
    if (append->first == item && !append->is_answering)
        send_first(append);
    return true;
}
