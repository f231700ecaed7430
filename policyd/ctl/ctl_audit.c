/*
 * audit: whether the books balance, and what does not.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/books/books_queue.h"
#include "policyd/ctl/ctl_books.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_queue.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/setup/setup_process.h"
#include "shared/base/json.h"

enum { OUT_MAX = 64 << 20, QUEUE_MAX = 512 << 20, SHOWN = 50 };

/* One audit, and what Postfix's queue says beside it. */
struct findings {
    struct audit audit;
    struct audit_names queue_only;
    struct audit_names books_only;
    const char *queue_silent; /* why it was not asked, or NULL */
};

/* --- the queue --- */

static bool
look_at_queue(
    struct ctl *ctl, struct books *books, struct findings *findings, struct error *error)
{
    const char *words[5] = {"postqueue", "-j", NULL};
    struct buffer out;
    struct buffer said;
    struct error why;
    int status = 0;
    bool done = true;

    buffer_init(&out, QUEUE_MAX);
    buffer_init(&said, 1 << 16);
    if (ctl->config->postfix[0] != '\0') {
        words[1] = "-c";
        words[2] = ctl->config->postfix;
        words[3] = "-j";
        words[4] = NULL;
    }
    if (!setup_process_run(words, &out, &said, &status, &why)) {
        findings->queue_silent = arena_text(ctl->arena, span_of(why.text));
    } else if (status != 0) {
        findings->queue_silent =
            arena_text(ctl->arena, span_trim(span_first(buffer_span(&said), 200)));
    } else {
        struct queue_entry *entries;
        size_t count = ctl_queue_read(ctl->arena, buffer_span(&out), &entries);

        done = books_compare_queue(books, ctl->arena, entries, count,
            (int64_t)time(NULL) * 1000, &findings->queue_only, &findings->books_only,
            error);
    }
    buffer_clear(&out);
    buffer_clear(&said);
    return done;
}

/* --- for people --- */

static void
print_names(const char *what, const struct audit_names *names)
{
    size_t shown = names->count < SHOWN ? names->count : SHOWN;

    if (names->total == 0)
        return;
    ctl_output_say("%s: %" PRIu64, what, names->total);
    for (size_t i = 0; i < shown; i++)
        ctl_output_say("  %s", names->ids[i]);
    if (names->total > shown)
        ctl_output_say(
            "  and %" PRIu64 " more (--json names them)", names->total - shown);
}

static void
print_sum(const struct audit *audit)
{
    ctl_output_say("%-12s %12" PRIu64 "  recipients of %" PRIu64 " messages (%" PRIu64
                   " mails)",
        "accepted", audit->accepted, audit->messages, audit->stories);
    for (int end = END_DELIVERED; end < END_COUNT; end++)
        ctl_output_say(
            "%-12s %12" PRIu64, ctl_books_end((enum books_end)end), audit->ends[end]);
    ctl_output_say(
        "%-12s %12" PRIu64, ctl_books_end(END_WAITING), audit->ends[END_WAITING]);
    ctl_output_say("delivered by old %" PRIu64 ", new %" PRIu64 ", standby %" PRIu64
                   ", others %" PRIu64,
        audit->backends[BACKEND_OLD], audit->backends[BACKEND_NEW],
        audit->backends[BACKEND_STANDBY], audit->backends[BACKEND_OTHER]);
    ctl_output_say("beside the balance: %" PRIu64 " probes, %" PRIu64 " notices, %" PRIu64
                   " that only began",
        audit->probes, audit->notices, audit->begun);
}

/* What a person can quote. */
static void
print_last(struct ctl *ctl, const struct findings *findings)
{
    const struct audit *audit = &findings->audit;
    uint64_t out = audit->accepted - audit->ends[END_LOST] - audit->ends[END_WAITING];
    const char *oldest = "";

    if (audit->oldest_waiting_ms != 0)
        oldest = arena_printf(ctl->arena, ", oldest %s",
            ctl_books_age(
                ctl->arena, ((int64_t)time(NULL) * 1000) - audit->oldest_waiting_ms));
    ctl_output_say("%" PRIu64 " in, %" PRIu64 " out, %" PRIu64 " lost, %" PRIu64
                   " perhaps double, %" PRIu64 " waiting%s",
        audit->accepted, out, audit->lost.total, audit->twice.total,
        audit->ends[END_WAITING], oldest);
}

static void
print(struct ctl *ctl, const struct findings *findings)
{
    const struct audit *audit = &findings->audit;

    print_sum(audit);
    print_names("lost: removed without an end for each recipient", &audit->lost);
    print_names("perhaps double: may be sent more than once", &audit->twice);
    print_names("misrouted: no route of that time names the backend", &audit->misrouted);
    print_names("in the queue, and not in the books", &findings->queue_only);
    print_names("waiting in the books, and not in the queue", &findings->books_only);
    for (size_t i = 0; i < audit->gap_count; i++)
        ctl_output_alarm("gap: %s to %s: %s",
            ctl_books_stamp(ctl->arena, audit->gaps[i].from_ms),
            ctl_books_stamp(ctl->arena, audit->gaps[i].to_ms),
            ctl_output_text(ctl->arena, span_of(audit->gaps[i].why)));
    if (audit->unknown_forms > 0)
        ctl_output_say("%" PRIu64 " lines of the log are in no form that is known "
                       "(audit --unknown shows some)",
            audit->unknown_forms);
    if (findings->queue_silent != NULL)
        ctl_output_say("the queue was not asked: %s",
            ctl_output_text(ctl->arena, span_of(findings->queue_silent)));
    print_last(ctl, findings);
}

