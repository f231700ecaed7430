#include "policyd/store/list_reader.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/redis/redis_trim.h"
#include "shared/base/allocate.h"

enum {
    SLICE = 1000,     /* members put in force in one turn */
    LOOKED_AT = 1000, /* waiting lists, for one that is asked for twice */
    TRIES = 2,        /* by SSCAN, while the list keeps changing */
    KEYS_OCTETS_MAX = (ODD_KEYS_READ + 1) * (2 * REPLICA_NAME_MAX),
};

struct job {
    struct job *next;
    unsigned targets;
    unsigned load_number;
    size_t length;
    char key[];
};

struct list_reader {
    struct reading *reading;
    void (*idle)(void *argument);
    void *argument;
    struct job *first; /* the one being read, once `busy` */
    struct job **last;
    size_t waiting;
    unsigned load_number; /* the last load that asked */
    size_t load_waiting;  /* for it */
    struct event *slice;

    /* Of the first job. */
    bool busy;     /* an answer is awaited, or it is being put in force */
    bool changed;  /* while it was read */
    bool stepping; /* being put in force */
    unsigned tries;
    size_t members;
    struct span keys[ODD_KEYS_READ + 1];
    size_t key_count;
    size_t key_next;
    struct buffer texts;
    struct buffer whole;
};

static void start_job(struct list_reader *reader);

static bool
is_of_load(const struct job *job)
{
    return (job->targets & REPLICA_ANSWERING) == 0;
}

static bool
is_stale(const struct list_reader *reader, const struct job *job)
{
    return is_of_load(job) && (job->load_number != reader->reading->load_number ||
                                  !replica_orders_is_loading(reader->reading->orders));
}

static void
drop_first(struct list_reader *reader)
{
    struct job *job = reader->first;

    reader->first = job->next;
    if (reader->first == NULL)
        reader->last = &reader->first;
    reader->waiting--;
    if (is_of_load(job) && job->load_number == reader->load_number)
        reader->load_waiting--;
    reader->tries = 0;
    free(job);
}

/* On to the next list; nobody's recursion. */
static void
go_on(struct list_reader *reader)
{
    static const struct timeval at_once = {0, 0};

    event_add(reader->slice, &at_once);
}

static void
finish_job(struct list_reader *reader)
{
    struct job *job = reader->first;

    /* Read as a whole, but it changed before the answer was here: it waits once more. */
    reader->stepping = true;
    if (reader->changed)
        list_reader_read(reader, job->targets, span_make(job->key, job->length));
    reader->changed = false;
    reader->busy = false;
    reader->stepping = false;
    drop_first(reader);
    go_on(reader);
}

static void
begin_again(struct list_reader *reader)
{
    replica_orders_drop_list(reader->reading->orders);
    reader->busy = false;
    reader->tries++;
    go_on(reader);
}

static void was_answered(void *argument, const struct redis_reply *reply, bool stale);

static void
ask(struct list_reader *reader, struct span cursor)
{
    struct reading *reading = reader->reading;
    struct span whole =
        reading_whole_key(reading, reader->keys[reader->key_next], &reader->whole);
    bool asked;

    if (reader->tries < TRIES)
        asked = reading_ask_words(reading, reader->first->targets, was_answered, reader,
            SPAN("SSCAN"), whole, cursor, SPAN("COUNT"), SPAN("500"));
    else
        asked = reading_ask_words(reading, reader->first->targets, was_answered, reader,
            SPAN("SMEMBERS"), whole);
    reader->busy = asked;
    if (!asked)
        replica_orders_drop_list(reading->orders);
}

/* The key is read through: put in force, unless another one may still hold the list. */
static void
key_is_read(struct list_reader *reader, enum replica_list_result result)
{
    struct replica_orders *orders = reader->reading->orders;
    struct replica_key about;

    if (result == LIST_READ && reader->members == 0 &&
        reader->key_next + 1 < reader->key_count) {
        if (reader->key_next > 0)
            reading_remove_odd_key(
                reader->reading, reader->keys[0], reader->keys[reader->key_next]);
        reader->key_next++;
        reading_parse(reader->reading, reader->keys[reader->key_next], &about);
        replica_orders_begin_list(
            orders, reader->first->targets, reader->keys[reader->key_next], &about);
        ask(reader, SPAN("0"));
        return;
    }
    replica_orders_end_list(orders, result);
    reader->stepping = true;
    go_on(reader);
}

/* False: more than a list may have, or than an answer holds. */
static bool
take_members(struct list_reader *reader, const struct redis_reply *members)
{
    reader->members += members->count;
    for (size_t i = 0; i < members->count; i++) {
        if (!redis_reply_is_string(&members->elements[i]))
            return false;
        replica_orders_take_member(reader->reading->orders, members->elements[i].text);
    }
    return reader->members <= REPLICA_LIST_MEMBERS_MAX;
}

