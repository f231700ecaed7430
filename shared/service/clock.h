/*
 * clock - how time goes by, whatever the wall clock does (CLOCK_MONOTONIC); and what the
 * wall clock says.
 */
#ifndef SHARED_SERVICE_CLOCK_H
#define SHARED_SERVICE_CLOCK_H

#include <stdint.h>
#include <sys/time.h>

/* Milliseconds, microseconds, nanoseconds since some point in the past that all processes
 * share. */
uint64_t clock_now_ms(void);
uint64_t clock_now_us(void);
uint64_t clock_now_ns(void);

/* Unix time in milliseconds (CLOCK_REALTIME). */
int64_t clock_wall_ms(void);

/* So long, as timers and sockets take it. */
struct timeval clock_timeval(uint64_t milliseconds);

#endif
