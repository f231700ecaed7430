#include "policyd/terminal/report_chart.h"

#include <inttypes.h>

#include "policyd/terminal/ctl_table.h"
#include "policyd/terminal/report_format.h"

/* In units of the picture. */
enum { WIDE = 960, HIGH = 190, LEFT = 70, RIGHT = 12, TOP = 14, BASE = 160, LINES = 2 };

enum { TEXT_MAX = 16384 };

void
report_chart_escape(struct buffer *out, const char *text)
{
    struct buffer safe;
    struct span rest;

    buffer_init(&safe, TEXT_MAX);
    ctl_table_escape(&safe, span_first(span_of(text), TEXT_MAX / 4));
    rest = buffer_span(&safe);
    for (size_t i = 0; i < rest.length; i++) {
        switch (rest.data[i]) {
        case '<':
            buffer_append_text(out, "&lt;");
            break;
        case '>':
            buffer_append_text(out, "&gt;");
            break;
        case '&':
            buffer_append_text(out, "&amp;");
            break;
        case '"':
            buffer_append_text(out, "&quot;");
            break;
        default:
            buffer_append_octet(out, rest.data[i]);
        }
    }
    buffer_clear(&safe);
}

/* --- the frame --- */

static double
slot_width(void)
{
    return (double)(WIDE - LEFT - RIGHT) / REPORT_SLICES;
}

static double
height_of(uint64_t number, uint64_t most)
{
    return most == 0 ? 0 : (double)(BASE - TOP) * (double)number / (double)most;
}

/* Title and legend, lines at nothing, the half and the whole, and times below. */
static void
begin(struct buffer *out, struct arena *arena, const struct report *report,
    const char *title, const char *legend, const char *const *marks)
{
    buffer_printf(out,
        "<h2>%s</h2>\n<p>%s</p>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" "
        "aria-label=\"%s\">\n",
        title, legend, WIDE, HIGH, title);
    for (int i = 0; i <= LINES; i++) {
        int y = BASE - ((BASE - TOP) * i / LINES);

        buffer_printf(out,
            "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>"
            "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n",
            LEFT, WIDE - RIGHT, y, y, LEFT - 8, y + 4, marks[i]);
    }
    buffer_printf(out,
        "<text x=\"%d\" y=\"%d\">%s</text>"
        "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n",
        LEFT, HIGH - 10, report_format_time(arena, report, report->since_ms),
        WIDE - RIGHT, HIGH - 10, report_format_time(arena, report, report->until_ms));
}

static void
bar(struct buffer *out, const char *class, int slice, double below, double height)
{
    if (height <= 0)
        return;
    buffer_printf(out,
        "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
        class, LEFT + (slot_width() * slice) + 2, BASE - below - height, slot_width() - 4,
        height);
}

/* --- what is seen --- */

void
report_chart_deliveries(
    struct buffer *out, struct arena *arena, const struct report *report)
{
    const char *marks[LINES + 1] = {"0"};
    uint64_t most = 0;

    for (int i = 0; i < REPORT_SLICES; i++) {
        const struct report_attempts *sides = report->slices[i].sides;

        if (sides[REPORT_OLD].ok + sides[REPORT_NEW].ok > most)
            most = sides[REPORT_OLD].ok + sides[REPORT_NEW].ok;
    }
    if (most == 0)
        return;
    marks[1] = most % 2 == 0 ? report_format_count(arena, most / 2) : "";
    marks[2] = report_format_count(arena, most);
    begin(out, arena, report, "Accepted at the first attempt",
        "<span style=\"color:var(--old)\">old</span> &nbsp; "
        "<span style=\"color:var(--new)\">new</span>",
        marks);
    for (int i = 0; i < REPORT_SLICES; i++) {
        const struct report_attempts *sides = report->slices[i].sides;
        double old = height_of(sides[REPORT_OLD].ok, most);

        bar(out, "old", i, 0, old);
        bar(out, "new", i, old, height_of(sides[REPORT_NEW].ok, most));
    }
    buffer_append_text(out, "</svg>\n");
}

/* Where nothing was delivered the line has a gap; a point alone is a dot. */
static void
curve(struct buffer *out, const struct report *report, enum report_side side,
    const char *line, const char *dot, uint64_t most)
{
    bool open = false;

    for (int i = 0; i < REPORT_SLICES; i++) {
        int64_t delay = report->slices[i].sides[side].p95_ms;
        double x = LEFT + (slot_width() * (i + 0.5));

        if (delay < 0) {
            if (open)
                buffer_append_text(out, "\"/>\n");
            open = false;
            continue;
        }
        if (!open) {
            buffer_printf(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>",
                dot, x, BASE - height_of((uint64_t)delay, most));
            buffer_printf(out, "<polyline class=\"%s\" points=\"", line);
        }
        buffer_printf(out, "%.1f,%.1f ", x, BASE - height_of((uint64_t)delay, most));
        open = true;
    }
    if (open)
        buffer_append_text(out, "\"/>\n");
}

void
report_chart_delays(struct buffer *out, struct arena *arena, const struct report *report)
{
    const char *marks[LINES + 1] = {"0"};
    int64_t most = 0;

    for (int i = 0; i < REPORT_SLICES; i++) {
        for (int side = REPORT_OLD; side <= REPORT_NEW; side++) {
            if (report->slices[i].sides[side].p95_ms > most)
                most = report->slices[i].sides[side].p95_ms;
        }
    }
    if (most == 0)
        return;
    marks[1] = report_format_delay(arena, most / 2);
    marks[2] = report_format_delay(arena, most);
    begin(out, arena, report, "Delay that 95 of 100 were within",
        "<span style=\"color:var(--old)\">old</span> &nbsp; "
        "<span style=\"color:var(--new)\">new</span>",
        marks);
    curve(out, report, REPORT_OLD, "lold", "old", (uint64_t)most);
    curve(out, report, REPORT_NEW, "lnew", "new", (uint64_t)most);
    buffer_append_text(out, "</svg>\n");
}

void
report_chart_verdicts(
    struct buffer *out, struct arena *arena, const struct report *report)
{
    const char *marks[LINES + 1] = {"0", "50 %", "100 %"};

    if (report_verdicts(report).seen == 0)
        return;
    begin(out, arena, report, "Share of mail with a bad verdict",
        "DMARC fail, infected or spam, of what the milters saw", marks);
    for (int i = 0; i < REPORT_SLICES; i++) {
        const struct report_slice *slice = &report->slices[i];
        uint64_t bad = slice->dmarc_fail + slice->infected + slice->spam;

        bar(out, "red", i, 0,
            height_of(bad < slice->seen ? bad : slice->seen, slice->seen));
    }
    buffer_append_text(out, "</svg>\n");
}
