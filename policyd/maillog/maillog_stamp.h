/*
 * maillog_stamp - the time at the head of a log line.  Pure.
 *
 * - "Nov 24 04:45:56", "Nov  4 04:45:56": no year, the host's own zone
 * - "2026-11-24T04:45:56.123456+01:00": RFC 3339; also with Z or +0100, a blank for the
 * T, without a fraction or a zone
 */
#ifndef POLICYD_MAILLOG_MAILLOG_STAMP_H
#define POLICYD_MAILLOG_MAILLOG_STAMP_H

#include "shared/base/span.h"

struct maillog_stamp {
    int year;  /* 0: not said */
    int month; /* 1..12 */
    int day;
    int second; /* of the day */
    int millisecond;
    bool has_offset;
    int offset; /* seconds east of UTC */
};

/* Takes a stamp off the start of the line, and the blanks behind it; false: none there.
 */
bool maillog_stamp_take(struct span *line, struct maillog_stamp *stamp);

/*
 * Unix time in milliseconds.  `offset` (seconds east) is the host's where the stamp says
 * none; a year that is not said is the one that brings it nearest to `near` (unix
 * milliseconds): so it advances once over New Year, and a line out of order does not.
 */
int64_t maillog_stamp_time(const struct maillog_stamp *stamp, int64_t near, int offset);

/* Of a log's first line, before which there is none that says about when it was: the
 * latest year by which it is not to come, a day of clocks apart. */
int64_t maillog_stamp_first_time(
    const struct maillog_stamp *stamp, int64_t now, int offset);

#endif
