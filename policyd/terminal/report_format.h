/*
 * report_format - the numbers of a report as people read them: "412,338", "99.95 %",
 * "230 ms".  Pure.
 */
#ifndef POLICYD_TERMINAL_REPORT_FORMAT_H
#define POLICYD_TERMINAL_REPORT_FORMAT_H

#include "policyd/terminal/report.h"
#include "shared/base/arena.h"

/* In the arena; what is not known is "-". */
const char *report_format_count(struct arena *arena, uint64_t number);
const char *report_format_delay(struct arena *arena, int64_t milliseconds);
const char *report_format_hundredths(struct arena *arena, int64_t hundredths);
const char *report_format_time(
    struct arena *arena, const struct report *report, int64_t milliseconds);
const char *report_format_tls(struct arena *arena, const struct report *report, int side);
const char *report_format_change(struct arena *arena,
    const struct report_attempts *before, const struct report_attempts *after);

/* A figure of the summary: its name (also its key in JSON), and its value in words. */
struct report_line {
    const char *name;
    const char *value;
};

enum { REPORT_LINES = 10 };

void report_format_lines(struct arena *arena, const struct report *report,
    struct report_line lines[REPORT_LINES]);

#endif
