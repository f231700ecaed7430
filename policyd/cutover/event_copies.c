#include "policyd/cutover/event_copies.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/books/books_events.h"
#include "policyd/redis/redis_event.h"
#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum { BUNCH = 1000, ARENA_MAX = 256 << 20, HOUR_MS = 3600 * 1000 };

struct event_copies {
    struct redis *redis;
    char *key;
    struct arena *arena; /* what waits to be saved */
    struct event_entry waiting[BUNCH];
    size_t count;
    bool is_known; /* where the books stand */
    bool is_asking;
    char last[EVENT_ID_SIZE]; /* up to this one it was read */
    struct event_head head;   /* of the last one that was read */
    const char *after;        /* what has moved among those that wait; NULL: nothing */
    uint64_t told_ms;         /* when the head was logged last; 0: not yet */
    uint64_t faults;
};

struct event_copies *
event_copies_new(struct redis *redis, const char *prefix)
{
    struct event_copies *copies = allocate(sizeof(*copies));
    char key[300];

    (void)snprintf(key, sizeof(key), "%.250sevents", prefix);
    copies->redis = redis;
    copies->key = allocate_text(span_of(key));
    copies->arena = arena_new(ARENA_MAX);
    return copies;
}

void
event_copies_free(struct event_copies *copies)
{
    if (copies == NULL)
        return;
    arena_free(copies->arena);
    free(copies->key);
    free(copies);
}

/* --- what is read --- */

static const char *
what_moved(const struct event_entry *entry)
{
    static const char *const words[] = {"weight", "mode", "plan-start", "plan-advance",
        "plan-done", "plan-pause", "plan-resume", "plan-abort", "freeze", "rollback",
        "forget", "checkpoint"};
    struct span what = event_entry_value(entry, "what");

    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (span_is(what, words[i]))
            return words[i];
    }
    return NULL;
}

/* One that we have heard of before, or whose hash is another, is no continuation; what is
 * missing in between may have been cut while we were away. */
static void
look_at_link(struct event_copies *copies, const struct event_entry *entry)
{
    char prev[EVENT_HASH_SIZE];
    char hash[EVENT_HASH_SIZE];
    struct event_head own;
    enum event_link link = event_entry_link(entry, &own, prev);
    const struct event_head *head = &copies->head;
    bool is_wrong;

    if (link == EVENT_PLAIN)
        return;
    event_entry_hash(entry, prev, hash);
    is_wrong =
        link == EVENT_DAMAGED || strcmp(hash, own.hash) != 0 ||
        (head->seq > 0 && own.seq <= head->seq) ||
        (head->seq > 0 && own.seq == head->seq + 1 && strcmp(prev, head->hash) != 0);
    if (is_wrong) {
        copies->faults++;
        log_warning("events", log_number("seq", (int64_t)own.seq),
            log_span("id", entry->id), log_number("behind", (int64_t)head->seq),
            log_note("it was changed, or goes on from another event than the last one; "
                     "see postshiftctl events verify"));
    }
    copies->head = own;
}

static void
was_read(void *argument, const struct redis_reply *reply)
{
    struct event_copies *copies = argument;
    const struct redis_reply *entries;

    copies->is_asking = false;
    if (!redis_reply_is_array(reply, 1) || !redis_reply_is_array(&reply->elements[0], 2))
        return;
    entries = &reply->elements[0].elements[1];
    for (size_t i = 0;
         entries->kind == REDIS_ARRAY && i < entries->count && copies->count < BUNCH;
         i++) {
        struct event_entry *entry = &copies->waiting[copies->count];
        const char *moved;

        if (!redis_event_read(&entries->elements[i], copies->arena, entry))
            continue;
        copies->count++;
        (void)span_copy(entry->id, copies->last, sizeof(copies->last));
        look_at_link(copies, entry);
        moved = what_moved(entry);
        copies->after = moved != NULL ? moved : copies->after;
    }
}

static void
tell_head(struct event_copies *copies)
{
    bool is_due = copies->told_ms == 0 || clock_now_ms() >= copies->told_ms + HOUR_MS;
    char head[EVENT_HEAD_SIZE];

    if (copies->head.seq == 0 || (copies->after == NULL && !is_due))
        return;
    event_head_write(&copies->head, head);
    log_info("events", log_text("head", head), log_text("after", copies->after));
    copies->told_ms = clock_now_ms();
}

bool
event_copies_tick(struct event_copies *copies, struct books *books)
{
    struct error error;

    if (copies->count > 0 || copies->is_asking || books == NULL)
        return copies->count > 0;
    tell_head(copies);
    if (!copies->is_known)
        copies->is_known = books_last_event(books, copies->last, &copies->head, &error);
    if (copies->is_known && redis_is_up(copies->redis))
        copies->is_asking = redis_ask(copies->redis, was_read, copies, SPAN("XREAD"),
            SPAN("COUNT"), SPAN("1000"), SPAN("STREAMS"), span_of(copies->key),
            span_of(copies->last));
    return false;
}

/* --- what is kept --- */

bool
event_copies_save(struct event_copies *copies, struct books *books, struct error *error)
{
    for (size_t i = 0; i < copies->count; i++) {
        if (!books_enter_event(books, &copies->waiting[i], error))
            return false;
    }
    return true;
}

void
event_copies_saved(struct event_copies *copies)
{
    tell_head(copies);
    copies->after = NULL;
    if (copies->count > 0)
        arena_reset(copies->arena);
    copies->count = 0;
}

uint64_t
event_copies_take_faults(struct event_copies *copies)
{
    uint64_t faults = copies->faults;

    copies->faults = 0;
    return faults;
}
