/*
 * dkim_plan - which signatures of a message are checked, with which keys, and which of
 * them libopendkim may see.
 *
 * Three steps: dkim_plan_make reads the header, picks the signatures (aligned with an
 * author first, then from the top) and names the keys to look up; dkim_plan_answer takes
 * what was found under one of those names; dkim_plan_settle decides what can't be handed
 * over.  What is still AUTH_NONE then is libopendkim's to verify.
 *
 * Limits: three different body forms (canonical form and l=) are hashed.  A signature
 * that signs other signatures is neutral where libopendkim can't be given them: it takes
 * the field being verified for one of them, and may not see what is malformed.
 */
#ifndef MILTERS_DKIM_DKIM_PLAN_H
#define MILTERS_DKIM_DKIM_PLAN_H

#include "milters/dkim/dkim_signature.h"
#include "milters/message/author.h"
#include "shared/records/dkim_key.h"

enum {
    DKIM_SIGNATURES_MAX = 10, /* checked in a message, whatever the configuration says */
    DKIM_BODY_FORMS_MAX = 3,
};

struct dkim_candidate {
    struct dkim_signature signature; /* result and reason are the verdict so far */
    size_t field;                    /* its place among the header's fields */
    bool aligned;                    /* d= looks related to an author's domain */
    bool aside;                      /* shown to libopendkim as a field that is signed */
    bool testing;                    /* the key says t=y */
    bool is_settled;                 /* decided here, not by its text alone */
    bool for_own;         /* aligned, and neutral for what libopendkim can't read */
    bool has_own_key;     /* and its key is one */
    const char *question; /* the key's name in DNS; NULL where none is needed */
    const char *record;   /* the key for libopendkim, once it is pending */
};

struct dkim_plan {
    struct dkim_candidate candidates[DKIM_SIGNATURES_MAX]; /* as in the message */
    size_t count;
    size_t
        found; /* DKIM-Signature fields in the header, the first 100 of which are read */
};

/* At most `most` signatures, DKIM_SIGNATURES_MAX at most.  Texts live in the arena. */
void dkim_plan_make(struct dkim_plan *plan, const struct header_field *fields,
    size_t field_count, const struct author *author, size_t most, int64_t now,
    struct arena *arena);

void dkim_plan_answer(struct dkim_candidate *candidate, const struct dns_answer *answer,
    struct arena *arena);

void dkim_plan_settle(
    struct dkim_plan *plan, const struct header_field *fields, size_t field_count);

/* Whether libopendkim has to verify it. */
bool dkim_candidate_is_pending(const struct dkim_candidate *candidate);

/* Once more is known: the first decision stands. */
void dkim_candidate_decide(
    struct dkim_candidate *candidate, enum auth_result result, const char *reason);

#endif
