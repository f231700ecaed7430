/*
 * dkim_own_check - whether a signature verifies that libopendkim can't read.
 *
 * Its result stays what it is (neutral, with the reason), but mail that its sender has
 * signed rightly must not be refused for what a library of ours gets wrong: one that is
 * aligned with the author and verifies here counts for DMARC.  Written from RFC 6376
 * with libcrypto alone; signatures with l= are left out.
 */
#ifndef MILTERS_DKIM_DKIM_OWN_CHECK_H
#define MILTERS_DKIM_DKIM_OWN_CHECK_H

#include "milters/dkim/dkim_plan.h"

struct dkim_own_check;

enum { DKIM_OWN_CHECKS_MAX = 3 }; /* of a message */

/* Those of a message; a struct of zeroes is none. */
struct dkim_own_checks {
    struct dkim_own_check *items[DKIM_OWN_CHECKS_MAX];
    size_t candidates[DKIM_OWN_CHECKS_MAX]; /* of the plan */
    size_t count;
};

/* For the plan's candidates that are meant for it (for_own): hashes the header. */
void dkim_own_checks_open(struct dkim_own_checks *checks, const struct dkim_plan *plan,
    const struct header_field *fields, size_t field_count);
void dkim_own_checks_clear(struct dkim_own_checks *checks);

void dkim_own_checks_body(struct dkim_own_checks *checks, struct span chunk);

/* Once the body is over: those that verify say so in the plan (has_verified). */
void dkim_own_checks_end(struct dkim_own_checks *checks, struct dkim_plan *plan);

#endif
