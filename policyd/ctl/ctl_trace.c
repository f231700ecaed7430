/*
 * trace: what became of a mail, a readable story each.
 */
#include <inttypes.h>
#include <time.h>

#include "policyd/books/books_trace.h"
#include "policyd/ctl/ctl_books.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_verbs.h"
#include "shared/base/json.h"

enum { OUT_MAX = 512 << 20, ADDRESS_WIDTH = 36 };

static const char *
text_of(struct ctl *ctl, struct span text)
{
    return ctl_output_text(ctl->arena, text);
}

/* --- for people --- */

static void
print_recipient(struct ctl *ctl, const struct trace_recipient *recipient, int64_t day_of)
{
    const char *attempts =
        recipient->attempts > 1
            ? arena_printf(ctl->arena, " (attempt %" PRIu64 ")", recipient->attempts)
            : "";

    ctl_output_say("    %-*s  %-9s  %-7s  %s%s%s%s%s", ADDRESS_WIDTH,
        recipient->to.length > 0 ? text_of(ctl, recipient->to) : "(never named)",
        ctl_books_end(recipient->end), ctl_books_backend(recipient->backend),
        recipient->time_ms != 0 ? ctl_books_clock(ctl->arena, recipient->time_ms, day_of)
                                : "-",
        attempts, recipient->is_maybe ? ", may be there more than once" : "",
        recipient->tls.length > 0 ? ", " : "", text_of(ctl, recipient->tls));
    if (recipient->orig_to.length > 0 && recipient->orig_to.data[0] != '#')
        ctl_output_say("        written to %s", text_of(ctl, recipient->orig_to));
    if (recipient->reply.length > 0)
        ctl_output_say("        %s", text_of(ctl, recipient->reply));
}

static void
print_leg(struct ctl *ctl, const struct trace_leg *leg, int64_t day_of)
{
    const char *from = leg->client.length > 0 ? text_of(ctl, leg->client) : "this host";

    if (leg->is_notice)
        ctl_output_say("  notice %s, %s", text_of(ctl, leg->queue_id),
            ctl_books_clock(ctl->arena, leg->begun_ms, day_of));
    else
        ctl_output_say("  %s  %s from %s%s%s, %" PRIu64 " octets%s",
            text_of(ctl, leg->queue_id),
            ctl_books_clock(ctl->arena, leg->begun_ms, day_of), from,
            leg->login.length > 0 ? ", logged in as " : "", text_of(ctl, leg->login),
            leg->size,
            leg->accepted_ms == 0 ? ", never accepted"
            : leg->is_held        ? ", on hold"
                                  : "");
    for (size_t i = 0; i < leg->verdict_count; i++)
        ctl_output_say("    %s", text_of(ctl, leg->verdicts[i]));
    if (leg->refused.length > 0)
        ctl_output_say("    %s", text_of(ctl, leg->refused));
    for (size_t i = 0; i < leg->recipient_count; i++)
        print_recipient(ctl, &leg->recipients[i], day_of);
}

static void
print_story(struct ctl *ctl, const struct trace_story *story)
{
    int64_t begun = story->leg_count > 0 ? story->legs[0].begun_ms : 0;

    ctl_output_say("%s  from <%s>  <%s>", ctl_books_stamp(ctl->arena, begun),
        text_of(ctl, story->from), text_of(ctl, story->message_id));
    for (size_t i = 0; i < story->leg_count; i++)
        print_leg(ctl, &story->legs[i], begun);
}

/* --- for programs --- */

static void
write_recipient(struct json *json, const struct trace_recipient *recipient)
{
    json_object_begin(json, NULL);
    json_span(json, "to", recipient->to);
    json_span(json, "orig_to", recipient->orig_to);
    json_text(json, "end", ctl_books_end(recipient->end));
    json_text(json, "backend", ctl_books_backend(recipient->backend));
    json_integer(json, "time", recipient->time_ms / 1000);
    json_span(json, "reply", recipient->reply);
    json_text(json, "class",
        recipient->end == END_DELIVERED ? NULL : reply_class_name(recipient->class));
    json_span(json, "service", recipient->service);
    json_span(json, "relay", recipient->relay);
    json_span(json, "tls", recipient->tls);
    json_integer(json, "attempts", (int64_t)recipient->attempts);
    json_integer(json, "delay_ms", (int64_t)recipient->delay_ms);
    json_bool(json, "maybe", recipient->is_maybe);
    json_object_end(json);
}

