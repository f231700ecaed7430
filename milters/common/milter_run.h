/*
 * milter_run - libmilter in a serving process: negotiate, run, drain, stop.
 *
 * One process serves one listening socket, given as a descriptor that the supervisor
 * keeps (milter_supervise). libmilter's threads call the callbacks; consecutive callbacks
 * of a session may come from different threads, one at a time.  A thread of ours listens
 * to the supervisor: told to drain, it puts a socket nobody connects to in place of the
 * listening one, waits until no session is left and ends the process; told to stop, it
 * waits for messages in hand only, 8 s at most.
 */
#ifndef MILTERS_COMMON_MILTER_RUN_H
#define MILTERS_COMMON_MILTER_RUN_H

#include <libmilter/mfapi.h>
#include <stdbool.h>
#include <stdint.h>

struct metrics_series;

/* Field values larger than this end the connection (libmilter's own default is 64 KiB).
 */
enum { MILTER_FIELD_MAX = 1 << 20 };

struct milter_run {
    const struct smfiDesc *callbacks;    /* xxfi_name and xxfi_flags filled in */
    int fd;                              /* listening */
    int control;                         /* of the supervisor */
    struct metrics_series *sessions;     /* gauge milter_sessions, may be NULL */
    void (*before_exit)(void *argument); /* may be NULL */
    void *argument;
};

/* Serves until told to end; gives the exit status. */
int milter_run(const struct milter_run *run);

/*
 * What the callbacks say, so that draining knows: a session from negotiate to close, a
 * message from MAIL FROM to its end or abort.  Each began is followed by one ended; a
 * flag in the session's own data keeps that so.
 */
void milter_session_began(void);
void milter_session_ended(void);
void milter_message_began(void);
void milter_message_ended(void);

/* What a milter wants of the MTA. */
struct milter_wanted {
    unsigned long actions; /* SMFIF_*: all needed, else the session is refused */
    unsigned long
        steps; /* SMFIP_NO*, SMFIP_NR_*, SKIP, HDR_LEADSPC: those offered are taken */
};

/*
 * For xxfi_negotiate: sets the outputs, gives the granted steps by `granted` (keep it per
 * session: a callback whose NR flag is granted returns SMFIS_NOREPLY, without it never).
 * SMFIS_CONTINUE or SMFIS_REJECT.
 */
sfsistat milter_negotiate(const struct milter_wanted *wanted,
    unsigned long offered_actions, unsigned long offered_steps, unsigned long *actions,
    unsigned long *steps, unsigned long *granted);

/* SMFIS_NOREPLY where `no_reply_step` was granted, else SMFIS_CONTINUE. */
sfsistat milter_continue(unsigned long granted, unsigned long no_reply_step);

#endif
