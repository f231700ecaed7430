/*
 * trace: what became of a mail, a readable story each.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <time.h>

#include "policyd/books/books_trace.h"
#include "policyd/ctl/ctl_books.h"
#include "policyd/ctl/ctl_fleet_trace.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_trace.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/maillog/queue_id.h"
#include "policyd/terminal/report_format.h"
#include "shared/base/json.h"

enum { OUT_MAX = 512 << 20, LINE_MAX_OCTETS = 4096, ADDRESS_WIDTH = 36 };

static const char *
text_of(struct ctl *ctl, struct span text)
{
    return ctl_output_text(ctl->arena, text);
}

/* --- for people --- */

/* Where it went, or was to go: a backend of ours by its name, else who took it. */
static const char *
place_of(struct ctl *ctl, const struct trace_recipient *recipient)
{
    if (recipient->backend != BACKEND_OTHER)
        return ctl_books_backend(recipient->backend);
    return recipient->relay.length == 0 || span_is(recipient->relay, "none")
               ? "no backend"
               : text_of(ctl, recipient->relay);
}

static void
print_recipient(struct ctl *ctl, const struct trace_leg *leg,
    const struct trace_recipient *recipient, int64_t day_of)
{
    struct arena *arena = ctl->arena;
    bool waits = recipient->end == END_WAITING && !leg->is_probe;
    const char *when = recipient->time_ms == 0
                           ? "not tried yet"
                           : arena_printf(arena, "%s%s", waits ? "last tried " : "",
                                 ctl_books_clock(arena, recipient->time_ms, day_of));

    ctl_output_note("    %-*s  %-9s  %s, %s%s%s%s%s", ADDRESS_WIDTH,
        recipient->to.length > 0 ? text_of(ctl, recipient->to) : "(never named)",
        leg->is_probe ? "asked" : ctl_books_end(recipient->end), place_of(ctl, recipient),
        when,
        recipient->attempts > 1
            ? arena_printf(arena, ", attempt %" PRIu64, recipient->attempts)
            : "",
        recipient->is_maybe ? ", may be there more than once" : "",
        recipient->tls.length > 0 ? ", " : "", text_of(ctl, recipient->tls));
    if (recipient->orig_to.length > 0)
        ctl_output_note("        written to %s", text_of(ctl, recipient->orig_to));
    if (recipient->reply.length > 0)
        ctl_output_note("        %s", text_of(ctl, recipient->reply));
}

/* A message that is being held, or was refused, has no size yet. */
static const char *
size_of(struct ctl *ctl, const struct trace_leg *leg)
{
    return leg->size > 0 ? arena_printf(ctl->arena, ", %s octets",
                               report_format_count(ctl->arena, leg->size))
                         : "";
}

static void
print_leg(struct ctl *ctl, const struct trace_leg *leg, int64_t day_of)
{
    const char *from = leg->client.length > 0 ? text_of(ctl, leg->client) : "this host";
    const char *begun = ctl_books_clock(ctl->arena, leg->begun_ms, day_of);

    if (leg->is_notice || leg->is_probe)
        ctl_output_note("  %s %s, %s", leg->is_notice ? "notice" : "probe",
            text_of(ctl, leg->queue_id), begun);
    else
        ctl_output_note("  %s  %s from %s%s%s%s%s", text_of(ctl, leg->queue_id), begun,
            from, leg->login.length > 0 ? ", logged in as " : "",
            text_of(ctl, leg->login), size_of(ctl, leg),
            leg->accepted_ms == 0 ? ", never accepted"
            : leg->is_held        ? ", on hold"
                                  : "");
    for (size_t i = 0; i < leg->verdict_count; i++)
        ctl_output_note("    %s", text_of(ctl, leg->verdicts[i]));
    if (leg->refused.length > 0)
        ctl_output_note("    %s", text_of(ctl, leg->refused));
    for (size_t i = 0; i < leg->recipient_count; i++)
        print_recipient(ctl, leg, &leg->recipients[i], day_of);
    if (leg->left_out > 0)
        ctl_output_note("    and %s more recipients (--to names one of them)",
            report_format_count(ctl->arena, leg->left_out));
}