static void
write_leg(struct json *json, const struct trace_leg *leg)
{
    json_object_begin(json, NULL);
    json_span(json, "queue_id", leg->queue_id);
    json_span(json, "host", leg->host);
    json_integer(json, "begun", leg->begun_ms / 1000);
    json_integer(json, "accepted", leg->accepted_ms / 1000);
    json_integer(json, "removed", leg->removed_ms / 1000);
    json_span(json, "client", leg->client);
    json_span(json, "login", leg->login);
    json_span(json, "from", leg->from);
    json_integer(json, "size", (int64_t)leg->size);
    json_bool(json, "notice", leg->is_notice);
    json_bool(json, "held", leg->is_held);
    json_span(json, "refused", leg->refused);
    json_array_begin(json, "verdicts");
    for (size_t i = 0; i < leg->verdict_count; i++)
        json_span(json, NULL, leg->verdicts[i]);
    json_array_end(json);
    json_array_begin(json, "recipients");
    for (size_t i = 0; i < leg->recipient_count; i++)
        write_recipient(json, &leg->recipients[i]);
    json_array_end(json);
    json_object_end(json);
}

static void
print_json(const struct trace_story *stories, size_t count, bool more)
{
    struct buffer out;
    struct json json;

    buffer_init(&out, OUT_MAX);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    json_array_begin(&json, "stories");
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&json, NULL);
        json_span(&json, "message_id", stories[i].message_id);
        json_span(&json, "from", stories[i].from);
        json_array_begin(&json, "legs");
        for (size_t j = 0; j < stories[i].leg_count; j++)
            write_leg(&json, &stories[i].legs[j]);
        json_array_end(&json);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_bool(&json, "more", more);
    json_object_end(&json);
    buffer_append_octet(&out, '\n');
    ctl_output_raw(buffer_span(&out));
    buffer_clear(&out);
}

/* --- the verb --- */

/* `<alice@example.com>` is alice@example.com. */
static struct span
bare(const char *text)
{
    struct span span = span_trim(span_of(text));

    if (span.length >= 2 && span.data[0] == '<' && span.data[span.length - 1] == '>')
        span = span_first(span_from(span, 1), span.length - 2);
    return span;
}

static bool
read_query(struct ctl *ctl, struct trace_query *query)
{
    const char *const *values = ctl->arguments.values;

    *query = (struct trace_query){
        .to = bare(values[CTL_TO]),
        .from = bare(values[CTL_FROM]),
        .ip = bare(values[CTL_IP]),
        .queue_id = bare(values[CTL_QUEUE_ID]),
        .message_id = bare(values[CTL_MESSAGE_ID]),
        .domain = bare(values[CTL_DOMAIN]),
    };
    if (values[CTL_SINCE] != NULL &&
        !ctl_books_time(values[CTL_SINCE], "since", &query->since_ms))
        return false;
    if (values[CTL_UNTIL] != NULL &&
        !ctl_books_time(values[CTL_UNTIL], "until", &query->until_ms))
        return false;
    if (query->to.length + query->from.length + query->ip.length +
            query->queue_id.length + query->message_id.length + query->domain.length >
        0)
        return true;
    (void)ctl_output_fail(CTL_USAGE,
        "one of --to, --from, --ip, --queue-id, --message-id, --domain is wanted");
    return false;
}

int
ctl_trace_run(struct ctl *ctl)
{
    struct trace_query query;
    struct trace_story *stories;
    struct books *books;
    struct error error;
    size_t count;
    bool more;

    if (!read_query(ctl, &query))
        return CTL_USAGE;
    books = ctl_books_open(ctl);
    if (books == NULL)
        return CTL_NO;
    if (!books_trace(books, ctl->arena, &query, &stories, &count, &more, &error)) {
        books_close(books);
        return ctl_output_fail(CTL_NO, "%s", error.text);
    }
    books_close(books);
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON)) {
        print_json(stories, count, more);
        return count > 0 ? CTL_DONE : CTL_NO;
    }
    for (size_t i = 0; i < count; i++)
        print_story(ctl, &stories[i]);
    if (count == 0)
        return ctl_output_fail(CTL_NO, "the books have no such mail");
    if (more)
        ctl_output_warn(
            "there is more: these are the newest %zu (--since, --until narrow)", count);
    return CTL_DONE;
}
