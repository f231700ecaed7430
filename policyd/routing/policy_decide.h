/*
 * policy_decide - a recipient at SMTP time to what Postfix shall do: DUNNO in nearly all
 * cases.
 *
 * Loop guard: what comes from a backend for a recipient that is routed to that same
 * backend would go round, so it is deferred, unless the domain hands its internal mail to
 * us on purpose (inside=relay).
 *
 * With `filter` the answer to the first recipient fixes the backend of the whole message,
 * since Postfix's FILTER does: one that goes elsewhere, a recipient which is not ours
 * included, is deferred, so that the client sends it in a transaction of its own.  Held
 * and unknown ones are refused at once.  A recipient on old=site is left to the site in
 * both: it is never a loop, and gets no FILTER.  Pure.
 */
#ifndef POLICYD_ROUTING_POLICY_DECIDE_H
#define POLICYD_ROUTING_POLICY_DECIDE_H

#include "policyd/routing/route_decide.h"

enum policy_answer {
    POLICY_DUNNO,
    POLICY_FILTER,
    POLICY_HOLD,      /* the recipient is held */
    POLICY_LOOP,      /* from a backend to itself */
    POLICY_ELSEWHERE, /* not the backend that the message's first recipient fixed */
    POLICY_UNKNOWN,   /* ours, but where it goes is not known */
    POLICY_ANSWERS,
};

struct policy_rules {
    bool hold_at_smtp;
    bool filter;
    const char *hold_text;
};

struct policy_facts {
    const struct route *route;
    bool from_old; /* the client is one of backends_old */
    bool from_new;
    /* With `filter`: whether an earlier recipient fixed another backend, or may have. */
    bool fixed_elsewhere;
};

/* Both are borrowed from the rules, the route or static. */
struct policy_verdict {
    enum policy_answer answer;
    struct span action; /* "DUNNO", "DEFER_IF_PERMIT 4.2.1" */
    struct span text;   /* what follows a blank; may be empty */
};

struct policy_verdict policy_decide(
    const struct policy_rules *rules, const struct policy_facts *facts);

const char *policy_answer_name(enum policy_answer answer);

#endif
