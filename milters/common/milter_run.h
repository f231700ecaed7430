/*
 * milter_run - a serving process: accept, a thread for each connection, drain, stop.
 *
 * One process serves one listening socket, given as a descriptor that the supervisor
 * keeps (milter_supervise).  The first thread accepts and listens to the supervisor: told
 * to drain, it accepts no more, waits until no session is left and ends the process; told
 * to stop (TERM says the same), it waits for messages in hand only, 7 s at most.
 */
#ifndef MILTERS_COMMON_MILTER_RUN_H
#define MILTERS_COMMON_MILTER_RUN_H

#include "milters/common/milter_session.h"

struct metrics_series;

/* More connections at once are hung up on: Postfix does as its default action says. */
enum { MILTER_SESSIONS_MAX = 4000 };

struct milter_run {
    const struct milter_handler *handler;
    void *service;                /* given to its open */
    int fd;                       /* listening, without blocking */
    int control;                  /* of the supervisor */
    struct metrics_series *gauge; /* milter_sessions, may be NULL */
};

/* "our own reader", or "libmilter" (make MILTER=libmilter: milter_run_libmilter.c). */
extern const char milter_run_engine[];

/* Serves until told to end; gives the exit status.  Threads may still be there: only
 * _exit is right after it. */
int milter_run(const struct milter_run *run);

#endif
