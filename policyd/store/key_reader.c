#include "policyd/store/key_reader.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/store/pin_expiry.h"
#include "shared/base/allocate.h"

enum { KEYS_OCTETS_MAX = (ODD_KEYS_READ + 1) * (REPLICA_NAME_MAX + 16) };

/* All keys of one meaning, being read. */
struct read {
    struct key_reader *reader;
    unsigned targets;
    bool stale; /* of a load that is over */
    bool found; /* the one that counts has been handed on */
    bool lost;
    size_t key_count;
    size_t answered;
    size_t key_lengths[ODD_KEYS_READ + 1];
    size_t key_start; /* of the next one to be answered */
    struct replica_key about;
    char keys[];
};

struct key_reader {
    struct reading *reading;
    struct key_reader_events events;
    void *argument;
    size_t in_flight; /* reads, not commands */
    size_t of_load;
    struct buffer texts;
    struct buffer whole;
};

static struct span
canonical_key(const struct read *read)
{
    return span_make(read->keys, read->key_lengths[0]);
}

static bool
is_of_load(const struct read *read)
{
    return (read->targets & REPLICA_ANSWERING) == 0;
}

static void
finish(struct read *read)
{
    struct key_reader *reader = read->reader;
    struct reading *reading = reader->reading;
    const struct replica_value absent = {.kind = VALUE_ABSENT};
    bool is_live = !is_of_load(read);

    if (!read->found && !read->lost && !read->stale)
        replica_orders_take(
            reading->orders, read->targets, canonical_key(read), &read->about, &absent);
    reader->in_flight--;
    if (!is_live)
        reader->of_load--;
    if (read->lost && is_live)
        reader->events.lost(reader->argument, canonical_key(read));
    free(read);
    reader->events.done(reader->argument);
}

static void
take_value(struct read *read, struct span key, const struct replica_value *value)
{
    struct reading *reading = read->reader->reading;
    bool is_odd = read->answered > 0;

    if (value->kind == VALUE_ABSENT) {
        if (!is_odd)
            return;
        reading_remove_odd_key(reading, canonical_key(read), key);
        replica_orders_forget_key(reading->orders, key);
    } else if (read->found) {
        replica_orders_refuse_key(reading->orders, key, PROBLEM_DOUBLE,
            "another key means the same and goes before it");
    } else {
        read->found = true;
        replica_orders_take(reading->orders, read->targets, key, &read->about, value);
        pin_expiry_ask(reading, read->targets, key, &read->about, value);
    }
}

static void
was_answered(void *argument, const struct redis_reply *reply, bool stale)
{
    struct read *read = argument;
    struct reading *reading = read->reader->reading;
    struct domain_field fields[READING_FIELDS_MAX];
    struct replica_value value;
    struct span key =
        span_make(read->keys + read->key_start, read->key_lengths[read->answered]);

    read->stale = read->stale || stale;
    if (stale)
        read->found = true; /* nobody waits for it any more */
    else if (reply == NULL || read->lost ||
             !reading_value(reading, reply, fields, &value))
        read->lost = true;
    else
        take_value(read, key, &value);
    read->key_start += key.length;
    read->answered++;
    if (read->answered == read->key_count)
        finish(read);
}

/* A key that names nothing: it is only of interest whether it is there. */
static void
bad_was_answered(void *argument, const struct redis_reply *reply, bool stale)
{
    struct read *read = argument;
    struct reading *reading = read->reader->reading;

    (void)stale;
    read->lost = reply == NULL;
    read->found = true;
    if (reply != NULL && reply->kind == REDIS_INTEGER && reply->integer > 0)
        replica_orders_refuse_key(reading->orders, canonical_key(read), PROBLEM_INVALID,
            "names no domain, recipient, unit or list (a pattern such as @example.com is "
            "none)");
    else if (reply != NULL)
        replica_orders_forget_key(reading->orders, canonical_key(read));
    finish(read);
}

static struct read *
read_new(struct key_reader *reader, unsigned targets, const struct replica_key *about,
    const struct span *keys, size_t count)
{
    size_t size = 0;
    struct read *read;

    for (size_t i = 0; i < count; i++)
        size += keys[i].length;
    read = allocate(sizeof(*read) + size);
    read->reader = reader;
    read->targets = targets;
    read->about = *about;
    read->key_count = count;
    size = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(read->keys + size, keys[i].data, keys[i].length);
        read->key_lengths[i] = keys[i].length;
        size += keys[i].length;
    }
    reader->in_flight++;
    if (is_of_load(read))
        reader->of_load++;
    return read;
}

struct key_reader *
key_reader_new(
    struct reading *reading, const struct key_reader_events *events, void *argument)
{
    struct key_reader *reader = allocate(sizeof(*reader));

    reader->reading = reading;
    reader->events = *events;
    reader->argument = argument;
    buffer_init(&reader->texts, KEYS_OCTETS_MAX);
    buffer_init(&reader->whole, KEYS_OCTETS_MAX);
    return reader;
}

void
key_reader_free(struct key_reader *reader)
{
    if (reader == NULL)
        return;
    buffer_clear(&reader->texts);
    buffer_clear(&reader->whole);
    free(reader);
}

bool
key_reader_read(struct key_reader *reader, unsigned targets, struct span key,
    const struct replica_key *about)
{
    struct reading *reading = reader->reading;
    struct span keys[ODD_KEYS_READ + 1] = {key};
    struct span command =
        about->kind == REPLICA_KEY_DOMAIN ? SPAN("HGETALL") : SPAN("GET");
    reading_answer *callback = was_answered;
    size_t count = 1;
    size_t sent = 0;
    struct read *read;

    if (reader->in_flight >= KEY_READER_IN_FLIGHT_MAX ||
        redis_room(reading->redis) <= ODD_KEYS_READ + 1)
        return false;
    if (about->kind == REPLICA_KEY_BAD) {
        command = SPAN("EXISTS");
        callback = bad_was_answered;
    } else {
        if (!about->as_written && (targets & REPLICA_ANSWERING) != 0)
            reading_add_odd_key(reading, about, key);
        count = reading_keys(reading, targets, about, keys, &reader->texts);
    }
    read = read_new(reader, targets, about, keys, count);
    for (size_t i = 0; i < count; i++)
        sent += reading_ask_words(reading, targets, callback, read, command,
            reading_whole_key(reading, keys[i], &reader->whole));
    /* There was room; but should one not go, the others don't tell the whole. */
    if (sent < count) {
        read->lost = true;
        read->key_count = sent;
    }
    if (sent == 0)
        finish(read);
    return true;
}

size_t
key_reader_in_flight(const struct key_reader *reader)
{
    return reader->in_flight;
}

size_t
key_reader_of_load(const struct key_reader *reader)
{
    return reader->of_load;
}
