#include "policyd/maillog/maillog_attempt.h"

#include "policyd/maillog/queue_id.h"
#include "shared/base/attributes.h"
#include "shared/base/number.h"
#include "shared/base/octet.h"

enum { KEYS_MAX = 20, KEY_LENGTH_MAX = 32, CANDIDATES_MAX = 64 };

/* "0.28", "72", "1e+03" is none. */
static bool
read_seconds(struct span text, uint64_t *milliseconds)
{
    size_t point = span_find(text, '.');
    struct span behind = point == SPAN_NONE ? SPAN("") : span_from(text, point + 1);
    uint64_t whole = 0;
    uint64_t scale = 100;

    if (!number_unsigned(span_first(text, point), UINT32_MAX, &whole) ||
        (point != SPAN_NONE && behind.length == 0))
        return false;
    *milliseconds = 1000 * whole;
    for (size_t i = 0; i < behind.length; i++) {
        if (!octet_is_digit(behind.data[i]))
            return false;
        *milliseconds += scale * (uint64_t)(behind.data[i] - '0');
        scale /= 10;
    }
    return true;
}

static bool
read_delays(struct span text, uint64_t delays[4])
{
    struct span part;
    size_t count = 0;

    while (span_split(&text, '/', &part)) {
        if (count == 4 || !read_seconds(part, &delays[count++]))
            return false;
    }
    return count == 4;
}

/* The value of the next pair, up to ", "; false: the next pair has another key. */
static bool
take_pair(struct span *rest, const char *key, struct span *value)
{
    struct span after = *rest;
    size_t end;

    if (!span_take(&after, span_of(key)))
        return false;
    end = span_find_text(after, SPAN(", "));
    if (end == SPAN_NONE)
        return false;
    *value = span_first(after, end);
    *rest = span_from(after, end + 2);
    return true;
}

/* A key that we don't know, "tls=may, ", is passed over. */
static bool
pass_pair(struct span *rest)
{
    size_t end = span_find_text(*rest, SPAN(", "));
    size_t equals = span_find(*rest, '=');

    if (end == SPAN_NONE || equals == 0 || equals > KEY_LENGTH_MAX || equals > end)
        return false;
    for (size_t i = 0; i < equals; i++) {
        char octet = rest->data[i];

        if (!(octet >= 'a' && octet <= 'z') && octet != '_')
            return false;
    }
    *rest = span_from(*rest, end + 2);
    return true;
}

/* Passes over what is unknown until a pair with this key. */
static bool
reach(struct span *rest, const char *key, struct span *value)
{
    for (unsigned i = 0; i < KEYS_MAX; i++) {
        if (take_pair(rest, key, value))
            return true;
        if (!pass_pair(rest))
            return false;
    }
    return false;
}

static bool
read_status(struct span word, enum maillog_status *status)
{
    static const struct {
        const char *word;
        enum maillog_status status;
    } rows[] = {
        {"sent",                         MAILLOG_SENT         },
        {"deferred",                     MAILLOG_DEFERRED     },
        {"bounced",                      MAILLOG_BOUNCED      },
        {"expired",                      MAILLOG_EXPIRED      },
        {"SOFTBOUNCE",                   MAILLOG_SOFTBOUNCE   },
        {"deliverable",                  MAILLOG_DELIVERABLE  },
        {"undeliverable",                MAILLOG_UNDELIVERABLE},
        {"undeliverable-but-not-cached", MAILLOG_UNDELIVERABLE}
    };

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (span_is(word, rows[i].word)) {
            *status = rows[i].status;
            return true;
        }
    }
    return false;
}

/* "sent (250 2.0.0 Ok: queued as 4ABCDEF012)"; the text may lack its end where the line
 * was cut. */
static bool
read_end(struct span rest, struct maillog_event *event)
{
    size_t blank = span_find(rest, ' ');
    struct span word = span_first(rest, blank);

    if (!read_status(word, &event->status))
        return false;
    rest = blank == SPAN_NONE ? SPAN("") : span_from(rest, blank + 1);
    if (rest.length > 0 && rest.data[0] == '(')
        rest = span_from(rest, 1);
    if (rest.length > 0 && rest.data[rest.length - 1] == ')')
        rest = span_first(rest, rest.length - 1);
    event->text = rest;
    return true;
}

/* What Postfix at the other end, or local(8), calls the message from here on. */
static void
read_next_id(struct maillog_event *event)
{
    struct span rest = event->text;
    size_t at;

    if (event->status != MAILLOG_SENT)
        return;
    if (span_take(&rest, SPAN("forwarded as "))) {
        event->is_forwarded = true;
    } else {
        at = span_find_text(rest, SPAN("queued as "));
        if (at == SPAN_NONE)
            return;
        rest = span_from(rest, at + sizeof("queued as ") - 1);
    }
    at = 0;
    while (at < rest.length && rest.data[at] != ' ' && rest.data[at] != ')' &&
           rest.data[at] != ',')
        at++;
    if (queue_id_is_valid(span_first(rest, at)))
        event->other_id = span_first(rest, at);
    else
        event->is_forwarded = false;
}

/* All behind the addresses. */
static bool
read_rest(struct span rest, struct maillog_event *event)
{
    struct span value;

    if (!reach(&rest, "relay=", &event->relay) || !reach(&rest, "delay=", &value) ||
        !read_seconds(value, &event->delay_ms) || !reach(&rest, "delays=", &value) ||
        !read_delays(value, event->delays_ms) || !reach(&rest, "dsn=", &event->dsn))
        return false;
    while (!span_take(&rest, SPAN("status="))) {
        if (!pass_pair(&rest))
            return false;
    }
    return read_end(rest, event);
}

/*
 * The end of the address at the start of `text` ("<...>, "), as the first place behind
 * which all is as it should be: a quoted local part may hold anything, and so did bare
 * ones before 3.5.
 */
static bool
/* NOLINTNEXTLINE(misc-no-recursion): orig_to= may follow to=, and nothing follows it */
read_addresses(struct span text, struct maillog_event *event, bool is_orig)
{
    struct span *address = is_orig ? &event->orig_to : &event->to;
    size_t at = 1;

    if (text.length == 0 || text.data[0] != '<')
        return false;
    if (at < text.length && text.data[at] == '"') {
        for (at++; at < text.length && text.data[at] != '"'; at++)
            at += text.data[at] == '\\';
    }
    for (unsigned i = 0; i < CANDIDATES_MAX && at < text.length; i++) {
        size_t step = span_find_text(span_from(text, at), SPAN(">, "));
        struct span rest;

        if (step == SPAN_NONE)
            return false;
        at += step;
        *address = span_first(span_from(text, 1), at - 1);
        rest = span_from(text, at + 3);
        if (!is_orig && span_take(&rest, SPAN("orig_to=")) &&
            read_addresses(rest, event, true))
            return true;
        if (read_rest(span_from(text, at + 3), event))
            return true;
        at++;
    }
    return false;
}

void
maillog_attempt_read(struct span text, struct maillog_event *event)
{
    if (!span_take(&text, SPAN("to=")) || !read_addresses(text, event, false))
        return;
    event->kind = MAILLOG_ATTEMPT;
    event->maybe_double =
        span_ends(event->text, SPAN("-- message may be sent more than once"));
    read_next_id(event);
}
