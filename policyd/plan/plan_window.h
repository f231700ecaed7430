/*
 * plan_window - the hours in which a plan may advance.  Pure: local time is given.
 *
 * "Mon-Fri 08:00-16:00", several by commas ("Mon-Thu 08:00-16:00, Fri 08:00-12:00"); days
 * may be one ("Sat"), a range (also over the weekend, "Sat-Mon"), or left out (every
 * day). A range of hours ends before its second time; "22:00-02:00" goes over midnight
 * and belongs to the day on which it begins; "00:00-24:00" is a whole day.  Names of days
 * in English, three letters, without case.
 *
 * Limits: what lies ahead is told by the wall clock of now, so an hour off where summer
 * time begins or ends in between.  Whether it is open is not touched by that.
 */
#ifndef POLICYD_PLAN_PLAN_WINDOW_H
#define POLICYD_PLAN_PLAN_WINDOW_H

#include "shared/base/error.h"
#include "shared/base/span.h"

enum { PLAN_WINDOW_RANGES_MAX = 16, MINUTES_OF_DAY = 24 * 60, PLAN_LOCAL_MAX = 16 };

struct plan_window_range {
    unsigned days; /* bit 0 is Sunday, as in struct tm */
    unsigned from; /* minutes of the day */
    unsigned to;   /* first minute outside; below `from`: over midnight */
};

/* No ranges: always open. */
struct plan_window {
    struct plan_window_range ranges[PLAN_WINDOW_RANGES_MAX];
    size_t count;
};

/* Local time of the plan's zone. */
struct plan_local {
    unsigned weekday; /* 0 is Sunday */
    unsigned minute;  /* of the day */
};

/* On false the window is as it was. */
bool plan_window_parse(struct span text, struct plan_window *window, struct error *error);

bool plan_window_is_open(const struct plan_window *window, struct plan_local local);

/* When it opens next, by the wall clock: minutes from `local` (0: it is open; at most a
 * week), and as a day and time ("Mon 08:00"). */
unsigned plan_window_opens(
    const struct plan_window *window, struct plan_local local, char out[PLAN_LOCAL_MAX]);

/* When it closes; 0: it is closed; a week: it never does. */
unsigned plan_window_closes(
    const struct plan_window *window, struct plan_local local, char out[PLAN_LOCAL_MAX]);

/* So many minutes later, or before where negative. */
struct plan_local plan_local_after(struct plan_local local, int64_t minutes);
void plan_local_write(
    struct plan_local local, char out[PLAN_LOCAL_MAX]); /* "Mon 08:00" */

const char *plan_day_name(unsigned weekday); /* "Sun" ... */

#endif