static void
print_story(struct ctl *ctl, const struct trace_story *story)
{
    int64_t begun = story->leg_count > 0 ? story->legs[0].begun_ms : 0;

    ctl_output_note("%s  from <%s>  <%s>", ctl_books_stamp(ctl->arena, begun),
        text_of(ctl, story->from), text_of(ctl, story->message_id));
    for (size_t i = 0; i < story->leg_count; i++)
        print_leg(ctl, &story->legs[i], begun);
}

static bool
is_mail(const struct trace_leg *leg)
{
    return !leg->is_notice && !leg->is_probe && leg->accepted_ms != 0;
}

/* What became of all of them: what is under the last story, and can be quoted. */
static void
print_sum(struct ctl *ctl, const struct trace_story *stories, size_t count)
{
    uint64_t ends[END_COUNT] = {0};
    uint64_t left_out = 0;
    struct buffer line;

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < stories[i].leg_count; j++) {
            const struct trace_leg *leg = &stories[i].legs[j];

            left_out += leg->left_out;
            for (size_t k = 0; is_mail(leg) && k < leg->recipient_count; k++)
                ends[leg->recipients[k].end]++;
        }
    }
    buffer_init(&line, LINE_MAX_OCTETS);
    buffer_printf(&line, "%zu mail%s, recipients:", count, count == 1 ? "" : "s");
    for (int end = 0; end < END_COUNT; end++) {
        if (ends[end] > 0)
            buffer_printf(&line, " %s %s,", report_format_count(ctl->arena, ends[end]),
                ctl_books_end((enum books_end)end));
    }
    if (left_out > 0)
        buffer_printf(&line, " %s not shown,", report_format_count(ctl->arena, left_out));
    ctl_output_note("%.*s", (int)(buffer_span(&line).length - 1), buffer_text(&line));
    buffer_clear(&line);
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
    json_bool(json, "probe", leg->is_probe);
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
    json_integer(json, "recipients_left_out", (int64_t)leg->left_out);
    json_object_end(json);
}

static void
print_json(
    const struct trace_story *stories, size_t count, bool more, const struct fleet *fleet)
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
    json_array_begin(&json, "gateways_silent");
    for (size_t i = 0; fleet != NULL && i < fleet->silent_count; i++)
        json_text(&json, NULL, fleet->silent[i]);
    json_array_end(&json);
    json_object_end(&json);
    ctl_output_document(&out);
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

/* An address as Postfix logs it, of one with or without brackets, `IPv6:`, zeros; "":
 * it is none. */
static struct span
literal(struct arena *arena, struct span text)
{
    struct in6_addr six;
    struct in_addr four;
    char copy[INET6_ADDRSTRLEN];
    char written[INET6_ADDRSTRLEN] = "";

    if (text.length > 1 && text.data[0] == '[' && text.data[text.length - 1] == ']')
        text = span_first(span_from(text, 1), text.length - 2);
    if (span_starts_nocase(text, SPAN("IPv6:")))
        text = span_from(text, 5);
    if (!span_copy(text, copy, sizeof(copy)))
        return SPAN("");
    if (inet_pton(AF_INET6, copy, &six) == 1 && IN6_IS_ADDR_V4MAPPED(&six))
        (void)inet_ntop(AF_INET, &six.s6_addr[12], written, sizeof(written));
    else if (inet_pton(AF_INET6, copy, &six) == 1)
        (void)inet_ntop(AF_INET6, &six, written, sizeof(written));
    else if (inet_pton(AF_INET, copy, &four) == 1)
        (void)inet_ntop(AF_INET, &four, written, sizeof(written));
    return span_of(arena_text(arena, span_of(written)));
}

