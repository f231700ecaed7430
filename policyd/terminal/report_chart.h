/*
 * report_chart - the curves of a report as inline SVG.  Pure; a part of report_html.
 */
#ifndef POLICYD_TERMINAL_REPORT_CHART_H
#define POLICYD_TERMINAL_REPORT_CHART_H

#include "policyd/terminal/report.h"
#include "shared/base/arena.h"

/* Text for HTML; what is unseen, or no UTF-8, as \xNN. */
void report_chart_escape(struct buffer *out, const char *text);

/* Each with its heading; nothing where there is nothing to be seen. */
void report_chart_deliveries(
    struct buffer *out, struct arena *arena, const struct report *report);
void report_chart_delays(
    struct buffer *out, struct arena *arena, const struct report *report);
void report_chart_verdicts(
    struct buffer *out, struct arena *arena, const struct report *report);

#endif
