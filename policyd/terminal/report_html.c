#include "policyd/terminal/report_html.h"

#include <inttypes.h>

#include "policyd/terminal/report_chart.h"
#include "policyd/terminal/report_format.h"
#include "shared/base/attributes.h"

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
    "style-src 'unsafe-inline'\">\n"
    "<title>postshift: report</title>\n<style>\n"
    ":root{color-scheme:light dark;--ink:#1c1e21;--soft:#5c636b;--line:#d9dde1;"
    "--page:#fff;--card:#f6f7f8;--old:#8a6d3b;--new:#1769aa;--bad:#b3261e}\n"
    "@media (prefers-color-scheme:dark){:root{--ink:#e6e8ea;--soft:#9aa2aa;"
    "--line:#3a4047;--page:#16181b;--card:#1f2226;--old:#d0ab6a;--new:#6bb2ec;"
    "--bad:#f2857c}}\n"
    "body{margin:0 auto;max-width:62rem;padding:1.5rem;background:var(--page);"
    "color:var(--ink);font:15px/1.45 system-ui,sans-serif}\n"
    "h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:1.8rem 0 .4rem}\n"
    "p{margin:.2rem 0;color:var(--soft)}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th,td{text-align:left;padding:.3rem .7rem .3rem 0;vertical-align:top;"
    "border-bottom:1px solid var(--line);overflow-wrap:break-word}\n"
    "th{font-weight:600;color:var(--soft);white-space:nowrap}\n"
    ".n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\n"
    ".n+td:not(.n),.n+th:not(.n){padding-left:1rem}\n"
    ".w{overflow-wrap:anywhere;min-width:14rem}\n"
    ".t{white-space:nowrap}.bad{color:var(--bad);font-weight:600}\n"
    "svg{width:100%;height:auto;background:var(--card);border-radius:6px}\n"
    "svg text{fill:var(--soft);font:11px system-ui,sans-serif}\n"
    ".old{fill:var(--old)}.new{fill:var(--new)}.red{fill:var(--bad)}"
    ".grid{stroke:var(--line)}\n"
    ".lold{stroke:var(--old)}.lnew{stroke:var(--new)}"
    ".lold,.lnew{fill:none;stroke-width:2}\n"
    "@media(max-width:44rem){body{padding:1rem;font-size:14px}"
    "table{display:block;overflow-x:auto}.s td{min-width:9rem}"
    "svg text{font-size:16px}}\n"
    "@media print{body{padding:0;max-width:none}"
    "h2{break-after:avoid}tr,svg{break-inside:avoid}}\n"
    "</style></head><body>\n";

/* --- pieces --- */

/* Text of a cell; what is unseen or no UTF-8 is no part of a page. */
static void
cell(struct buffer *out, const char *class, const char *text)
{
    buffer_printf(out, "<td%s%s%s>", class[0] != '\0' ? " class=\"" : "", class,
        class[0] != '\0' ? "\"" : "");
    report_chart_escape(out, text);
    buffer_append_text(out, "</td>");
}

static void
figure(struct buffer *out, struct arena *arena, const char *key, uint64_t number,
    bool is_bad)
{
    buffer_printf(out, "<data id=\"%s\" value=\"%" PRIu64 "\"%s>%s</data>", key, number,
        is_bad && number > 0 ? " class=\"bad\"" : "", report_format_count(arena, number));
}

static void
titles(struct buffer *out, const char *const *names, const char *classes)
{
    buffer_append_text(out, "<table><tr>");
    for (size_t i = 0; names[i] != NULL; i++)
        buffer_printf(
            out, "<th%s>%s</th>", classes[i] == 'n' ? " class=\"n\"" : "", names[i]);
    buffer_append_text(out, "</tr>\n");
}

