#include "policyd/store/replica_scan.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/redis/redis_pattern.h"
#include "policyd/replica/key_queue.h"
#include "policyd/store/value_reader.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum {
    COMPARE_ENTRIES = 200, /* between looks at the clock */
    COMPARE_SLICE_MS = 4,  /* of one turn */
    PATTERN_MAX = 2048,
};

/* Keys an answer, about. */
#define SCAN_COUNT "250"

enum scan_stage { SCAN_IDLE, SCAN_ACCEPT, SCAN_KEYS, SCAN_ODD_KEYS, SCAN_COMPARE };

struct replica_scan {
    struct reading *reading;
    struct key_reader *keys;
    struct list_reader *lists;
    struct value_reader *values;
    struct replica_scan_events events;
    void *argument;
    enum scan_stage stage;
    struct buffer pattern;
    struct buffer cursor;
    bool all_met;    /* SCAN has come to its end */
    bool scan_asked; /* an answer to SCAN is awaited */
    bool value_lost; /* an answer that nobody asks for again */
    uint64_t odd;    /* cursor in the oddly written keys */
    bool odd_all_read;
    struct key_queue waiting; /* keys for which key_reader had no room */
    struct event *slice;
};

static void go_on(struct replica_scan *scan);

static void
fail(struct replica_scan *scan)
{
    replica_scan_drop(scan);
    scan->events.failed(scan->argument);
}

/* --- single keys: domains, and what a batch gave no value for --- */

static void
read_single(struct replica_scan *scan, struct span key, const struct replica_key *about)
{
    if (!key_reader_read(scan->keys, REPLICA_LOADING, key, about))
        key_queue_put(&scan->waiting, key);
}

static void
read_waiting(struct replica_scan *scan)
{
    struct replica_key about;
    struct span key;

    while (key_queue_first(&scan->waiting, &key)) {
        reading_parse(scan->reading, key, &about);
        if (!key_reader_read(scan->keys, REPLICA_LOADING, key, &about))
            return;
        key_queue_drop_first(&scan->waiting);
    }
}

/* --- SCAN --- */

/* What is not read in batches; false: it is. */
static bool
meet_key(struct replica_scan *scan, struct span key, struct replica_key *about)
{
    struct reading *reading = scan->reading;

    reading_parse(reading, key, about);
    switch (about->kind) {
    case REPLICA_KEY_OTHER:
    case REPLICA_KEY_ACCEPT:
        return true;
    case REPLICA_KEY_BAD:
        replica_orders_refuse_key(reading->orders, key, PROBLEM_INVALID,
            "names no domain, recipient, unit or list");
        return true;
    case REPLICA_KEY_DOMAIN:
    case REPLICA_KEY_PIN:
    case REPLICA_KEY_UNIT:
    case REPLICA_KEY_LIST:
    case REPLICA_KEY_HOLD_TEXT:
        break;
    }
    if (!about->as_written) {
        reading_add_odd_key(reading, about, key);
        return true;
    }
    if (about->kind == REPLICA_KEY_LIST)
        list_reader_read(scan->lists, REPLICA_LOADING, key);
    else if (about->kind == REPLICA_KEY_DOMAIN)
        read_single(scan, key, about);
    return about->kind == REPLICA_KEY_LIST || about->kind == REPLICA_KEY_DOMAIN;
}

static void
meet_keys(struct replica_scan *scan, const struct redis_reply *keys)
{
    struct span prefix = scan->reading->prefix;

    for (size_t i = 0; i < keys->count; i++) {
        struct span whole = keys->elements[i].text;
        struct replica_key about;

        if (span_starts(whole, prefix) &&
            !meet_key(scan, span_from(whole, prefix.length), &about))
            value_reader_put(scan->values, span_from(whole, prefix.length));
        if (scan->stage != SCAN_KEYS)
            return;
    }
    value_reader_send(scan->values);
}

static void
read_alone(void *argument, struct span key)
{
    struct replica_scan *scan = argument;
    struct replica_key about;

    reading_parse(scan->reading, key, &about);
    read_single(scan, key, &about);
}

