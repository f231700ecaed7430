/*
 * events: who changed what, from the stream in Redis.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policyd/ctl/ctl_ack.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_pause.h"
#include "policyd/ctl/ctl_store.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/ctl/ctl_verify.h"
#include "policyd/terminal/ctl_table.h"
#include "shared/base/json.h"
#include "shared/base/number.h"

enum {
    LIMIT_DEFAULT = 20,
    LIMIT_MAX = 10000,
    BUNCH = 500,
    ID_MAX = 64,
    OUT_MAX = 64 << 20,
};

static const char *const names[] = {"time", "who", "host", "domain", "what", "from", "to",
    "why", "rev", "key", "seq", "prev", "hash"};

struct event {
    struct span id;
    struct span values[ARRAY_LENGTH(names)];
};

/* The last ones, the newest first. */
struct events {
    struct ctl *ctl;
    const char *domain; /* NULL: of all */
    struct event *items;
    size_t count;
    size_t most;
};

static bool
read_entry(struct ctl *ctl, const struct redis_reply *entry, struct event *event)
{
    const struct redis_reply *fields;

    *event = (struct event){.id = SPAN("")};
    if (!redis_reply_is_array(entry, 2) || !redis_reply_is_string(&entry->elements[0]) ||
        !redis_reply_is_array(&entry->elements[1], 0))
        return false;
    fields = &entry->elements[1];
    event->id = span_of(arena_text(ctl->arena, entry->elements[0].text));
    for (size_t i = 0; i + 1 < fields->count; i += 2) {
        for (size_t n = 0; n < ARRAY_LENGTH(names); n++) {
            if (span_is(fields->elements[i].text, names[n]))
                event->values[n] = arena_span(ctl->arena, fields->elements[i + 1].text);
        }
    }
    return true;
}

static bool
is_wanted(const struct events *events, const struct event *event)
{
    return events->domain == NULL || span_is(event->values[3], events->domain) ||
           span_is(event->values[3], "*");
}

/* A bunch of entries by XRANGE or XREVRANGE, both ends as Redis writes them. */
static const struct redis_reply *
ask(struct ctl *ctl, const char *command, const char *from, const char *to,
    struct error *error)
{
    const struct redis_reply *reply;
    const char *count = arena_printf(ctl->arena, "%d", BUNCH);

    if (!ctl_store_open(ctl, error) ||
        !redis_call_words(ctl->redis, &reply, error, span_of(command),
            ctl_store_key(ctl, ctl->arena, "events", span_of("")), span_of(from),
            span_of(to), SPAN("COUNT"), span_of(count)))
        return NULL;
    if (redis_reply_is_array(reply, 0))
        return reply;
    (void)error_temporary(error, "%s was answered by no list", command);
    return NULL;
}

/* From the newest backwards until there are enough. */
static bool
read_last(struct events *events, struct error *error)
{
    const char *from = "+";
    const struct redis_reply *reply;

    do {
        struct event event = {.id = SPAN("")};

        reply = ask(events->ctl, "XREVRANGE", from, "-", error);
        if (reply == NULL)
            return false;
        for (size_t i = 0; i < reply->count && events->count < events->most; i++) {
            if (read_entry(events->ctl, &reply->elements[i], &event) &&
                is_wanted(events, &event))
                events->items[events->count++] = event;
        }
        if (reply->count > 0 && event.id.length > 0)
            from = arena_printf(
                events->ctl->arena, "(%s", arena_text(events->ctl->arena, event.id));
    } while (reply->count == BUNCH && events->count < events->most);
    return true;
}

static const char *
time_of(struct ctl *ctl, const struct event *event)
{
    struct span text = event->values[0];
    uint64_t seconds;
    char written[21];

    if (!number_unsigned(text, INT64_MAX, &seconds))
        return ctl_output_text(ctl->arena, text);
    number_rfc3339_write((int64_t)seconds, written);
    return arena_text(ctl->arena, span_of(written));
}

static void
write_json(struct json *json, const struct event *event)
{
    uint64_t seconds;

    json_object_begin(json, NULL);
    json_span(json, "id", event->id);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (i == 0 && number_unsigned(event->values[i], INT64_MAX, &seconds))
            json_integer(json, names[i], (int64_t)seconds);
        else
            json_span(json, names[i], event->values[i]);
    }
    json_object_end(json);
}

static void
print_json(const struct events *events)
{
    struct buffer out;
    struct json json;

    buffer_init(&out, OUT_MAX);
    json = json_on(&out);
    json_array_begin(&json, NULL);
    for (size_t i = events->count; i > 0; i--)
        write_json(&json, &events->items[i - 1]);
    json_array_end(&json);
    ctl_output_document(&out);
}

static void
fill_row(struct ctl *ctl, const struct event *event, struct ctl_table_row *row)
{
    const char *texts[ARRAY_LENGTH(names)];

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        texts[i] = ctl_output_text(ctl->arena, event->values[i]);
    row->cells[0] = time_of(ctl, event);
    row->cells[1] = arena_printf(ctl->arena, "%s@%s", texts[1], texts[2]);
    row->cells[2] = texts[3];
    row->cells[3] = arena_printf(
        ctl->arena, "%s%s%s", texts[4], texts[9][0] != '\0' ? " " : "", texts[9]);
    row->cells[4] =
        arena_printf(ctl->arena, "%s -> %s", texts[5][0] != '\0' ? texts[5] : "(none)",
            texts[6][0] != '\0' ? texts[6] : "(none)");
    row->cells[5] = texts[7];
}

