#include "policyd/store/changed_keys.h"

#include <stdlib.h>

#include "policyd/routing/key_queue.h"

enum {
    IN_MESSAGE_MAX = 50 * 1000,
    WAITING_MAX = 200 * 1000,
    LISTS_WAITING_MAX = 20 * 1000,
};

static const unsigned both = (unsigned)REPLICA_ANSWERING | (unsigned)REPLICA_LOADING;

struct changed_keys {
    struct reading *reading;
    struct changed_keys_events events;
    void *argument;
    struct key_reader *keys;
    struct list_reader *lists;
    struct key_queue waiting;
};

/* False: it has to wait. */
static bool
read_key(struct changed_keys *changed, struct span key)
{
    struct replica_key about;

    reading_parse(changed->reading, key, &about);
    switch (about.kind) {
    case REPLICA_KEY_OTHER:
        return true;
    case REPLICA_KEY_ACCEPT:
        changed->events.accept(changed->argument);
        return true;
    case REPLICA_KEY_LIST:
        list_reader_read(changed->lists, both, key);
        return true;
    case REPLICA_KEY_BAD:
    case REPLICA_KEY_DOMAIN:
    case REPLICA_KEY_PIN:
    case REPLICA_KEY_UNIT:
        break;
    }
    return key_reader_read(changed->keys, both, key, &about);
}

static void
read_waiting(struct changed_keys *changed)
{
    struct span key;

    while (key_queue_first(&changed->waiting, &key) && read_key(changed, key))
        key_queue_drop_first(&changed->waiting);
}

static void
key_is_done(void *argument)
{
    struct changed_keys *changed = argument;

    if (redis_is_up(changed->reading->redis))
        read_waiting(changed);
    changed->events.read(changed->argument);
}

static void
key_was_lost(void *argument, struct span key)
{
    struct changed_keys *changed = argument;

    key_queue_put(&changed->waiting, key);
}

static void
lists_are_done(void *argument)
{
    struct changed_keys *changed = argument;

    changed->events.lists(changed->argument);
}

struct changed_keys *
changed_keys_new(
    struct reading *reading, const struct changed_keys_events *events, void *argument)
{
    static const struct key_reader_events key_events = {key_is_done, key_was_lost};
    struct changed_keys *changed = calloc(1, sizeof(*changed));

    if (changed == NULL)
        abort();
    changed->reading = reading;
    changed->events = *events;
    changed->argument = argument;
    changed->keys = key_reader_new(reading, &key_events, changed);
    changed->lists = list_reader_new(reading, lists_are_done, changed);
    key_queue_init(&changed->waiting);
    return changed;
}

void
changed_keys_free(struct changed_keys *changed)
{
    if (changed == NULL)
        return;
    list_reader_free(changed->lists);
    key_reader_free(changed->keys);
    key_queue_clear(&changed->waiting);
    free(changed);
}

struct key_reader *
changed_keys_reader(const struct changed_keys *changed)
{
    return changed->keys;
}

struct list_reader *
changed_keys_lists(const struct changed_keys *changed)
{
    return changed->lists;
}

bool
changed_keys_put(
    struct changed_keys *changed, const struct redis_reply *keys, size_t count)
{
    struct span prefix = changed->reading->prefix;

    if (count > IN_MESSAGE_MAX || count + changed->waiting.count > WAITING_MAX ||
        list_reader_waiting(changed->lists) > LISTS_WAITING_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (redis_reply_is_string(&keys[i]) && span_starts(keys[i].text, prefix))
            key_queue_put(&changed->waiting, span_from(keys[i].text, prefix.length));
    }
    changed_keys_read(changed);
    return true;
}

void
changed_keys_read(struct changed_keys *changed)
{
    if (!redis_is_up(changed->reading->redis))
        return;
    reading_set_time(changed->reading);
    read_waiting(changed);
    list_reader_resume(changed->lists);
}

void
changed_keys_forget(struct changed_keys *changed)
{
    key_queue_reset(&changed->waiting);
    list_reader_forget(changed->lists);
}

size_t
changed_keys_waiting(const struct changed_keys *changed)
{
    return changed->waiting.count + key_reader_in_flight(changed->keys) +
           list_reader_waiting(changed->lists);
}