static void
value_was_lost(void *argument, struct span key)
{
    struct replica_scan *scan = argument;

    (void)key;
    scan->value_lost = true;
}

static void
values_are_read(void *argument)
{
    struct replica_scan *scan = argument;

    if (scan->stage != SCAN_IDLE && scan->value_lost)
        fail(scan);
    else
        go_on(scan);
}

static void
scan_was_answered(void *argument, const struct redis_reply *reply, bool stale)
{
    struct replica_scan *scan = argument;

    if (stale || scan->stage == SCAN_IDLE)
        return;
    scan->scan_asked = false;
    if (reply == NULL) {
        fail(scan);
        return;
    }
    if (!redis_reply_is_array(reply, 2) || !redis_reply_is_string(&reply->elements[0]) ||
        !redis_reply_is_array(&reply->elements[1], 0)) {
        reading_drop(scan->reading, reply, "SCAN");
        return;
    }
    buffer_reset(&scan->cursor);
    buffer_append(&scan->cursor, reply->elements[0].text);
    scan->all_met = span_is(reply->elements[0].text, "0");
    meet_keys(scan, &reply->elements[1]);
    go_on(scan); /* does nothing where the load was given up meanwhile */
}

static void
ask_keys(struct replica_scan *scan)
{
    scan->scan_asked = true;
    if (!reading_ask_words(scan->reading, REPLICA_LOADING, scan_was_answered, scan,
            SPAN("SCAN"), buffer_span(&scan->cursor), SPAN("MATCH"),
            buffer_span(&scan->pattern), SPAN("COUNT"), SPAN(SCAN_COUNT)))
        fail(scan);
}

/* --- the stages --- */

static bool
all_is_read(const struct replica_scan *scan)
{
    return scan->all_met && value_reader_in_flight(scan->values) == 0 &&
           scan->waiting.count == 0 && key_reader_of_load(scan->keys) == 0 &&
           !list_reader_has_load(scan->lists);
}

/* Keys that are written oddly: read together with whatever means the same. */
static void
read_odd_keys(struct replica_scan *scan)
{
    struct span key;

    while (scan->waiting.count == 0 && !scan->odd_all_read) {
        struct replica_key about;

        if (!odd_keys_next(scan->reading->loading_odd_keys, &scan->odd, &key)) {
            scan->odd_all_read = true;
            return;
        }
        reading_parse(scan->reading, key, &about);
        if (about.kind == REPLICA_KEY_LIST)
            list_reader_read(scan->lists, REPLICA_LOADING, key);
        else
            read_single(scan, key, &about);
    }
}

static void
compare_soon(struct replica_scan *scan)
{
    static const struct timeval at_once = {0, 0};

    event_add(scan->slice, &at_once);
}

static void
go_on(struct replica_scan *scan)
{
    if (scan->stage != SCAN_KEYS && scan->stage != SCAN_ODD_KEYS)
        return;
    read_waiting(scan);
    if (scan->stage == SCAN_KEYS && !scan->all_met && !scan->scan_asked &&
        value_reader_has_room(scan->values) && scan->waiting.count == 0)
        ask_keys(scan);
    if (scan->stage == SCAN_KEYS && all_is_read(scan)) {
        scan->stage = SCAN_ODD_KEYS;
        scan->odd = 0;
        scan->odd_all_read = false;
    }
    if (scan->stage == SCAN_ODD_KEYS) {
        read_odd_keys(scan);
        if (scan->odd_all_read && all_is_read(scan)) {
            scan->stage = SCAN_COMPARE;
            compare_soon(scan);
        }
    }
}

/* What was met says what is there, whatever became of the load. */
static void
finish(struct replica_scan *scan, bool taken)
{
    struct reading *reading = scan->reading;

    odd_keys_free(reading->odd_keys);
    reading->odd_keys = reading->loading_odd_keys;
    reading->loading_odd_keys = NULL;
    scan->stage = SCAN_IDLE;
    scan->events.finished(scan->argument, taken);
}

