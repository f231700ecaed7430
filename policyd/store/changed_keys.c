#include "policyd/store/changed_keys.h"

#include <stdlib.h>

#include "policyd/replica/key_queue.h"
#include "policyd/store/value_reader.h"
#include "shared/base/allocate.h"

enum {
    TOGETHER = 50, /* so many that wait are read many in a command */
    IN_MESSAGE_MAX = 200 * 1000,
    WAITING_MAX = 200 * 1000, /* or as many as there are entries */
    LISTS_WAITING_MAX = 20 * 1000,
};

static const unsigned both = (unsigned)REPLICA_ANSWERING | (unsigned)REPLICA_LOADING;

struct changed_keys {
    struct reading *reading;
    struct changed_keys_events events;
    void *argument;
    struct key_reader *keys;
    struct list_reader *lists;
    struct value_reader *values;
    struct key_queue waiting;
};

/* Pins and units that nothing else means. */
static bool
can_be_read_together(
    const struct changed_keys *changed, struct span key, const struct replica_key *about)
{
    struct span sorted[ODD_KEYS_READ];

    return about->as_written &&
           (about->kind == REPLICA_KEY_PIN || about->kind == REPLICA_KEY_UNIT) &&
           odd_keys_sorted(changed->reading->odd_keys, key, sorted) == 0;
}

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
    case REPLICA_KEY_HOLD_TEXT:
        break;
    }
    return key_reader_read(changed->keys, both, key, &about);
}

/* In a burst, most keys go together; the others keep their order among themselves. */
static bool
read_next(struct changed_keys *changed, struct span key)
{
    struct replica_key about;

    if (changed->waiting.count < TOGETHER)
        return read_key(changed, key);
    reading_parse(changed->reading, key, &about);
    if (!can_be_read_together(changed, key, &about))
        return read_key(changed, key);
    if (!value_reader_has_room(changed->values))
        return false;
    value_reader_put(changed->values, key);
    return true;
}

static void
read_waiting(struct changed_keys *changed)
{
    struct span key;

    while (key_queue_first(&changed->waiting, &key) && read_next(changed, key))
        key_queue_drop_first(&changed->waiting);
    value_reader_send(changed->values);
}

static void
values_are_read(void *argument)
{
    struct changed_keys *changed = argument;

    if (redis_is_up(changed->reading->redis))
        read_waiting(changed);
}

static void
read_alone(void *argument, struct span key)
{
    struct changed_keys *changed = argument;

    if (!read_key(changed, key))
        key_queue_put(&changed->waiting, key);
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
    static const struct value_reader_events value_events = {
        read_alone, key_was_lost, values_are_read};
    struct changed_keys *changed = allocate(sizeof(*changed));

    changed->reading = reading;
    changed->events = *events;
    changed->argument = argument;
    changed->keys = key_reader_new(reading, &key_events, changed);
    changed->values = value_reader_new(reading, both, &value_events, changed);
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
    value_reader_free(changed->values);
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

/* Longer than a load would be. */
static bool
is_too_long(const struct changed_keys *changed, size_t more)
{
    const struct replica *replica = replica_orders_answering(changed->reading->orders);
    size_t length = changed->waiting.count + more;

    return length > WAITING_MAX && length > replica_count(replica, REPLICA_PIN) +
                                                replica_count(replica, REPLICA_UNIT);
}

bool
changed_keys_put(
    struct changed_keys *changed, const struct redis_reply *keys, size_t count)
{
    struct span prefix = changed->reading->prefix;

    if (count > IN_MESSAGE_MAX || is_too_long(changed, count) ||
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
           value_reader_in_flight(changed->values) + list_reader_waiting(changed->lists);
}
