/*
 * audit: whether the books balance, and what does not.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/books/queue_listing.h"
#include "policyd/ctl/ctl_books.h"
#include "policyd/ctl/ctl_controller.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/setup/setup_process.h"
#include "policyd/terminal/report_format.h"
#include "shared/base/attributes.h"
#include "shared/base/json.h"
#include "shared/base/number.h"

enum { OUT_MAX = 64 << 20, QUEUE_MAX = 512 << 20, LINE_MAX_OCTETS = 8192, SHOWN = 20 };

/* One audit, and what Postfix's queue and the controller say beside it. */
struct findings {
    struct audit audit;
    struct audit_names queue_only;
    struct audit_names books_only;
    const char *queue_silent;          /* why it was not asked, or NULL */
    const struct ctl_json *controller; /* NULL: it was not asked */
    const char *controller_silent;     /* why */
    const char *log_trouble;           /* what is to come may never come; NULL for none */
    const char *log_silent;
};

/* --- the queue --- */

static bool
compare(struct ctl *ctl, struct books *books, struct span listing, int64_t asked_ms,
    struct findings *findings, struct error *error)
{
    struct queue_compare compare;
    struct queue_entry *entries;
    struct error why;
    size_t count;

    if (!queue_listing_read(ctl->arena, listing, &entries, &count, &why)) {
        findings->queue_silent = arena_text(ctl->arena, span_of(why.text));
        return true;
    }
    queue_compare_begin(&compare, ctl->arena, entries, count, asked_ms);
    if (!queue_compare_all(&compare, books, error))
        return false;
    findings->queue_only = compare.queue_only;
    findings->books_only = compare.books_only;
    return true;
}

static bool
look_at_queue(
    struct ctl *ctl, struct books *books, struct findings *findings, struct error *error)
{
    int64_t asked_ms = (int64_t)time(NULL) * 1000;
    const char *words[5] = {"postqueue", "-j", NULL};
    struct buffer out;
    struct buffer said;
    struct error why;
    int status = 0;
    bool done = true;

    buffer_init(&out, QUEUE_MAX);
    buffer_init(&said, 1 << 16);
    if (ctl->config->logged_postfix[0] != '\0') {
        words[1] = "-c";
        words[2] = ctl->config->logged_postfix;
        words[3] = "-j";
        words[4] = NULL;
    }
    if (!setup_process_run(words, &out, &said, &status, &why)) {
        findings->queue_silent = arena_text(ctl->arena, span_of(why.text));
    } else if (status != 0) {
        findings->queue_silent =
            arena_text(ctl->arena, span_trim(span_first(buffer_span(&said), 200)));
    } else {
        done = compare(ctl, books, buffer_span(&out), asked_ms, findings, error);
    }
    buffer_clear(&out);
    buffer_clear(&said);
    return done;
}

/* --- the controller --- */

/* The books know what the log said; whether it still says anything, only the controller
 * does. */
static void
ask_controller(struct ctl *ctl, struct findings *findings)
{
    struct error error;

    findings->controller = ctl_controller_status(ctl, &error);
    if (findings->controller == NULL)
        findings->controller_silent = ctl_output_text(ctl->arena, span_of(error.text));
    else
        findings->log_trouble =
            ctl_controller_log_trouble(ctl, findings->controller, &findings->log_silent);
}

/* Whether the window is all in what has been read. */
static bool
is_read(const struct findings *findings)
{
    uint64_t last_line = 0;

    return findings->log_trouble == NULL ||
           (number_unsigned(
                ctl_json_text(ctl_json_get(findings->controller, "log"), "last_line"),
                INT64_MAX / 1000, &last_line) &&
               findings->audit.until_ms <= (int64_t)last_line * 1000);
}

/* --- for people --- */

/* The first of them, several on a line. */
static void
print_names(const char *what, const struct audit_names *names)
{
    size_t shown = names->count < SHOWN ? names->count : SHOWN;
    struct buffer line;

    if (names->total == 0)
        return;
    ctl_output_alarm("%s: %" PRIu64, what, names->total);
    buffer_init(&line, LINE_MAX_OCTETS);
    for (size_t i = 0; i < shown; i++)
        buffer_printf(&line, "%s%s", i == 0 ? "  " : " ", names->ids[i]);
    ctl_output_note("%s", buffer_text(&line));
    buffer_clear(&line);
    if (names->total > shown)
        ctl_output_say(
            "  and %" PRIu64 " more (--json names them)", names->total - shown);
}

