/*
 * smtp_course - how far a dialog has come: its phase, the time that each took, deadlines,
 * its end.  Inside smtp_talk.
 */
#ifndef POLICYD_SMTP_SMTP_COURSE_H
#define POLICYD_SMTP_SMTP_COURSE_H

#include <netinet/in.h>

#include "policyd/smtp/smtp_envelopes.h"
#include "policyd/smtp/smtp_link.h"
#include "policyd/smtp/smtp_places.h"
#include "policyd/smtp/smtp_talk.h"
#include "shared/base/domain.h"

struct event;

struct smtp_talk {
    struct event_base *base;
    struct smtp_places *places;
    struct smtp_tls *tls;
    unsigned step_timeout_ms;
    char hello[DOMAIN_MAX + 1];
    struct sockaddr_in source4; /* to connect from; family 0: any */
    struct sockaddr_in6 source6;
    struct smtp_envelopes *envelopes;
    size_t envelope;
    size_t recipient;
    bool resets; /* behind the last envelope, too */
    struct smtp_talk_events events;
    void *argument;

    struct event *turn; /* the next place, or the end, from the loop */
    struct event *step; /* a step's time is up */
    struct event *all;  /* all of it */
    char name[254];     /* of the place that is spoken to, for TLS */
    bool has_name;      /* it was given: the same whatever the place */
    struct smtp_link *link;
    bool says_helo;      /* the server knows no EHLO */
    bool is_established; /* greeted and answered: no other place is tried */
    bool has_failed;     /* this place: the next one comes with the next turn */
    bool is_over;        /* the owner is told with the next turn */
    uint64_t started_us;
    uint64_t phase_us; /* since then time is the running phase's */
    struct smtp_talk_result result;
    unsigned busy; /* callbacks on the stack */
    bool freed;
};

/* With another place: nothing is known of it.  Time runs on, for its name was looked up.
 */
void smtp_course_reset(struct smtp_talk *talk);

/* A phase begins, or goes on; its step has its time from now. */
void smtp_course_begin(struct smtp_talk *talk, enum smtp_phase phase);

/* The owner is told from the loop. */
void smtp_course_finish(struct smtp_talk *talk);

/* Before anybody has answered EHLO, the next place may do better. */
void smtp_course_fail(struct smtp_talk *talk, enum smtp_trouble trouble, const char *why);
void smtp_course_refused(struct smtp_talk *talk); /* by result.reply */

#endif
