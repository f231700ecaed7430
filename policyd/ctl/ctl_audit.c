/*
 * audit: whether the books balance, and what does not.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/books/queue_listing.h"
#include "policyd/ctl/ctl_audit.h"
#include "policyd/ctl/ctl_books.h"
#include "policyd/ctl/ctl_controller.h"
#include "policyd/ctl/ctl_fleet_audit.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/setup/setup_process.h"
#include "policyd/terminal/report_format.h"
#include "shared/base/attributes.h"
#include "shared/base/json.h"
#include "shared/base/number.h"

enum { OUT_MAX = 64 << 20, QUEUE_MAX = 512 << 20 };

/* --- the queue --- */

static bool
compare(struct ctl *ctl, struct books *books, struct span listing, int64_t asked_ms,
    struct audit_findings *findings, struct error *error)
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
look_at_queue(struct ctl *ctl, struct books *books, struct audit_findings *findings,
    struct error *error)
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
ask_controller(struct ctl *ctl, struct audit_findings *findings)
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
is_read(const struct audit_findings *findings)
{
    uint64_t last_line = 0;

    return findings->log_trouble == NULL ||
           (number_unsigned(
                ctl_json_text(ctl_json_get(findings->controller, "log"), "last_line"),
                INT64_MAX / 1000, &last_line) &&
               findings->audit.until_ms <= (int64_t)last_line * 1000);
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
    struct audit_findings findings = {.queue_silent = NULL};
    struct error error;
    bool balanced;

    if (!books_audit(books, ctl->arena, since_ms, until_ms, &serve->route_rules,
            &serve->state_rules, &findings.audit, &error) ||
        !look_at_queue(ctl, books, &findings, &error))
        return ctl_output_fail(CTL_NO, "%s", error.text);
    ask_controller(ctl, &findings);
    findings.is_read = is_read(&findings);
    balanced = findings.audit.balanced && findings.queue_only.total == 0 &&
               findings.books_only.total == 0 && findings.is_read;
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON))
        ctl_audit_print_json(&findings, balanced);
    else
        ctl_audit_print(ctl, &findings);
    return balanced ? CTL_DONE : CTL_NO;
}

/* Of all gateways, added up. */
static int
audit_all(struct ctl *ctl)
{
    struct fleet *fleet = arena_take(ctl->arena, sizeof(*fleet));
    struct audit_findings findings;
    bool balanced;

    if (!ctl_fleet_ask(ctl, fleet))
        return CTL_USAGE;
    balanced = ctl_fleet_audit(ctl->arena, fleet, &findings);
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON))
        ctl_audit_print_json(&findings, balanced);
    else
        ctl_audit_print(ctl, &findings);
    ctl_fleet_tell_silent(ctl, fleet);
    ctl_fleet_clear(fleet);
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

    if (wants_unknown && ctl_arguments_has(arguments, CTL_ALL_GATEWAYS))
        return ctl_output_fail(CTL_USAGE,
            "--unknown shows those of this gateway: it goes without --all-gateways");
    if (wants_unknown &&
        (arguments->values[CTL_SINCE] != NULL || arguments->values[CTL_UNTIL] != NULL))
        return ctl_output_fail(CTL_USAGE, "--unknown shows the examples there are: it "
                                          "goes without --since and --until");
    if (!ctl_books_window(ctl, &since_ms, &until_ms))
        return CTL_USAGE;
    if (ctl_arguments_has(arguments, CTL_ALL_GATEWAYS))
        return audit_all(ctl);
    books = ctl_books_open(ctl);
    if (books == NULL)
        return CTL_NO;
    status =
        wants_unknown ? show_unknown(ctl, books) : audit(ctl, books, since_ms, until_ms);
    books_close(books);
    return status;
}