static void
print_window(struct ctl *ctl, const struct audit *audit)
{
    const char *since =
        audit->since_ms > 0 ? ctl_books_stamp(ctl->arena, audit->since_ms) : "the start";
    const char *until = audit->until_ms < INT64_MAX
                            ? ctl_books_stamp(ctl->arena, audit->until_ms)
                            : "now";

    ctl_output_say("mail accepted from %s to %s, in recipients", since, until);
}

static void
print_row(struct ctl *ctl, const char *what, uint64_t number, const char *more)
{
    ctl_output_note("%-12s %14s%s", what, report_format_count(ctl->arena, number), more);
}

static void
print_balance(struct ctl *ctl, const struct audit *audit)
{
    const uint64_t *by = audit->backends;

    print_row(ctl, "accepted", audit->accepted,
        arena_printf(ctl->arena, "  of %s messages (%s mails)",
            report_format_count(ctl->arena, audit->messages),
            report_format_count(ctl->arena, audit->stories)));
    for (int end = END_DELIVERED; end < END_COUNT; end++)
        print_row(ctl, ctl_books_end((enum books_end)end), audit->ends[end],
            end != END_DELIVERED
                ? ""
                : arena_printf(ctl->arena, "  old %s, new %s, standby %s, elsewhere %s",
                      report_format_count(ctl->arena, by[BACKEND_OLD]),
                      report_format_count(ctl->arena, by[BACKEND_NEW]),
                      report_format_count(ctl->arena, by[BACKEND_STANDBY]),
                      report_format_count(ctl->arena, by[BACKEND_OTHER])));
    print_row(ctl, ctl_books_end(END_WAITING), audit->ends[END_WAITING], "");
    ctl_output_note("not in the balance: %" PRIu64 " probes, %" PRIu64
                    " notices, %" PRIu64 " that only began (messages)",
        audit->probes, audit->notices, audit->begun);
}

/* What stands behind the numbers of the last line, where there is any. */
static const char *
others(struct ctl *ctl, const struct findings *findings)
{
    const struct {
        const char *what;
        uint64_t number;
    } rows[] = {
        {"misrouted",                  findings->audit.misrouted.total},
        {"in the queue alone",         findings->queue_only.total     },
        {"waiting in the books alone", findings->books_only.total     },
        {"gaps",                       findings->audit.gap_count      },
    };
    const char *text = "";

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (rows[i].number > 0)
            text = arena_printf(ctl->arena, "%s, %s %s", text,
                report_format_count(ctl->arena, rows[i].number), rows[i].what);
    }
    return is_read(findings) ? text
                             : arena_printf(ctl->arena, "%s, log not followed", text);
}

/* What a person can quote. */
static void
print_last(struct ctl *ctl, const struct findings *findings)
{
    const struct audit *audit = &findings->audit;
    struct arena *arena = ctl->arena;
    uint64_t out = audit->accepted - audit->ends[END_LOST] - audit->ends[END_WAITING];
    const char *oldest = "";

    if (audit->oldest_waiting_ms != 0)
        oldest = arena_printf(arena, ", oldest %s",
            ctl_books_age(
                arena, ((int64_t)time(NULL) * 1000) - audit->oldest_waiting_ms));
    ctl_output_say("%s in, %s out, %s lost, %s perhaps double, %s waiting%s%s",
        report_format_count(arena, audit->accepted), report_format_count(arena, out),
        report_format_count(arena, audit->lost.total),
        report_format_count(arena, audit->twice.total),
        report_format_count(arena, audit->ends[END_WAITING]), oldest,
        others(ctl, findings));
}

static void
print_gaps(struct ctl *ctl, const struct audit *audit)
{
    for (size_t i = 0; i < audit->gap_count && i < SHOWN; i++)
        ctl_output_alarm("gap: %s to %s: %s",
            ctl_books_stamp(ctl->arena, audit->gaps[i].from_ms),
            ctl_books_stamp(ctl->arena, audit->gaps[i].to_ms),
            ctl_output_text(ctl->arena, span_of(audit->gaps[i].why)));
    if (audit->gap_count > SHOWN)
        ctl_output_say(
            "  and %zu more gaps (--json names them)", audit->gap_count - SHOWN);
}

static void
print_controller(const struct findings *findings)
{
    if (findings->controller_silent != NULL)
        ctl_output_note("the controller was not asked whether it follows the log: %s",
            findings->controller_silent);
    if (findings->log_trouble != NULL)
        ctl_output_alarm("the log is not followed: %s", findings->log_trouble);
    if (findings->log_silent != NULL)
        ctl_output_note("%s", findings->log_silent);
}

