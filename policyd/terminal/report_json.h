/*
 * report_json - a report as one JSON document.  Pure.
 */
#ifndef POLICYD_TERMINAL_REPORT_JSON_H
#define POLICYD_TERMINAL_REPORT_JSON_H

#include "policyd/terminal/report.h"

/* `before` NULL: alone; else it stands in `before`, of the same shape. */
void report_json_write(
    struct buffer *out, const struct report *report, const struct report *before);

#endif
