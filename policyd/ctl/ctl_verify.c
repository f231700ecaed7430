#include "policyd/ctl/ctl_verify.h"

#include <inttypes.h>
#include <stdio.h>

#include "policyd/books/books_events.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_store.h"
#include "policyd/events/event_chain.h"
#include "policyd/redis/redis_event.h"
#include "shared/base/json.h"
#include "shared/base/number.h"

enum { BUNCH = 500, OUT_MAX = 1 << 20, TRIES = 3, BUNCH_MAX = 256 << 20 };

struct verifying {
    struct ctl *ctl;
    struct event_chain *chain;
    struct event_chain_end end;
    const char *books;   /* "the books of gw1" */
    struct error unread; /* why they were not looked at; "" where they were */
};

/* --- what Redis has --- */

static bool
read_head(struct ctl *ctl, struct event_head *head, struct error *error)
{
    struct span key = ctl_store_key(ctl, ctl->arena, "events:head", SPAN(""));
    const struct redis_reply *reply = NULL;

    event_head_init(head);
    if (!ctl_store_open(ctl, error))
        return false;
    /* Of another type: it is no head. */
    if (!redis_call_words(ctl->redis, &reply, error, SPAN("GET"), key))
        return redis_reply_is_error_of(reply, "WRONGTYPE");
    redis_event_head(reply, head);
    return true;
}

/* entries-added, where Redis is 7 or newer and the stream is there. */
static void
read_added(struct verifying *verifying)
{
    struct ctl *ctl = verifying->ctl;
    struct span key = ctl_store_key(ctl, ctl->arena, "events", SPAN(""));
    const struct redis_reply *reply;
    struct error error;

    if (!redis_call_words(
            ctl->redis, &reply, &error, SPAN("XINFO"), SPAN("STREAM"), key) ||
        !redis_reply_is_array(reply, 2))
        return;
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        const struct redis_reply *value = &reply->elements[i + 1];

        if (redis_reply_is_string(&reply->elements[i]) &&
            span_is(reply->elements[i].text, "entries-added") &&
            value->kind == REDIS_INTEGER && value->integer > 0)
            verifying->end.added = (uint64_t)value->integer;
    }
}

static bool
read_bunch(struct verifying *verifying, char last[EVENT_ID_SIZE], struct arena *arena,
    size_t *count, struct error *error)
{
    struct ctl *ctl = verifying->ctl;
    struct span key = ctl_store_key(ctl, arena, "events", SPAN(""));
    const char *from = arena_printf(arena, "%s%s", last[0] == '-' ? "" : "(", last);
    const struct redis_reply *reply;

    if (!redis_call_words(ctl->redis, &reply, error, SPAN("XRANGE"), key, span_of(from),
            SPAN("+"), SPAN("COUNT"), span_of(arena_printf(arena, "%d", BUNCH))))
        return false;
    if (!redis_reply_is_array(reply, 0))
        return error_temporary(error, "XRANGE was answered by no list");
    *count = reply->count;
    for (size_t i = 0; i < reply->count; i++) {
        struct event_entry entry;

        if (!redis_event_read(&reply->elements[i], arena, &entry))
            return error_temporary(error, "XRANGE was answered by no entries");
        event_chain_add(verifying->chain, &entry);
        (void)span_copy(entry.id, last, EVENT_ID_SIZE);
    }
    return true;
}

static bool
read_stream(struct verifying *verifying, struct error *error)
{
    struct arena *arena = arena_new(BUNCH_MAX);
    char last[EVENT_ID_SIZE] = "-";
    size_t count = BUNCH;
    bool works = read_head(verifying->ctl, &verifying->end.before, error);

    while (works && count == BUNCH) {
        arena_reset(arena);
        works = read_bunch(verifying, last, arena, &count, error);
    }
    arena_free(arena);
    if (!works)
        return false;
    read_added(verifying);
    return read_head(verifying->ctl, &verifying->end.after, error);
}

/* --- what the books have --- */

static void
take_copy(void *argument, const struct event_head *place)
{
    struct verifying *verifying = argument;

    event_chain_copy(verifying->chain, place, verifying->books);
}

static void
read_books(struct verifying *verifying)
{
    struct ctl *ctl = verifying->ctl;
    struct error *error = &verifying->unread;
    struct books *books = books_open(ctl->config->books, BOOKS_READ, error);

    verifying->books = "the books of this gateway";
    if (books != NULL && books_each_event(books, take_copy, verifying, error))
        error->text[0] = '\0';
    books_close(books);
}