static void
take_answer(struct list_reader *reader, const struct redis_reply *reply)
{
    if (redis_reply_is_error_of(reply, "WRONGTYPE")) {
        key_is_read(reader, LIST_OF_OTHER_TYPE);
    } else if (redis_reply_is_error_of(reply, REDIS_TOO_LARGE)) {
        key_is_read(reader, LIST_TOO_LARGE);
    } else if (reader->tries >= TRIES && redis_reply_is_array(reply, 0)) {
        key_is_read(reader, take_members(reader, reply) ? LIST_READ : LIST_TOO_LARGE);
    } else if (redis_reply_is_array(reply, 2) &&
               redis_reply_is_string(&reply->elements[0]) &&
               redis_reply_is_array(&reply->elements[1], 0)) {
        if (!take_members(reader, &reply->elements[1]))
            key_is_read(reader, LIST_TOO_LARGE);
        else if (span_is(reply->elements[0].text, "0"))
            key_is_read(reader, LIST_READ);
        else
            ask(reader, reply->elements[0].text);
    } else {
        reader->busy = false;
        reading_drop(reader->reading, reply, "a list can't be read");
    }
}

static void
was_answered(void *argument, const struct redis_reply *reply, bool stale)
{
    struct list_reader *reader = argument;

    if (reply == NULL) {
        replica_orders_drop_list(reader->reading->orders);
        reader->busy = false;
    } else if (stale || is_stale(reader, reader->first)) {
        replica_orders_drop_list(reader->reading->orders);
        finish_job(reader);
    } else if (reader->changed && reader->tries < TRIES) {
        begin_again(reader);
    } else {
        take_answer(reader, reply);
    }
}

static void
start_job(struct list_reader *reader)
{
    struct job *job = reader->first;
    struct span key = span_make(job->key, job->length);
    struct replica_key about;

    reading_parse(reader->reading, key, &about);
    if (!about.as_written && !is_of_load(job))
        reading_add_odd_key(reader->reading, &about, key);
    reader->key_count =
        reading_keys(reader->reading, job->targets, &about, reader->keys, &reader->texts);
    reader->key_next = 0;
    reader->members = 0;
    reader->changed = false;
    replica_orders_begin_list(
        reader->reading->orders, job->targets, reader->keys[0], &about);
    ask(reader, SPAN("0"));
}

static void
on_slice(evutil_socket_t fd, short what, void *argument)
{
    struct list_reader *reader = argument;

    (void)fd;
    (void)what;
    reading_set_time(reader->reading);
    if (reader->stepping) {
        if (replica_orders_step_list(reader->reading->orders, SLICE))
            go_on(reader);
        else
            finish_job(reader);
        return;
    }
    if (reader->busy)
        return;
    while (reader->first != NULL && is_stale(reader, reader->first))
        drop_first(reader);
    if (reader->first == NULL)
        reader->idle(reader->argument);
    else if (redis_is_up(reader->reading->redis))
        start_job(reader);
}

struct list_reader *
list_reader_new(struct reading *reading, void (*idle)(void *argument), void *argument)
{
    struct list_reader *reader = allocate(sizeof(*reader));

    reader->reading = reading;
    reader->idle = idle;
    reader->argument = argument;
    reader->last = &reader->first;
    reader->slice = allocated(event_new(reading->base, -1, 0, on_slice, reader));
    buffer_init(&reader->texts, KEYS_OCTETS_MAX);
    buffer_init(&reader->whole, KEYS_OCTETS_MAX);
    return reader;
}

void
list_reader_free(struct list_reader *reader)
{
    if (reader == NULL)
        return;
    while (reader->first != NULL)
        drop_first(reader);
    event_free(reader->slice);
    buffer_clear(&reader->texts);
    buffer_clear(&reader->whole);
    free(reader);
}

/* Waits already (a few times too often does no harm), or is being read: then it is read
 * again. */
static bool
is_asked_for(struct list_reader *reader, unsigned targets, struct span key)
{
    struct job *job = reader->first;

    for (size_t i = 0; job != NULL && i < LOOKED_AT; i++, job = job->next) {
        bool is_first = job == reader->first;

        if (job->targets != targets || (is_first && reader->stepping) ||
            !span_equal(span_make(job->key, job->length), key))
            continue;
        if (is_first && reader->busy)
            reader->changed = true;
        return true;
    }
    return false;
}

void
list_reader_read(struct list_reader *reader, unsigned targets, struct span key)
{
    struct job *job;

    /* A load meets each list once, or not much oftener. */
    if ((targets & REPLICA_ANSWERING) != 0 && is_asked_for(reader, targets, key))
        return;
    job = allocate(sizeof(*job) + key.length);
    job->targets = targets;
    job->load_number = reader->reading->load_number;
    job->length = key.length;
    memcpy(job->key, key.data, key.length);
    *reader->last = job;
    reader->last = &job->next;
    reader->waiting++;
    if (is_of_load(job)) {
        if (reader->load_number != job->load_number)
            reader->load_waiting = 0;
        reader->load_number = job->load_number;
        reader->load_waiting++;
    }
    if (!reader->busy)
        go_on(reader);
}

void
list_reader_resume(struct list_reader *reader)
{
    if (!reader->busy && !reader->stepping)
        go_on(reader);
}

bool
list_reader_has_load(const struct list_reader *reader)
{
    return reader->load_number == reader->reading->load_number &&
           reader->load_waiting > 0;
}

size_t
list_reader_waiting(const struct list_reader *reader)
{
    return reader->waiting;
}

void
list_reader_forget(struct list_reader *reader)
{
    struct job **link = &reader->first;

    while (*link != NULL) {
        struct job *job = *link;

        if (is_of_load(job) ||
            (job == reader->first && (reader->busy || reader->stepping))) {
            link = &job->next;
            continue;
        }
        *link = job->next;
        reader->waiting--;
        free(job);
    }
    reader->last = link;
}