static void
print_table(const struct events *events)
{
    struct arena *arena = events->ctl->arena;
    struct ctl_table_row *rows = arena_take(arena, (events->count + 1) * sizeof(*rows));
    const struct ctl_table table = {
        .titles = {"TIME",    "WHO", "DOMAIN", "WHAT", "CHANGE", "WHY"},
        .rigid = {true},
        .rows = rows,
        .count = events->count,
    };
    struct buffer out;

    if (events->count == 0) {
        ctl_output_say("no events");
        return;
    }
    for (size_t i = 0; i < events->count; i++)
        fill_row(events->ctl, &events->items[events->count - 1 - i], &rows[i]);
    buffer_init(&out, OUT_MAX);
    ctl_table_write(&out, &table, CTL_TABLE_WIDTH, ctl_output_has_colour());
    ctl_output_raw(buffer_span(&out));
    buffer_clear(&out);
}

/* --- --follow --- */

static void
print_one(struct events *events, const struct event *event)
{
    struct ctl *ctl = events->ctl;
    struct ctl_table_row row = {.below = NULL};
    struct buffer out;
    struct json json;

    if (ctl_arguments_has(&ctl->arguments, CTL_JSON)) {
        buffer_init(&out, OUT_MAX);
        json = json_on(&out);
        write_json(&json, event);
        ctl_output_document(&out);
        return;
    }
    fill_row(ctl, event, &row);
    ctl_output_say("%s  %s  %s  %s  %s%s%s", row.cells[0], row.cells[1], row.cells[2],
        row.cells[3], row.cells[4], row.cells[5][0] != '\0' ? "  " : "", row.cells[5]);
}

static bool
print_since(struct events *events, char last[ID_MAX], struct error *error)
{
    const char *from = arena_printf(events->ctl->arena, "(%s", last);
    const struct redis_reply *reply = ask(events->ctl, "XRANGE", from, "+", error);

    if (reply == NULL)
        return false;
    for (size_t i = 0; i < reply->count; i++) {
        struct event event;

        if (!read_entry(events->ctl, &reply->elements[i], &event))
            continue;
        (void)span_copy(event.id, last, ID_MAX);
        if (is_wanted(events, &event))
            print_one(events, &event);
    }
    (void)fflush(stdout);
    return true;
}

/* The newest entry's place, whomever it is about. */
static bool
find_last(struct events *events, char last[ID_MAX], struct error *error)
{
    const struct redis_reply *reply = ask(events->ctl, "XREVRANGE", "+", "-", error);

    (void)snprintf(last, ID_MAX, "0-0");
    if (reply != NULL && reply->count > 0 && redis_reply_is_array(&reply->elements[0], 1))
        (void)span_copy(reply->elements[0].elements[0].text, last, ID_MAX);
    return reply != NULL;
}

static int
follow(struct events *events)
{
    struct arena *outer = events->ctl->arena;
    struct error error;
    char last[ID_MAX];
    bool works = find_last(events, last, &error);
    bool over = false;

    ctl_pause_begin();
    while (works && !over && !ferror(stdout)) {
        events->ctl->arena = arena_new(OUT_MAX);
        works = print_since(events, last, &error);
        arena_free(events->ctl->arena);
        events->ctl->arena = outer;
        over = !ctl_pause(1);
    }
    ctl_pause_end();
    return works ? CTL_DONE : ctl_store_fail(events->ctl, &error);
}

static int
run_word(struct ctl *ctl)
{
    const char *word = ctl->arguments.words[0];

    if (strcmp(word, "ack") == 0)
        return ctl_ack_run(ctl);
    if (strcmp(word, "verify") == 0)
        return ctl_verify_run(ctl);
    return ctl_output_fail(CTL_USAGE, "events %s: there are verify and ack",
        ctl_output_text(ctl->arena, span_of(word)));
}

int
ctl_events_run(struct ctl *ctl)
{
    const char *limit = ctl->arguments.values[CTL_LIMIT];
    const char *domain = ctl->arguments.values[CTL_DOMAIN];
    struct events events = {.ctl = ctl};
    struct error error;
    uint64_t most = LIMIT_DEFAULT;

    if (ctl->arguments.count > 0)
        return run_word(ctl);
    if (limit != NULL && !number_unsigned(span_of(limit), LIMIT_MAX, &most))
        return ctl_output_fail(CTL_USAGE, "--limit takes a number up to %d", LIMIT_MAX);
    if (domain != NULL) {
        events.domain = ctl_store_canonical_domain(ctl, domain);
        if (events.domain == NULL)
            return CTL_USAGE;
    }
    events.most = (size_t)most;
    events.items = arena_take(ctl->arena, (events.most + 1) * sizeof(*events.items));
    if (ctl_arguments_has(&ctl->arguments, CTL_FOLLOW))
        return follow(&events);
    if (!read_last(&events, &error))
        return ctl_store_fail(ctl, &error);
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON))
        print_json(&events);
    else
        print_table(&events);
    return CTL_DONE;
}
