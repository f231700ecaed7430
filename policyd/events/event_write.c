#include "policyd/events/event_write.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FIELDS = 13, TEXT_MAX = 4096 };

const char EVENT_BEFORE[] = "what stood there before";

struct event {
    struct event_pair pairs[FIELDS];
    size_t count;
    bool tells_before;
    /* Of the place that it was last given. */
    char seq[24];
    char prev[EVENT_HASH_SIZE];
    char head[EVENT_HEAD_SIZE];
    char hash[EVENT_HASH_SIZE];
    char number[8];
};

struct event_write {
    struct arena *arena;
    const char *script;
    struct span keys[EVENT_WRITE_WORDS_MAX];
    size_t key_count;
    struct span arguments[EVENT_WRITE_WORDS_MAX];
    size_t argument_count;
    struct event events[EVENT_WRITE_EVENTS_MAX];
    size_t event_count;
    struct event checkpoint;
    /* As Redis said them. */
    char head[EVENT_HEAD_SIZE + 8];
    char cut[EVENT_HEAD_SIZE + 8];
    struct span before;
    struct event_head place; /* behind what has one */
    struct span words[EVENT_WRITE_WORDS_MAX];
    char key_number[8];
    size_t count;
};

static void
add_pair(struct event *event, const char *name, struct span value)
{
    event->pairs[event->count++] = (struct event_pair){span_of(name), value};
}

static struct span
keep(struct event_write *write, const char *text)
{
    return arena_span(write->arena, span_of(text));
}

static struct span
number(struct event_write *write, uint64_t value)
{
    return span_of(arena_printf(write->arena, "%" PRIu64, value));
}

struct event_write *
event_write_new(struct arena *arena, const char *prefix, const char *script)
{
    struct event_write *write = arena_take(arena, sizeof(*write));

    write->arena = arena;
    write->script = script;
    write->before = SPAN("");
    event_write_key(write, span_of(arena_printf(arena, "%sevents", prefix)));
    event_write_key(write, span_of(arena_printf(arena, "%sevents:head", prefix)));
    return write;
}

struct arena *
event_write_arena(const struct event_write *write)
{
    return write->arena;
}

void
event_write_key(struct event_write *write, struct span key)
{
    assert(write->key_count < EVENT_WRITE_WORDS_MAX);
    write->keys[write->key_count++] = arena_span(write->arena, key);
}

void
event_write_argument(struct event_write *write, struct span argument)
{
    assert(write->argument_count < EVENT_WRITE_WORDS_MAX);
    write->arguments[write->argument_count++] = arena_span(write->arena, argument);
}

void
event_write_number(struct event_write *write, uint64_t value)
{
    event_write_argument(write, number(write, value));
}

static void
fill(struct event_write *write, struct event *event, const struct event_fields *fields)
{
    event->count = 0;
    event->tells_before = fields->from == EVENT_BEFORE;
    add_pair(event, "time", number(write, (uint64_t)fields->time));
    add_pair(event, "who", keep(write, fields->who));
    add_pair(event, "host", keep(write, fields->host));
    add_pair(event, "domain", keep(write, fields->domain));
    add_pair(event, "what", keep(write, fields->what));
    if (fields->key != NULL && fields->key[0] != '\0')
        add_pair(event, "key", keep(write, fields->key));
    add_pair(event, "from", event->tells_before ? SPAN("") : keep(write, fields->from));
    add_pair(event, "to", keep(write, fields->to));
    add_pair(event, "why", keep(write, fields->why));
    add_pair(event, "rev", fields->rev > 0 ? number(write, fields->rev) : SPAN(""));
    add_pair(event, "seq", SPAN(""));
    add_pair(event, "prev", SPAN(""));
    add_pair(event, "hash", SPAN(""));
}

void
event_write_event(struct event_write *write, const struct event_fields *fields)
{
    const struct event_fields checkpoint = {
        .time = fields->time,
        .who = fields->who,
        .host = fields->host,
        .what = "checkpoint",
        .why = "the oldest events go, up to this one",
    };

    assert(write->event_count < EVENT_WRITE_EVENTS_MAX);
    if (write->event_count == 0)
        fill(write, &write->checkpoint, &checkpoint);
    fill(write, &write->events[write->event_count++], fields);
}

