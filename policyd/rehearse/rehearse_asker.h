/*
 * rehearse_asker - asks new: one dialog a question, at most five a second and two at a
 * time over all domains.
 *
 * EHLO, STARTTLS where it is offered, MAIL FROM with SIZE, RCPT, RSET, QUIT.  There is no
 * DATA in it.
 */
#ifndef POLICYD_REHEARSE_REHEARSE_ASKER_H
#define POLICYD_REHEARSE_REHEARSE_ASKER_H

#include "policyd/rehearsal/rehearsal_course.h"

struct event_base;
struct rehearse_asker;
struct smtp_tls;

struct rehearse_task {
    struct rehearsal_question question;
    const char *recipient; /* also where the question has none */
    const char *route;     /* of new */
    void *owner;           /* the caller's */
};

struct rehearse_asker_options {
    const char *hello; /* our name; copied */
    struct smtp_tls *tls;
    /* False: nobody is to be asked now. */
    bool (*next)(void *argument, struct rehearse_task *task);
    /* Once for each that was given. */
    void (*answered)(void *argument, void *owner,
        const struct rehearsal_question *question, const struct rehearsal_reply *reply);
    void *argument;
};

struct rehearse_asker *rehearse_asker_new(
    struct event_base *base, const struct rehearse_asker_options *options);
void rehearse_asker_free(struct rehearse_asker *asker); /* what is asked is given up */

#endif
