/*
 * report_html - a report as one page that needs nothing else: curves are inline SVG, no
 * script, nothing from outside; light and dark by the reader's choice, and on paper.
 * All texts are escaped.  A figure that JSON has too stands in the attribute `value` of
 * its <data> element, whose `id` is the key.  Pure.
 */
#ifndef POLICYD_TERMINAL_REPORT_HTML_H
#define POLICYD_TERMINAL_REPORT_HTML_H

#include "policyd/terminal/report.h"
#include "shared/base/arena.h"

/* `before` is the period before this one; NULL: alone. */
void report_html_write(struct buffer *out, struct arena *arena,
    const struct report *report, const struct report *before);

#endif
