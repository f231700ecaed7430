/*
 * callout - asks the misprovision guard's questions of both backends, and tells what it
 * finds.  One for each domain.
 *
 * New is asked again with the null sender, then old; at most GUARD_A_SECOND a second, one
 * connection a side at a time.  What becomes of a finding (pin, event, flush, freeze) is
 * its owner's.  Refusals are told after the commit of the books that has them
 * (refusals.h), so that one undone is not asked about twice.
 */
#ifndef POLICYD_CUTOVER_CALLOUT_H
#define POLICYD_CUTOVER_CALLOUT_H

#include "policyd/plan/plan_guard.h"
#include "policyd/smtp/smtp_talk.h"

struct callout;

struct callout_options {
    const char *hello;    /* our name; copied */
    struct smtp_tls *tls; /* NULL: without TLS; outlives the callout */
    struct hash_key key;  /* random */
    struct guard_rules rules;
    unsigned timeout_ms; /* of a question; 0: 30 s, 10 s a step */
    /* From the event loop; the callout may be freed in it. */
    void (*found)(void *argument, const struct guard_finding *finding);
    void *argument;
};

struct callout *callout_new(
    struct event_base *base, const struct callout_options *options);
void callout_free(struct callout *callout); /* what is asked is given up */

/* From the next question on.  "" or NULL: nobody to ask; questions to that side are
 * silent. */
void callout_set_route(struct callout *callout, enum guard_side side, const char *route);
void callout_set_rules(struct callout *callout, const struct guard_rules *rules);

/* New said 5xx to RCPT of it. */
void callout_refused(
    struct callout *callout, struct span recipient, struct span unit, struct span reply);

/* guard_know */
void callout_know(struct callout *callout, uint64_t pins, uint64_t unknown_pins);

/* After a person's `resume`. */
void callout_restart(struct callout *callout);

/* [cutover] callout = no, or the guard has frozen: nothing is asked and what waits is
 * forgotten; starts stopped = false. */
void callout_set_stopped(struct callout *callout, bool stopped);

void callout_counts(const struct callout *callout, struct guard_counts *counts);

#endif
