#include "policyd/store/value_reader.h"

#include <stdlib.h>

#include "policyd/replica/key_queue.h"
#include "policyd/store/pin_expiry.h"
#include "shared/base/allocate.h"

struct batch {
    struct value_reader *reader;
    unsigned load_number;
    struct key_queue keys;
};

struct value_reader {
    struct reading *reading;
    unsigned targets;
    struct value_reader_events events;
    void *argument;
    struct batch *collected; /* NULL: nothing */
    unsigned load_number;    /* of those in flight */
    size_t in_flight;
};

static bool
is_for_load(const struct value_reader *reader)
{
    return (reader->targets & REPLICA_ANSWERING) == 0;
}

static struct batch *
batch_new(struct value_reader *reader)
{
    struct batch *batch = allocate(sizeof(*batch));

    batch->reader = reader;
    batch->load_number = reader->reading->load_number;
    key_queue_init(&batch->keys);
    return batch;
}

static void
batch_free(struct batch *batch)
{
    if (batch == NULL)
        return;
    key_queue_clear(&batch->keys);
    free(batch);
}

static void
take_value(struct value_reader *reader, struct span key, const struct redis_reply *reply)
{
    struct replica_value value = {.kind = VALUE_TEXT, .text = reply->text};
    struct replica_key about;

    if (reply->kind != REDIS_STRING) {
        reader->events.alone(reader->argument, key);
        return;
    }
    reading_parse(reader->reading, key, &about);
    replica_orders_take(reader->reading->orders, reader->targets, key, &about, &value);
    pin_expiry_ask(reader->reading, reader->targets, key, &about, &value);
}

static void
take_values(struct batch *batch, const struct redis_reply *reply)
{
    struct value_reader *reader = batch->reader;
    struct span key;

    for (size_t i = 0; key_queue_first(&batch->keys, &key); i++) {
        if (reply == NULL)
            reader->events.lost(reader->argument, key);
        else
            take_value(reader, key, &reply->elements[i]);
        key_queue_drop_first(&batch->keys);
    }
}

static void
was_answered(void *argument, const struct redis_reply *reply, bool stale)
{
    struct batch *batch = argument;
    struct value_reader *reader = batch->reader;
    const struct redis_reply *values = NULL;

    if (reply != NULL && redis_reply_is_array(reply, batch->keys.count))
        values = reply;
    if (!stale) {
        reader->in_flight--;
        take_values(batch, values);
    }
    batch_free(batch);
    if (reply != NULL && values == NULL)
        reading_drop(reader->reading, reply, "values can't be read");
    else if (!stale)
        reader->events.done(reader->argument);
}

struct value_reader *
value_reader_new(struct reading *reading, unsigned targets,
    const struct value_reader_events *events, void *argument)
{
    struct value_reader *reader = allocate(sizeof(*reader));

    reader->reading = reading;
    reader->targets = targets;
    reader->events = *events;
    reader->argument = argument;
    return reader;
}

void
value_reader_free(struct value_reader *reader)
{
    if (reader == NULL)
        return;
    batch_free(reader->collected);
    free(reader);
}

void
value_reader_put(struct value_reader *reader, struct span key)
{
    if (reader->collected != NULL && is_for_load(reader) &&
        reader->collected->load_number != reader->reading->load_number) {
        batch_free(reader->collected);
        reader->collected = NULL;
    }
    if (reader->collected == NULL)
        reader->collected = batch_new(reader);
    key_queue_put(&reader->collected->keys, key);
    if (reader->collected->keys.count >= VALUE_READER_BATCH)
        value_reader_send(reader);
}

/* MGET and the whole names, which are put together in `names`. */
static size_t
make_words(const struct value_reader *reader, const struct batch *batch,
    struct buffer *names, struct span words[VALUE_READER_BATCH + 1])
{
    struct key_queue walk = batch->keys;
    struct span key;
    size_t count = 1;
    const char *at;

    words[0] = SPAN("MGET");
    while (key_queue_first(&walk, &key)) {
        buffer_append(names, reader->reading->prefix);
        buffer_append(names, key);
        words[count++].length = reader->reading->prefix.length + key.length;
        key_queue_skip_first(&walk);
    }
    at = names->data;
    for (size_t i = 1; i < count; i++) {
        words[i].data = at;
        at += words[i].length;
    }
    return count;
}

void
value_reader_send(struct value_reader *reader)
{
    struct batch *batch = reader->collected;
    struct span words[VALUE_READER_BATCH + 1];
    struct buffer names;
    size_t count;

    reader->collected = NULL;
    if (batch == NULL)
        return;
    if (reader->load_number != batch->load_number && is_for_load(reader))
        reader->in_flight = 0;
    reader->load_number = batch->load_number;
    reader->in_flight++;
    buffer_init(&names, (size_t)(VALUE_READER_BATCH + 1) * 2 * KEY_QUEUE_KEY_MAX);
    count = make_words(reader, batch, &names, words);
    if (!reading_ask(reader->reading, reader->targets, was_answered, batch, count, words))
        was_answered(batch, NULL, false);
    buffer_clear(&names);
}

bool
value_reader_has_room(const struct value_reader *reader)
{
    return value_reader_in_flight(reader) < VALUE_READER_IN_FLIGHT_MAX;
}

size_t
value_reader_in_flight(const struct value_reader *reader)
{
    if (is_for_load(reader) && reader->load_number != reader->reading->load_number)
        return 0;
    return reader->in_flight;
}
