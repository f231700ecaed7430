/* What an audit found, told: a part of ctl_audit. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/ctl/ctl_audit.h"
#include "policyd/ctl/ctl_books.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/terminal/report_format.h"
#include "shared/base/attributes.h"
#include "shared/base/json.h"

enum { OUT_MAX = 64 << 20, LINE_MAX_OCTETS = 8192, SHOWN = 20 };

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
others(struct ctl *ctl, const struct audit_findings *findings)
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
    return findings->is_read ? text
                             : arena_printf(ctl->arena, "%s, log not followed", text);
}

/* What a person can quote. */
static void
print_last(struct ctl *ctl, const struct audit_findings *findings)
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
print_controller(const struct audit_findings *findings)
{
    if (findings->controller_silent != NULL)
        ctl_output_note("the controller was not asked whether it follows the log: %s",
            findings->controller_silent);
    if (findings->log_trouble != NULL)
        ctl_output_alarm("the log is not followed: %s", findings->log_trouble);
    if (findings->log_silent != NULL)
        ctl_output_note("%s", findings->log_silent);
}

void
ctl_audit_print(struct ctl *ctl, const struct audit_findings *findings)
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
write_audit(struct json *json, const struct audit_findings *findings, bool balanced)
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
    for (size_t i = 0; i < findings->silent_count; i++)
        json_text(json, NULL, findings->silent[i]);
    json_array_end(json);
    json_object_end(json);
}

void
ctl_audit_print_json(const struct audit_findings *findings, bool balanced)
{
    struct buffer out;
    struct json json;

    buffer_init(&out, OUT_MAX);
    json = json_on(&out);
    write_audit(&json, findings, balanced);
    ctl_output_document(&out);
}
