/*
 * report: what a period of a move was like, as text, one HTML file, or JSON.
 */
#include <string.h>
#include <time.h>

#include "policyd/books/books_report.h"
#include "policyd/ctl/ctl_books.h"
#include "policyd/ctl/ctl_fleet_report.h"
#include "policyd/ctl/ctl_gateways.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/setup/setup_file.h"
#include "policyd/setup/setup_process.h"
#include "policyd/terminal/report_html.h"
#include "policyd/terminal/report_json.h"
#include "policyd/terminal/report_text.h"
#include "shared/base/number.h"

enum { OUT_MAX = 16 << 20, SAID_MAX = 1 << 16, DAY_MS = 86400000, PERIOD_DAYS = 30 };

/* What postconf says of one parameter, as a duration; false: it can't be asked. */
static bool
ask_duration(struct ctl *ctl, const char *option, const char *name, uint64_t *duration)
{
    const char *words[] = {"postconf", option, name, NULL};
    const char *elsewhere[] = {
        "postconf", "-c", ctl->config->logged_postfix, option, name, NULL};
    struct buffer out;
    struct error error;
    int status;
    bool asked;

    buffer_init(&out, SAID_MAX);
    /* What stands behind a name is no option any more. */
    asked = setup_process_run(ctl->config->logged_postfix[0] != '\0' ? elsewhere : words,
                &out, NULL, &status, &error) &&
            status == 0;
    if (!asked || !number_duration(span_trim(buffer_span(&out)), duration))
        *duration = 0;
    buffer_clear(&out);
    return asked;
}

/* How long Postfix's queue manager keeps mail, which may have its own say in master.cf;
 * 0: not known. */
static uint64_t
ask_lifetime(struct ctl *ctl)
{
    uint64_t lifetime;
    uint64_t own = 0;

    if (ask_duration(ctl, "-xh", "maximal_queue_lifetime", &lifetime))
        (void)ask_duration(ctl, "-Pxh", "qmgr/unix/maximal_queue_lifetime", &own);
    return own > 0 ? own : lifetime;
}

static bool
read_period(struct ctl *ctl, uint64_t *period_ms)
{
    const char *given = ctl->arguments.values[CTL_PERIOD];

    *period_ms = (uint64_t)PERIOD_DAYS * DAY_MS;
    if (given == NULL || (number_duration(span_of(given), period_ms) && *period_ms > 0))
        return true;
    (void)ctl_output_fail(
        CTL_USAGE, "--period takes a duration from 1s to 366d, such as 24h, 7d or 90d");
    return false;
}

/* The period up to now, and, to compare, the one before it. */
static bool
read_reports(struct ctl *ctl, uint64_t period_ms, struct report *report,
    struct report *before, struct error *error)
{
    int64_t now = (int64_t)time(NULL) * 1000;
    int64_t since = now - (int64_t)period_ms;
    uint64_t lifetime = ask_lifetime(ctl);
    struct books *books = ctl_books_open(ctl);
    bool done;

    if (books == NULL) {
        error->text[0] = '\0'; /* it was said */
        return false;
    }
    done = books_report(books, ctl->arena, since, now + 1, lifetime, report, error) &&
           (before == NULL || books_report(books, ctl->arena, since - (int64_t)period_ms,
                                  since, lifetime, before, error));
    books_close(books);
    report->stamp = ctl_books_stamp;
    if (before != NULL)
        before->stamp = ctl_books_stamp;
    return done;
}

static bool
write_html(struct ctl *ctl, const char *file, const struct report *report,
    const struct report *before, struct error *error)
{
    struct buffer page;
    bool done = true;

    buffer_init(&page, OUT_MAX);
    report_html_write(&page, ctl->arena, report, before);
    if (strcmp(file, "-") == 0)
        ctl_output_raw(buffer_span(&page));
    else
        done = setup_file_replace(file, buffer_span(&page), error);
    buffer_clear(&page);
    return done;
}

static void
print(struct ctl *ctl, const struct report *report, const struct report *before)
{
    struct buffer out;

    buffer_init(&out, OUT_MAX);
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON))
        report_json_write(&out, report, before);
    else
        report_text_write(&out, ctl->arena, report, before, ctl_output_has_colour());
    ctl_output_raw(buffer_span(&out));
    buffer_clear(&out);
}

/* What was read, as text, JSON or a page. */
static int
tell(struct ctl *ctl, const struct report *report, const struct report *before)
{
    const char *html = ctl->arguments.values[CTL_HTML];
    struct error error;

    if (html != NULL && !write_html(ctl, html, report, before, &error))
        return ctl_output_fail(CTL_NO, "%s", error.text);
    if (html == NULL || ctl_arguments_has(&ctl->arguments, CTL_JSON))
        print(ctl, report, before);
    else if (strcmp(html, "-") != 0)
        ctl_output_say("the report is in %s", html);
    return CTL_DONE;
}

/* Of all gateways, added up. */
static int
report_all(struct ctl *ctl, struct report *report, struct report *before)
{
    struct fleet *fleet = arena_take(ctl->arena, sizeof(*fleet));
    int status = CTL_NO;

    if (!ctl_fleet_ask(ctl, fleet))
        return CTL_USAGE;
    if (ctl_fleet_report(ctl->arena, fleet, report, before)) {
        report->stamp = ctl_books_stamp;
        if (before != NULL)
            before->stamp = ctl_books_stamp;
        status = tell(ctl, report, before);
    }
    if (fleet->silent_count > 0)
        status = CTL_NO;
    ctl_fleet_tell_silent(ctl, fleet);
    ctl_fleet_clear(fleet);
    return status;
}

int
ctl_report_run(struct ctl *ctl)
{
    bool compares = ctl_arguments_has(&ctl->arguments, CTL_COMPARE);
    const char *html = ctl->arguments.values[CTL_HTML];
    struct report *report = arena_take(ctl->arena, sizeof(*report));
    struct report *before = compares ? arena_take(ctl->arena, sizeof(*before)) : NULL;
    struct error error;
    uint64_t period_ms;

    if (!read_period(ctl, &period_ms))
        return CTL_USAGE;
    if (html != NULL && strcmp(html, "-") == 0 &&
        ctl_arguments_has(&ctl->arguments, CTL_JSON))
        return ctl_output_fail(
            CTL_USAGE, "--html - and --json would both go to standard output");
    if (ctl_arguments_has(&ctl->arguments, CTL_ALL_GATEWAYS))
        return report_all(ctl, report, before);
    if (!read_reports(ctl, period_ms, report, before, &error))
        return error.text[0] == '\0' ? CTL_NO : ctl_output_fail(CTL_NO, "%s", error.text);
    ctl_gateways_warn(ctl);
    return tell(ctl, report, before);
}