/* --- for programs --- */

static void
write_names(struct json *json, const char *key, const struct audit_names *names)
{
    json_array_begin(json, key);
    for (size_t i = 0; i < names->count; i++)
        json_text(json, NULL, names->ids[i]);
    json_array_end(json);
}

static void
write_audit(struct json *json, const struct findings *findings, bool balanced)
{
    const struct audit *audit = &findings->audit;

    json_object_begin(json, NULL);
    json_bool(json, "balanced", balanced);
    json_integer(json, "since", audit->since_ms / 1000);
    json_integer(json, "until", audit->until_ms / 1000);
    json_integer(json, "accepted", (int64_t)audit->accepted);
    for (int end = 0; end < END_LOST; end++)
        json_integer(json, ctl_books_end((enum books_end)end), (int64_t)audit->ends[end]);
    json_integer(json, "probes", (int64_t)audit->probes);
    json_integer(json, "notices", (int64_t)audit->notices);
    json_integer(json, "begun", (int64_t)audit->begun);
    json_integer(json, "messages", (int64_t)audit->messages);
    json_integer(json, "stories", (int64_t)audit->stories);
    json_integer(json, "oldest_waiting", audit->oldest_waiting_ms / 1000);
    json_object_begin(json, "backends");
    for (int backend = 0; backend < BACKEND_COUNT; backend++)
        json_integer(json, ctl_books_backend((enum books_backend)backend),
            (int64_t)audit->backends[backend]);
    json_object_end(json);
    write_names(json, "lost", &audit->lost);
    write_names(json, "double", &audit->twice);
    write_names(json, "misrouted", &audit->misrouted);
    write_names(json, "queue_only", &findings->queue_only);
    write_names(json, "books_only", &findings->books_only);
    json_text(json, "queue_silent", findings->queue_silent);
    json_array_begin(json, "gaps");
    for (size_t i = 0; i < audit->gap_count; i++) {
        json_object_begin(json, NULL);
        json_integer(json, "from", audit->gaps[i].from_ms / 1000);
        json_integer(json, "to", audit->gaps[i].to_ms / 1000);
        json_text(json, "why", audit->gaps[i].why);
        json_object_end(json);
    }
    json_array_end(json);
    json_integer(json, "unknown_forms", (int64_t)audit->unknown_forms);
    json_array_begin(json, "gateways_silent");
    json_array_end(json);
    json_object_end(json);
}

static void
print_json(const struct findings *findings, bool balanced)
{
    struct buffer out;
    struct json json;

    buffer_init(&out, OUT_MAX);
    json = json_on(&out);
    write_audit(&json, findings, balanced);
    buffer_append_octet(&out, '\n');
    ctl_output_raw(buffer_span(&out));
    buffer_clear(&out);
}

/* --- the verb --- */

static int
show_unknown(struct ctl *ctl, struct books *books)
{
    const char **lines;
    size_t count;
    struct error error;

    if (!books_unknown_forms(books, ctl->arena, &lines, &count, &error))
        return ctl_output_fail(CTL_NO, "%s", error.text);
    for (size_t i = 0; i < count; i++)
        ctl_output_say("%s", lines[i]);
    if (count == 0)
        ctl_output_say("none");
    return CTL_DONE;
}

static int
audit(struct ctl *ctl, struct books *books, int64_t since_ms, int64_t until_ms)
{
    const struct serve_config *serve = ctl->config->serve;
    struct findings findings = {.queue_silent = NULL};
    struct error error;
    bool balanced;

    if (!books_audit(books, ctl->arena, since_ms, until_ms, &serve->route_rules,
            &serve->state_rules, &findings.audit, &error) ||
        !look_at_queue(ctl, books, &findings, &error))
        return ctl_output_fail(CTL_NO, "%s", error.text);
    balanced = findings.audit.balanced && findings.queue_only.total == 0 &&
               findings.books_only.total == 0;
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON))
        print_json(&findings, balanced);
    else
        print(ctl, &findings);
    return balanced ? CTL_DONE : CTL_NO;
}

int
ctl_audit_run(struct ctl *ctl)
{
    const char *const *values = ctl->arguments.values;
    int64_t since_ms = 0;
    int64_t until_ms = INT64_MAX;
    struct books *books;
    int status;

    if (values[CTL_SINCE] != NULL &&
        !ctl_books_time(values[CTL_SINCE], "since", &since_ms))
        return CTL_USAGE;
    if (values[CTL_UNTIL] != NULL &&
        !ctl_books_time(values[CTL_UNTIL], "until", &until_ms))
        return CTL_USAGE;
    books = ctl_books_open(ctl);
    if (books == NULL)
        return CTL_NO;
    status = ctl_arguments_has(&ctl->arguments, CTL_UNKNOWN)
                 ? show_unknown(ctl, books)
                 : audit(ctl, books, since_ms, until_ms);
    books_close(books);
    return status;
}
