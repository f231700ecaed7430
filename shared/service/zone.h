/*
 * zone - the local time of a named time zone, by the system's zone files.
 *
 * Not for several threads: TZ is set for the moment, and put back.
 */
#ifndef SHARED_SERVICE_ZONE_H
#define SHARED_SERVICE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

/* Weekday (0 is Sunday) and minute of the day at a unix time.  False: there is no such
 * zone on this machine. */
bool zone_local(const char *zone, int64_t unix_time, unsigned *weekday, unsigned *minute);

#endif