static void
print(struct ctl *ctl, const struct findings *findings)
{
    const struct audit *audit = &findings->audit;

    print_window(ctl, audit);
    print_balance(ctl, audit);
    print_names("lost, removed without an end for each recipient", &audit->lost);
    print_names("perhaps double, may have been sent more than once", &audit->twice);
    print_names("misrouted, no route of that time names the backend", &audit->misrouted);
    print_names("in the queue, and not in the books", &findings->queue_only);
    print_names("waiting in the books, and not in the queue", &findings->books_only);
    print_gaps(ctl, audit);
    if (audit->unknown_forms > 0)
        ctl_output_note("%" PRIu64 " lines of the log are in no form that is known "
                        "(audit --unknown shows some)",
            audit->unknown_forms);
    if (findings->queue_silent != NULL)
        ctl_output_note("the queue was not asked: %s",
            ctl_output_text(ctl->arena, span_of(findings->queue_silent)));
    print_controller(findings);
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

/* Unix time; null where there is none. */
static void
write_time(struct json *json, const char *key, int64_t milliseconds)
{
    if (milliseconds <= 0 || milliseconds == INT64_MAX)
        json_null(json, key);
    else
        json_integer(json, key, milliseconds / 1000);
}

static void
write_audit(struct json *json, const struct findings *findings, bool balanced)
{
    const struct audit *audit = &findings->audit;

    json_object_begin(json, NULL);
    json_bool(json, "balanced", balanced);
    write_time(json, "since", audit->since_ms);
    write_time(json, "until", audit->until_ms);
    json_integer(json, "accepted", (int64_t)audit->accepted);
    for (int end = 0; end < END_LOST; end++)
        json_integer(json, ctl_books_end((enum books_end)end), (int64_t)audit->ends[end]);
    json_integer(json, "probes", (int64_t)audit->probes);
    json_integer(json, "notices", (int64_t)audit->notices);
    json_integer(json, "begun", (int64_t)audit->begun);
    json_integer(json, "messages", (int64_t)audit->messages);
    json_integer(json, "stories", (int64_t)audit->stories);
    write_time(json, "oldest_waiting", audit->oldest_waiting_ms);
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
    json_text(json, "log_trouble", findings->log_trouble);
    json_text(json, "log_silent", findings->log_silent);
    json_text(json, "controller_not_asked", findings->controller_silent);
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
    ctl_output_document(&out);
}

/* --- the verb --- */

static void
print_unknown_json(const char *const *lines, size_t count)
{
    struct buffer out;
    struct json json;

    buffer_init(&out, OUT_MAX);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    json_array_begin(&json, "examples");
    for (size_t i = 0; i < count; i++)
        json_text(&json, NULL, lines[i]);
    json_array_end(&json);
    json_object_end(&json);
    ctl_output_document(&out);
}

static int
show_unknown(struct ctl *ctl, struct books *books)
{
    const char **lines;
    size_t count;
    struct error error;

    if (!books_unknown_forms(books, ctl->arena, &lines, &count, &error))
        return ctl_output_fail(CTL_NO, "%s", error.text);
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON)) {
        print_unknown_json(lines, count);
        return CTL_DONE;
    }
    for (size_t i = 0; i < count; i++)
        ctl_output_say("%s", lines[i]);
    if (count == 0)
        ctl_output_say("no line of the log was in a form that is not known");
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
    ask_controller(ctl, &findings);
    balanced = findings.audit.balanced && findings.queue_only.total == 0 &&
               findings.books_only.total == 0 && is_read(&findings);
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON))
        print_json(&findings, balanced);
    else
        print(ctl, &findings);
    return balanced ? CTL_DONE : CTL_NO;
}

int
ctl_audit_run(struct ctl *ctl)
{
    const struct ctl_arguments *arguments = &ctl->arguments;
    bool wants_unknown = ctl_arguments_has(arguments, CTL_UNKNOWN);
    int64_t since_ms = 0;
    int64_t until_ms = INT64_MAX;
    struct books *books;
    int status;

    if (wants_unknown &&
        (arguments->values[CTL_SINCE] != NULL || arguments->values[CTL_UNTIL] != NULL))
        return ctl_output_fail(CTL_USAGE, "--unknown shows the examples there are: it "
                                          "goes without --since and --until");
    if (!ctl_books_window(ctl, &since_ms, &until_ms))
        return CTL_USAGE;
    books = ctl_books_open(ctl);
    if (books == NULL)
        return CTL_NO;
    status =
        wants_unknown ? show_unknown(ctl, books) : audit(ctl, books, since_ms, until_ms);
    books_close(books);
    return status;
}