/* As it is copied out of a log. */
static struct span
without_colon(struct span queue_id)
{
    return span_ends(queue_id, SPAN(":")) ? span_first(queue_id, queue_id.length - 1)
                                          : queue_id;
}

/* `@example.com`, `example.com.` */
static struct span
bare_domain(struct span domain)
{
    if (domain.length > 1 && domain.data[0] == '@')
        domain = span_from(domain, 1);
    return domain.length > 1 && span_ends(domain, SPAN("."))
               ? span_first(domain, domain.length - 1)
               : domain;
}

static bool
is_sensible(const struct trace_query *query)
{
    const char *wrong = NULL;

    if (query->to.length + query->from.length + query->ip.length +
            query->queue_id.length + query->message_id.length + query->domain.length ==
        0)
        wrong = "one of --to, --from, --ip, --queue-id, --message-id, --domain is wanted";
    else if (query->queue_id.length > 0 && !queue_id_is_valid(query->queue_id))
        wrong = "--queue-id takes a queue id as Postfix's log has it";
    if (wrong != NULL)
        (void)ctl_output_fail(CTL_USAGE, "%s", wrong);
    return wrong == NULL;
}

static bool
read_query(struct ctl *ctl, struct trace_query *query)
{
    const char *const *values = ctl->arguments.values;
    struct span ip = bare(values[CTL_IP]);

    *query = (struct trace_query){
        .to = bare(values[CTL_TO]),
        .from = bare(values[CTL_FROM]),
        .ip = literal(ctl->arena, ip),
        .queue_id = without_colon(bare(values[CTL_QUEUE_ID])),
        .message_id = bare(values[CTL_MESSAGE_ID]),
        .domain = bare_domain(bare(values[CTL_DOMAIN])),
    };
    if (ip.length > 0 && query->ip.length == 0) {
        (void)ctl_output_fail(CTL_USAGE, "--ip takes an IPv4 or IPv6 address");
        return false;
    }
    return is_sensible(query) &&
           ctl_books_window(ctl, &query->since_ms, &query->until_ms);
}

int
ctl_trace_tell(struct ctl *ctl, const struct trace_story *stories, size_t count,
    bool more, const struct fleet *fleet)
{
    bool is_whole = fleet == NULL || fleet->silent_count == 0;

    if (ctl_arguments_has(&ctl->arguments, CTL_JSON)) {
        print_json(stories, count, more, fleet);
        return count > 0 && is_whole ? CTL_DONE : CTL_NO;
    }
    for (size_t i = 0; i < count; i++) {
        print_story(ctl, &stories[i]);
        ctl_output_raw(SPAN("\n"));
    }
    if (count == 0)
        return ctl_output_fail(CTL_NO, "the books have no such mail");
    print_sum(ctl, stories, count);
    if (more)
        ctl_output_warn(
            "there is more: these are the newest %zu (--since, --until narrow)", count);
    return is_whole ? CTL_DONE : CTL_NO;
}

static int
trace_all(struct ctl *ctl)
{
    struct fleet *fleet = arena_take(ctl->arena, sizeof(*fleet));
    struct trace_story *stories;
    size_t count;
    bool more;
    int status;

    if (!ctl_fleet_ask(ctl, fleet))
        return CTL_USAGE;
    ctl_fleet_trace(ctl->arena, fleet, &stories, &count, &more);
    status = ctl_trace_tell(ctl, stories, count, more, fleet);
    ctl_fleet_tell_silent(ctl, fleet);
    ctl_fleet_clear(fleet);
    return status;
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
    if (ctl_arguments_has(&ctl->arguments, CTL_ALL_GATEWAYS))
        return trace_all(ctl);
    books = ctl_books_open(ctl);
    if (books == NULL)
        return CTL_NO;
    if (!books_trace(books, ctl->arena, &query, &stories, &count, &more, &error)) {
        books_close(books);
        return ctl_output_fail(CTL_NO, "%s", error.text);
    }
    books_close(books);
    return ctl_trace_tell(ctl, stories, count, more, NULL);
}
