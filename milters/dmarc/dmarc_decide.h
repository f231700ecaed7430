/*
 * dmarc_decide - does the message speak for its author's domain, and what does that
 * domain want done if not (RFC 9989 sections 4.8 to 4.10).
 *
 * Decides over what is known, or names the one question whose answer it needs next; the
 * caller learns that answer (dmarc_learn) and asks again.  So no question is asked that
 * the outcome does not depend on, and a failed one hurts only what depends on it.
 */
#ifndef MILTERS_DMARC_DMARC_DECIDE_H
#define MILTERS_DMARC_DMARC_DECIDE_H

#include "milters/dmarc/dmarc_walk.h"
#include "milters/message/auth_result.h"

/* A domain that SPF or DKIM tells of. */
struct dmarc_identifier {
    struct span domain;
    bool is_spf;
    bool passed;              /* false: a temporary error kept it from being known */
    struct span organization; /* by the public suffix list; empty: walk the tree */
};

struct dmarc_request {
    struct span author;
    struct span organization; /* of the author, by the public suffix list; or empty */
    const struct dmarc_identifier *identifiers;
    size_t count;
};

struct dmarc_verdict {
    enum auth_result result;     /* none, pass, fail, temperror */
    const char *reason;          /* of temperror, in words of ours */
    struct span policy_domain;   /* where the record stands; empty without one */
    enum dmarc_policy published; /* its p= */
    /*
     * What is asked for when it fails, after sp, np and t.  Of a temporary error: what is
     * known to be asked for, the strictest where several records may be the one.
     */
    enum dmarc_policy policy;
    bool by_spf; /* what it passed by */
    bool by_dkim;
    bool repeats; /* the record has a tag twice */
};

struct dmarc_question {
    struct span name;
    bool is_existence; /* A of <name>, else TXT of _dmarc.<name> */
};

/* True with a verdict, or false with a question. */
bool dmarc_decide(const struct dmarc_request *request,
    const struct dmarc_knowledge *known, struct dmarc_verdict *verdict,
    struct dmarc_question *question);

#endif