/* A number as it is said; below 0: it is not known. */
static void
said_figure(struct buffer *out, const char *key, int64_t number, const char *text)
{
    buffer_append_text(out, "<td class=\"n\">");
    if (number >= 0)
        buffer_printf(
            out, "<data id=\"%s\" value=\"%" PRId64 "\">%s</data>", key, number, text);
    else
        buffer_append_text(out, text);
    buffer_append_text(out, "</td>");
}

/* --- parts of the page --- */

static void
write_summary(struct buffer *out, struct arena *arena, const struct report *report,
    const struct report *before)
{
    struct report_line now[REPORT_LINES];
    struct report_line then[REPORT_LINES];

    report_format_lines(arena, report, now);
    if (before != NULL)
        report_format_lines(arena, before, then);
    buffer_append_text(out, "<table class=\"s\">");
    if (before != NULL)
        buffer_append_text(
            out, "<tr><th></th><th>this period</th><th>the one before</th></tr>\n");
    for (size_t i = 0; i < REPORT_LINES; i++) {
        buffer_printf(out, "<tr><th>%s</th>", now[i].name);
        cell(out, "", now[i].value);
        if (before != NULL)
            cell(out, "", then[i].value);
        buffer_append_text(out, "</tr>\n");
    }
    buffer_append_text(out, "</table>\n");
}

static void
write_ends(struct buffer *out, struct arena *arena, const struct report *report)
{
    const struct {
        const char *key;
        uint64_t number;
        bool is_bad;
    } rows[] = {
        {"mails",      report->mails,      false},
        {"recipients", report->recipients, false},
        {"delivered",  report->delivered,  false},
        {"bounced",    report->bounced,    false},
        {"expired",    report->expired,    true },
        {"removed",    report->removed,    false},
        {"waiting",    report->waiting,    false},
        {"lost",       report->lost,       true },
        {"double",     report->maybe,      true }
    };

    buffer_append_text(out, "<h2>What became of it</h2>\n<table><tr>");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        buffer_printf(out, "<th class=\"n\">%s</th>", rows[i].key);
    buffer_append_text(out, "</tr><tr>");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buffer_append_text(out, "<td class=\"n\">");
        figure(out, arena, rows[i].key, rows[i].number, rows[i].is_bad);
        buffer_append_text(out, "</td>");
    }
    buffer_append_text(out, "</tr></table>\n");
}

static void
write_sides(struct buffer *out, struct arena *arena, const struct report *report)
{
    static const char *const names[] = {"side", "accepted", "failed", "other",
        "available", "delay p50", "delay p95", "TLS", NULL};

    buffer_append_text(out, "<h2>First attempts</h2>\n");
    titles(out, names, "-nnnnnn-");
    for (int side = 0; side < REPORT_SIDES; side++) {
        const struct report_attempts *attempts = &report->sides[side];
        const char *name = report_side_name((enum report_side)side);
        int64_t share = report_availability(attempts);
        const struct {
            const char *key;
            int64_t number;
            const char *text;
        } said[] = {
            {"other",        (int64_t)attempts->other,
             report_format_count(arena,                                                attempts->other) },
            {"availability", share,                    report_format_hundredths(arena, share)           },
            {"p50",          attempts->p50_ms,         report_format_delay(arena,      attempts->p50_ms)},
            {"p95",          attempts->p95_ms,         report_format_delay(arena,      attempts->p95_ms)},
        };

        buffer_append_text(out, "<tr>");
        cell(out, "", name);
        buffer_append_text(out, "<td class=\"n\">");
        figure(out, arena, arena_printf(arena, "%s-ok", name), attempts->ok, false);
        buffer_append_text(out, "</td><td class=\"n\">");
        figure(out, arena, arena_printf(arena, "%s-fail", name), attempts->fail, true);
        buffer_append_text(out, "</td>");
        for (size_t i = 0; i < ARRAY_LENGTH(said); i++)
            said_figure(out, arena_printf(arena, "%s-%s", name, said[i].key),
                said[i].number, said[i].text);
        cell(out, "w", report_format_tls(arena, report, side));
        buffer_append_text(out, "</tr>\n");
    }
    buffer_append_text(out, "</table>\n");
}

