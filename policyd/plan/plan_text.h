/*
 * plan_text - times, durations and percentages as people read them.  Pure.
 */
#ifndef POLICYD_PLAN_PLAN_TEXT_H
#define POLICYD_PLAN_PLAN_TEXT_H

#include "policyd/plan/plan_window.h"
#include "shared/base/attributes.h"

enum { PLAN_TIME_MAX = 32 };

/* "2 d 3 h", "24 h", "5 h 20 min", "37 s"; days from two on, and nobody counts seconds of
 * minutes.  Cut, not rounded;
 * below a second "0 s". */
void plan_text_age(int64_t milliseconds, char out[PLAN_TIME_MAX]);

/* "2 h": one unit, rounded, at least "1 min". */
void plan_text_about(int64_t milliseconds, char out[PLAN_TIME_MAX]);

/* A time by the local clock, which shows `now` now: "14:02" today, "Tue 14:02" within six
 * days, "2026-11-24T12:00:00Z" (UTC) else. */
void plan_text_time(
    struct plan_local now, int64_t now_ms, int64_t time_ms, char out[PLAN_TIME_MAX]);

/* 0..1 as "99.94": cut, so that what is below a limit is never shown as equal to it. */
void plan_text_percent(double part, char out[PLAN_TIME_MAX]);
unsigned plan_hundredths(double part);

/* "1.2", "0.84", "3". */
void plan_text_seconds(uint64_t thousandths, char out[PLAN_TIME_MAX]);

/* One line into a text of `size` octets; what is too long is cut. */
void plan_text_print(char *out, size_t size, const char *format, ...)
    ATTRIBUTE_PRINTF(3, 4);

#endif
