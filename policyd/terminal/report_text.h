/*
 * report_text - a report of ten lines and their tables, 100 columns wide.  Pure.
 */
#ifndef POLICYD_TERMINAL_REPORT_TEXT_H
#define POLICYD_TERMINAL_REPORT_TEXT_H

#include "policyd/terminal/report.h"
#include "shared/base/arena.h"

/* `before` is the period before this one, beside which it is told; NULL: alone. */
void report_text_write(struct buffer *out, struct arena *arena,
    const struct report *report, const struct report *before, bool colour);

#endif
