#include "policyd/terminal/report_text.h"

#include "policyd/terminal/ctl_table.h"
#include "policyd/terminal/report_format.h"

enum { CELL_MAX = 8192, ROWS_MAX = REPORT_CHANGES_MAX + REPORT_SIDES };

static const char *
safe(struct arena *arena, const char *text)
{
    struct buffer out;
    const char *result;

    buffer_init(&out, CELL_MAX);
    ctl_table_escape(&out, span_first(span_of(text), CELL_MAX / 4));
    result = arena_text(arena, buffer_span(&out));
    buffer_clear(&out);
    return result;
}

static void
write_lines(struct buffer *out, struct arena *arena, const struct report *report,
    const struct report *before)
{
    struct report_line now[REPORT_LINES];
    struct report_line then[REPORT_LINES];

    report_format_lines(arena, report, now);
    if (before != NULL)
        report_format_lines(arena, before, then);
    for (size_t i = 0; i < REPORT_LINES; i++) {
        ctl_table_fold(out,
            span_of(arena_printf(arena, "%-16s %s\n", now[i].name, now[i].value)),
            CTL_TABLE_WIDTH);
        if (before != NULL)
            ctl_table_fold(out,
                span_of(arena_printf(arena, "%-16s %s\n", "  before", then[i].value)),
                CTL_TABLE_WIDTH);
    }
}

static void
write_sides(
    struct buffer *out, struct arena *arena, const struct report *report, bool colour)
{
    struct ctl_table_row rows[REPORT_SIDES] = {0};
    const struct ctl_table table = {
        .titles = {"side", "accepted", "failed", "other", "available", "p50", "p95",
                   "TLS"                                                                  },
        .right = {false,  true,       true,     true,    true,        true,  true,  false},
        .rows = rows,
        .count = REPORT_SIDES
    };

    for (int side = 0; side < REPORT_SIDES; side++) {
        const struct report_attempts *attempts = &report->sides[side];

        rows[side] = (struct ctl_table_row){
            .cells = {report_side_name((enum report_side)side),
                      report_format_count(arena, attempts->ok),
                      report_format_count(arena, attempts->fail),
                      report_format_count(arena, attempts->other),
                      report_format_hundredths(arena, report_availability(attempts)),
                      report_format_delay(arena, attempts->p50_ms),
                      report_format_delay(arena, attempts->p95_ms),
                      safe(arena, report_format_tls(arena, report, side))}
        };
    }
    buffer_append_text(out, "\nfirst attempts\n");
    ctl_table_write(out, &table, CTL_TABLE_WIDTH, colour);
}

static void
write_changes(
    struct buffer *out, struct arena *arena, const struct report *report, bool colour)
{
    struct ctl_table_row rows[REPORT_CHANGES_MAX] = {0};
    const struct ctl_table table = {
        .titles = {"time",        "domain", "change", "p95 of old", "p95 of new"},
        .rigid = {true, false,         true             },
        .rows = rows,
        .count = report->change_count
    };

    for (size_t i = 0; i < report->change_count; i++) {
        const struct report_change *change = &report->changes[i];

        rows[i] = (struct ctl_table_row){
            .cells = {report_format_time(arena, report, change->at_ms),
                      safe(arena, change->domain),
                      safe(
                    arena, arena_printf(arena, "%s %s -> %s", change->what,
                      change->from[0] != '\0' ? change->from : "-", change->to)),
                      report_format_change(
                    arena, &change->before[REPORT_OLD], &change->after[REPORT_OLD]),
                      report_format_change(
                    arena, &change->before[REPORT_NEW], &change->after[REPORT_NEW])}
        };
    }
    if (report->change_count == 0)
        return;
    buffer_append_text(out, "\nchanges, with the delay before and after\n");
    ctl_table_write(out, &table, CTL_TABLE_WIDTH, colour);
}

static void
write_causes(
    struct buffer *out, struct arena *arena, const struct report *report, bool colour)
{
    struct ctl_table_row rows[REPORT_CAUSES_MAX] = {0};
    const struct ctl_table table = {
        .titles = {"deferred for", "by",  "recipients", "a reply"},
        .right = {false,          false, true,         false    },
        .rigid = {true,           true,  true,         false    },
        .rows = rows,
        .count = report->cause_count
    };

    for (size_t i = 0; i < report->cause_count; i++)
        rows[i] = (struct ctl_table_row){
            .cells = {report->causes[i].class, report->causes[i].side,
                      report_format_count(arena, report->causes[i].recipients),
                      safe(arena, report->causes[i].reply)}
        };
    if (report->cause_count == 0)
        return;
    buffer_append_octet(out, '\n');
    ctl_table_write(out, &table, CTL_TABLE_WIDTH, colour);
}

static void
write_oldest(struct buffer *out, struct arena *arena, const struct report *report)
{
    if (report->oldest_ms == 0)
        return;
    buffer_append_octet(out, '\n');
    ctl_table_fold(out,
        span_of(arena_printf(arena, "waits longest: %s to %s: %s\n",
            safe(arena, report->oldest_id),
            report->oldest_to[0] != '\0' ? safe(arena, report->oldest_to)
                                         : "(not named yet)",
            report->oldest_reply[0] != '\0' ? safe(arena, report->oldest_reply)
                                            : "not tried yet, or on hold")),
        CTL_TABLE_WIDTH);
}

void
report_text_write(struct buffer *out, struct arena *arena, const struct report *report,
    const struct report *before, bool colour)
{
    buffer_printf(out, "%s to %s\n\n",
        report_format_time(arena, report, report->since_ms),
        report_format_time(arena, report, report->until_ms));
    write_lines(out, arena, report, before);
    write_sides(out, arena, report, colour);
    write_changes(out, arena, report, colour);
    write_causes(out, arena, report, colour);
    write_oldest(out, arena, report);
}