/* While it is read it may be cut: then what was looked at is no longer what is there. */
static bool
look(struct verifying *verifying, const struct event_head *given, struct error *error)
{
    const struct event_fault *faults;

    for (unsigned tries = 0; tries < TRIES; tries++) {
        event_chain_free(verifying->chain);
        verifying->chain = event_chain_new();
        verifying->end = (struct event_chain_end){.given = *given};
        if (!read_stream(verifying, error))
            return false;
        read_books(verifying);
        event_chain_end(verifying->chain, &verifying->end);
        if (event_chain_faults(verifying->chain, &faults) == 0 ||
            verifying->end.before.seq == verifying->end.after.seq)
            return true;
    }
    return true;
}

/* --- telling --- */

static const char *
sentence(struct arena *arena, const struct event_fault *fault)
{
    return arena_printf(arena, "%s: %s%s%s%s", event_fault_name(fault->kind), fault->text,
        fault->id[0] != '\0' ? " (" : "", fault->id, fault->id[0] != '\0' ? ")" : "");
}

static void
print_json(const struct verifying *verifying)
{
    struct arena *arena = verifying->ctl->arena;
    const struct event_head *last = event_chain_last(verifying->chain);
    const struct event_fault *faults;
    size_t count = event_chain_faults(verifying->chain, &faults);
    struct event_chain_counts counts;
    char head[EVENT_HEAD_SIZE];
    struct buffer out;
    struct json json;

    event_chain_counts(verifying->chain, &counts);
    event_head_write(last, head);
    buffer_init(&out, OUT_MAX);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    json_bool(&json, "ok", count == 0);
    json_text(&json, "first_fault", count > 0 ? sentence(arena, &faults[0]) : NULL);
    json_text(&json, "head", last->seq > 0 ? head : NULL);
    json_integer(&json, "events", (int64_t)counts.chained);
    json_integer(&json, "not_chained_before", (int64_t)counts.earlier);
    json_integer(&json, "not_chained_since", (int64_t)counts.beside);
    json_integer(&json, "copies", (int64_t)counts.copies);
    json_text(&json, "books_unread",
        verifying->unread.text[0] != '\0' ? verifying->unread.text : NULL);
    json_array_begin(&json, "faults");
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&json, NULL);
        json_text(&json, "kind", event_fault_name(faults[i].kind));
        json_integer(&json, "seq", (int64_t)faults[i].seq);
        json_text(&json, "id", faults[i].id);
        json_text(&json, "text", faults[i].text);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    ctl_output_document(&out);
}

static void
print(const struct verifying *verifying)
{
    const struct event_head *last = event_chain_last(verifying->chain);
    const struct event_fault *faults;
    size_t count = event_chain_faults(verifying->chain, &faults);
    struct event_chain_counts counts;
    char head[EVENT_HEAD_SIZE];

    event_chain_counts(verifying->chain, &counts);
    event_head_write(last, head);
    for (size_t i = 0; i < count; i++)
        ctl_output_alarm("%s", sentence(verifying->ctl->arena, &faults[i]));
    if (last->seq == 0)
        ctl_output_say("no event is chained");
    else
        ctl_output_say("%zu events in the chain, the last one is %" PRIu64 "%s",
            counts.chained, last->seq, count == 0 ? "; all of them are as written" : "");
    if (counts.earlier > 0)
        ctl_output_say(
            "not chained: %zu before them, of an earlier version", counts.earlier);
    if (counts.beside > 0)
        ctl_output_say("not chained: %zu among them, by hand or by an earlier version",
            counts.beside);
    if (verifying->unread.text[0] != '\0')
        ctl_output_note("not compared with the books: %s", verifying->unread.text);
    else
        ctl_output_say("compared with %zu copies in %s", counts.copies, verifying->books);
    if (last->seq > 0)
        ctl_output_say("head %s", head);
}

int
ctl_verify_run(struct ctl *ctl)
{
    const char *text = ctl->arguments.values[CTL_HEAD];
    struct verifying verifying = {.ctl = ctl};
    const struct event_fault *faults;
    struct event_head given;
    struct error error;
    int status = CTL_DONE;

    event_head_init(&given);
    if (ctl->arguments.count != 1)
        return ctl_output_fail(CTL_USAGE, "events verify takes no word behind it");
    if (text != NULL && (!event_head_parse(span_of(text), &given) || given.seq == 0))
        return ctl_output_fail(CTL_USAGE,
            "--head takes SEQ:HASH as the log of postshift-cutover has it (events: "
            "head=...)");
    if (!look(&verifying, &given, &error)) {
        event_chain_free(verifying.chain);
        return ctl_store_fail(ctl, &error);
    }
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON))
        print_json(&verifying);
    else
        print(&verifying);
    if (event_chain_faults(verifying.chain, &faults) > 0)
        status = CTL_NO;
    event_chain_free(verifying.chain);
    return status;
}