static void
set(struct event *event, const char *name, struct span value)
{
    for (size_t i = 0; i < event->count; i++) {
        if (span_is(event->pairs[i].name, name))
            event->pairs[i].value = value;
    }
}

/* Behind all that has a place. */
static void
give_place(struct event_write *write, struct event *event)
{
    struct event_head *place = &write->place;
    struct buffer line;

    (void)snprintf(event->seq, sizeof(event->seq), "%" PRIu64, ++place->seq);
    memcpy(event->prev, place->hash, sizeof(event->prev));
    if (event->tells_before)
        set(event, "from", write->before);
    set(event, "seq", span_of(event->seq));
    set(event, "prev", span_of(event->prev));
    buffer_init(&line, SIZE_MAX);
    event_line_write(event->pairs, event->count, &line);
    event_hash(event->prev, buffer_span(&line), event->hash);
    buffer_clear(&line);
    set(event, "hash", span_of(event->hash));
    memcpy(place->hash, event->hash, sizeof(place->hash));
    event_head_write(place, event->head);
}

static void
add(struct event_write *write, struct span word)
{
    assert(write->count < EVENT_WRITE_WORDS_MAX);
    write->words[write->count++] = word;
}

static void
add_event(struct event_write *write, struct event *event)
{
    (void)snprintf(event->number, sizeof(event->number), "%zu", 2 * event->count);
    add(write, span_of(event->number));
    for (size_t i = 0; i < event->count; i++) {
        add(write, event->pairs[i].name);
        add(write, event->pairs[i].value);
    }
    add(write, span_of(event->head));
}

static void
add_checkpoint(struct event_write *write)
{
    set(&write->checkpoint, "to", span_of(write->cut));
    give_place(write, &write->checkpoint);
    add_event(write, &write->checkpoint);
}

/* "=" and what stands there, where an event tells it. */
static struct span
expected_before(struct event_write *write)
{
    bool is_told = false;
    char *text;

    for (size_t i = 0; i < write->event_count; i++)
        is_told = is_told || write->events[i].tells_before;
    if (!is_told)
        return SPAN("");
    text = arena_take(write->arena, write->before.length + 1);
    text[0] = '=';
    memcpy(text + 1, write->before.data, write->before.length);
    return span_make(text, write->before.length + 1);
}

size_t
event_write_words(struct event_write *write, const struct span **words)
{
    bool has_events = write->event_count > 0;

    write->count = 0;
    (void)snprintf(write->key_number, sizeof(write->key_number), "%zu", write->key_count);
    add(write, SPAN("EVAL"));
    add(write, span_of(write->script));
    add(write, span_of(write->key_number));
    for (size_t i = 0; i < write->key_count; i++)
        add(write, write->keys[i]);
    add(write, has_events ? span_of(write->head) : SPAN("-"));
    add(write, expected_before(write));
    add(write, has_events ? span_of(write->cut) : SPAN(""));
    /* What is no head begins the chain anew: an order never waits for one. */
    if (!event_head_parse(span_of(write->head), &write->place))
        event_head_init(&write->place);
    if (has_events && write->cut[0] != '\0')
        add_checkpoint(write);
    for (size_t i = 0; i < write->argument_count; i++)
        add(write, write->arguments[i]);
    for (size_t i = 0; i < write->event_count; i++) {
        give_place(write, &write->events[i]);
        add_event(write, &write->events[i]);
    }
    *words = write->words;
    return write->count;
}

bool
event_write_moved(struct event_write *write, const struct span *texts, size_t count)
{
    if (count != 4 || !span_is(texts[0], "head") ||
        !span_copy(texts[1], write->head, sizeof(write->head)) ||
        !span_copy(texts[3], write->cut, sizeof(write->cut)))
        return false;
    if (!span_equal(texts[2], write->before))
        write->before = arena_span(write->arena, span_first(texts[2], TEXT_MAX));
    return true;
}

void
event_write_guess(struct event_write *write, const char *head)
{
    (void)snprintf(write->head, sizeof(write->head), "%s", head);
}

const char *
event_write_head(const struct event_write *write)
{
    return write->event_count > 0 ? write->events[write->event_count - 1].head : "";
}