static void
write_changes(struct buffer *out, struct arena *arena, const struct report *report)
{
    static const char *const names[] = {
        "time", "domain", "change", "p95 of old", "p95 of new", NULL};

    if (report->change_count == 0)
        return;
    buffer_append_text(out, "<h2>Changes, with the delay before and after</h2>\n");
    titles(out, names, "---nn");
    for (size_t i = 0; i < report->change_count; i++) {
        const struct report_change *change = &report->changes[i];

        buffer_append_text(out, "<tr>");
        cell(out, "t", report_format_time(arena, report, change->at_ms));
        cell(out, "", change->domain);
        cell(out, "t",
            arena_printf(arena, "%s %s \u2192 %s", change->what,
                change->from[0] != '\0' ? change->from : "-", change->to));
        for (int side = REPORT_OLD; side <= REPORT_NEW; side++)
            cell(out, "n",
                arena_printf(arena, "%s \u2192 %s",
                    report_format_delay(arena, change->before[side].p95_ms),
                    report_format_delay(arena, change->after[side].p95_ms)));
        buffer_append_text(out, "</tr>\n");
    }
    buffer_append_text(out, "</table>\n");
}

static void
write_causes(struct buffer *out, struct arena *arena, const struct report *report)
{
    static const char *const names[] = {
        "class", "by", "recipients", "one of the replies", NULL};

    if (report->cause_count == 0)
        return;
    buffer_append_text(out, "<h2>Why mail was deferred</h2>\n");
    titles(out, names, "--n-");
    for (size_t i = 0; i < report->cause_count; i++) {
        const struct report_cause *cause = &report->causes[i];

        buffer_append_text(out, "<tr>");
        cell(out, "", cause->class);
        cell(out, "", cause->side);
        cell(out, "n", report_format_count(arena, cause->recipients));
        cell(out, "w", cause->reply);
        buffer_append_text(out, "</tr>\n");
    }
    buffer_append_text(out, "</table>\n");
}

static void
write_oldest(struct buffer *out, struct arena *arena, const struct report *report)
{
    const char *unknown = "not known";
    const struct {
        const char *name;
        const char *text;
    } rows[] = {
        {"queue id",                                              report->oldest_id                                                   },
        {"to",                                                    report->oldest_to[0] != '\0' ? report->oldest_to : "(not named yet)"},
        {"since",                                                 report_format_time(arena,                                             report, report->oldest_ms)},
        {"would expire",                                     report->expires_ms != 0
                             ? report_format_time(arena,                                                                                                         report, report->expires_ms)
                             : unknown},
        {"last reply", report->oldest_reply[0] != '\0' ? report->oldest_reply
                                                       : "not tried yet, or on hold"},
    };

    if (report->oldest_ms == 0)
        return;
    buffer_append_text(out, "<h2>What waits longest</h2>\n<table>");
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        buffer_printf(out, "<tr><th>%s</th>", rows[i].name);
        cell(out, "w", rows[i].text);
        buffer_append_text(out, "</tr>\n");
    }
    buffer_append_text(out, "</table>\n");
}

void
report_html_write(struct buffer *out, struct arena *arena, const struct report *report,
    const struct report *before)
{
    buffer_append_text(out, head);
    buffer_printf(out, "<h1>The move of mail</h1>\n<p>%s to %s</p>\n",
        report_format_time(arena, report, report->since_ms),
        report_format_time(arena, report, report->until_ms));
    write_summary(out, arena, report, before);
    write_ends(out, arena, report);
    report_chart_deliveries(out, arena, report);
    report_chart_delays(out, arena, report);
    write_sides(out, arena, report);
    write_changes(out, arena, report);
    write_causes(out, arena, report);
    write_oldest(out, arena, report);
    report_chart_verdicts(out, arena, report);
    buffer_append_text(out, "</body></html>\n");
}