static void
compare_slice(evutil_socket_t fd, short what, void *argument)
{
    struct replica_scan *scan = argument;
    struct replica_orders *orders = scan->reading->orders;
    uint64_t end_ms = clock_now_ms() + COMPARE_SLICE_MS;
    enum replica_load_result result;

    (void)fd;
    (void)what;
    reading_set_time(scan->reading);
    do {
        result = replica_orders_step_load(orders, COMPARE_ENTRIES);
    } while (result == REPLICA_LOAD_GOES_ON && clock_now_ms() < end_ms);
    if (result == REPLICA_LOAD_GOES_ON)
        compare_soon(scan);
    else
        finish(scan, result == REPLICA_LOAD_TAKEN);
}

/* What operators have accepted comes first: it says what this load may lose. */
static void
accept_was_answered(void *argument, const struct redis_reply *reply, bool stale)
{
    struct replica_scan *scan = argument;
    struct domain_field fields[READING_FIELDS_MAX];
    struct replica_value value;

    if (stale || scan->stage == SCAN_IDLE)
        return;
    if (reply == NULL) {
        fail(scan);
        return;
    }
    if (!reading_value(scan->reading, reply, fields, &value))
        return;
    (void)replica_orders_take_accept(scan->reading->orders, &value);
    replica_orders_begin_load(scan->reading->orders);
    scan->reading->loading_odd_keys = odd_keys_new();
    scan->stage = SCAN_KEYS;
    go_on(scan);
}

/* All keys with our prefix; what is special in a pattern is taken literally. */
static void
make_pattern(struct replica_scan *scan)
{
    buffer_init(&scan->pattern, PATTERN_MAX);
    redis_pattern_literal(&scan->pattern, scan->reading->prefix);
    buffer_append_octet(&scan->pattern, '*');
}

struct replica_scan *
replica_scan_new(struct reading *reading, struct key_reader *keys,
    struct list_reader *lists, const struct replica_scan_events *events, void *argument)
{
    static const struct value_reader_events value_events = {
        read_alone, value_was_lost, values_are_read};
    struct replica_scan *scan = allocate(sizeof(*scan));

    scan->reading = reading;
    scan->keys = keys;
    scan->lists = lists;
    scan->events = *events;
    scan->argument = argument;
    buffer_init(&scan->cursor, REDIS_VALUE_OCTETS_MAX);
    key_queue_init(&scan->waiting);
    make_pattern(scan);
    scan->values = value_reader_new(reading, REPLICA_LOADING, &value_events, scan);
    scan->slice = allocated(event_new(reading->base, -1, 0, compare_slice, scan));
    return scan;
}

void
replica_scan_free(struct replica_scan *scan)
{
    if (scan == NULL)
        return;
    replica_scan_drop(scan);
    event_free(scan->slice);
    value_reader_free(scan->values);
    buffer_clear(&scan->pattern);
    buffer_clear(&scan->cursor);
    key_queue_clear(&scan->waiting);
    free(scan);
}

void
replica_scan_start(struct replica_scan *scan)
{
    struct buffer whole;

    replica_scan_drop(scan);
    scan->reading->load_number++;
    scan->stage = SCAN_ACCEPT;
    scan->all_met = false;
    scan->scan_asked = false;
    scan->value_lost = false;
    key_queue_reset(&scan->waiting);
    buffer_reset(&scan->cursor);
    buffer_append_octet(&scan->cursor, '0');
    buffer_init(&whole, PATTERN_MAX);
    if (!reading_ask_words(scan->reading, REPLICA_LOADING, accept_was_answered, scan,
            SPAN("GET"), reading_whole_key(scan->reading, SPAN("accept"), &whole)))
        fail(scan);
    buffer_clear(&whole);
}

void
replica_scan_drop(struct replica_scan *scan)
{
    struct reading *reading = scan->reading;

    if (scan->stage == SCAN_IDLE)
        return;
    scan->stage = SCAN_IDLE;
    event_del(scan->slice);
    replica_orders_drop_load(reading->orders);
    odd_keys_free(reading->loading_odd_keys);
    reading->loading_odd_keys = NULL;
}

bool
replica_scan_is_running(const struct replica_scan *scan)
{
    return scan->stage != SCAN_IDLE;
}

void
replica_scan_go_on(struct replica_scan *scan)
{
    go_on(scan);
}
