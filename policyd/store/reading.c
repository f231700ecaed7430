#include "policyd/store/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/redis/redis_trim.h"
#include "shared/base/allocate.h"

void
reading_set_time(struct reading *reading)
{
    struct timespec wall;
    struct timespec steady;

    clock_gettime(CLOCK_REALTIME_COARSE, &wall);
    clock_gettime(CLOCK_MONOTONIC_COARSE, &steady);
    replica_orders_set_time(reading->orders, wall.tv_sec,
        (uint64_t)steady.tv_sec * 1000 + (uint64_t)steady.tv_nsec / 1000000);
}

/* An answer finds its way back, and tells whether anybody still waits for it. */
struct question {
    struct reading *reading;
    bool of_load;
    unsigned load_number;
    reading_answer *answer;
    void *argument;
};

static void
was_answered(void *argument, const struct redis_reply *reply)
{
    struct question question = *(struct question *)argument;

    free(argument);
    reading_set_time(question.reading);
    question.answer(question.argument, reply,
        question.of_load && question.load_number != question.reading->load_number);
}

bool
reading_ask(struct reading *reading, unsigned targets, reading_answer *answer,
    void *argument, size_t count, const struct span *words)
{
    struct question *question = allocate(sizeof(*question));

    *question = (struct question){reading, (targets & REPLICA_ANSWERING) == 0,
        reading->load_number, answer, argument};
    if (redis_command(reading->redis, was_answered, question, count, words))
        return true;
    free(question);
    return false;
}

struct span
reading_whole_key(const struct reading *reading, struct span key, struct buffer *buffer)
{
    buffer_reset(buffer);
    buffer_append(buffer, reading->prefix);
    buffer_append(buffer, key);
    return buffer_span(buffer);
}

void
reading_parse(const struct reading *reading, struct span key, struct replica_key *about)
{
    replica_key_parse(key, span_of(""), &reading->recipient, about);
}

void
reading_add_odd_key(
    struct reading *reading, const struct replica_key *about, struct span written)
{
    static const char why[] =
        "too many keys that are not written canonically, or too long";
    struct buffer canonical;
    struct span name;

    buffer_init(&canonical, 2 * REPLICA_NAME_MAX + 64);
    replica_key_write(about, span_of(""), &canonical);
    name = buffer_span(&canonical);
    if (!odd_keys_add(reading->odd_keys, name, written) ||
        (reading->loading_odd_keys != NULL &&
            !odd_keys_add(reading->loading_odd_keys, name, written)))
        replica_orders_refuse_key(reading->orders, written, PROBLEM_INVALID, why);
    buffer_clear(&canonical);
}

void
reading_remove_odd_key(
    struct reading *reading, struct span canonical, struct span written)
{
    odd_keys_remove(reading->odd_keys, canonical, written);
    if (reading->loading_odd_keys != NULL)
        odd_keys_remove(reading->loading_odd_keys, canonical, written);
}

size_t
reading_keys(const struct reading *reading, unsigned targets,
    const struct replica_key *about, struct span keys[ODD_KEYS_READ + 1],
    struct buffer *texts)
{
    const struct odd_keys *odd_keys =
        (targets & REPLICA_ANSWERING) == 0 && reading->loading_odd_keys != NULL
            ? reading->loading_odd_keys
            : reading->odd_keys;
    struct span canonical;
    size_t count;
    const char *at;

    buffer_reset(texts);
    replica_key_write(about, span_of(""), texts);
    canonical = buffer_span(texts);
    count = odd_keys_sorted(odd_keys, canonical, keys + 1);
    keys[0] = canonical;
    for (size_t i = 1; i <= count; i++)
        buffer_append(texts, keys[i]);
    /* The buffer may have moved: now that it is complete, the spans point into it. */
    at = texts->data;
    for (size_t i = 0; i <= count; i++) {
        keys[i].data = at;
        at += keys[i].length;
    }
    return count + 1;
}

bool
reading_value(struct reading *reading, const struct redis_reply *reply,
    struct domain_field fields[READING_FIELDS_MAX], struct replica_value *value)
{
    *value = (struct replica_value){.kind = VALUE_ABSENT};
    if (reply->kind == REDIS_STRING) {
        value->kind = VALUE_TEXT;
        value->text = reply->text;
        return true;
    }
    if (redis_reply_is_error_of(reply, "WRONGTYPE")) {
        value->kind = VALUE_OTHER;
        return true;
    }
    /* More fields than are read: more than any domain may have. */
    if (redis_reply_is_error_of(reply, REDIS_TOO_LARGE)) {
        value->kind = VALUE_FIELDS;
        value->fields = fields;
        value->count = READING_FIELDS_MAX;
        memset(fields, 0, READING_FIELDS_MAX * sizeof(*fields));
        return true;
    }
    if (reply->kind == REDIS_ARRAY && reply->count % 2 == 0) {
        value->kind = reply->count == 0 ? VALUE_ABSENT : VALUE_FIELDS;
        value->fields = fields;
        while (value->count < READING_FIELDS_MAX && 2 * value->count < reply->count) {
            fields[value->count].name = reply->elements[2 * value->count].text;
            fields[value->count].value = reply->elements[2 * value->count + 1].text;
            value->count++;
        }
        return true;
    }
    if (reply->kind == REDIS_NIL)
        return true;
    reading_drop(reading, reply, "a value can't be read");
    return false;
}

void
reading_drop(struct reading *reading, const struct redis_reply *reply, const char *what)
{
    enum redis_trouble trouble = REDIS_TROUBLE_PROTOCOL;
    char why[200];

    if (redis_reply_is_error_of(reply, "NOPERM"))
        trouble = REDIS_TROUBLE_PERMISSION;
    else if (redis_reply_is_error(reply))
        trouble = REDIS_TROUBLE_BUSY;
    snprintf(why, sizeof(why), "%s", what);
    if (redis_reply_is_error(reply))
        snprintf(why, sizeof(why), "%s: %.*s", what,
            (int)(reply->text.length < 150 ? reply->text.length : 150), reply->text.data);
    redis_drop(reading->redis, trouble, why);
}
