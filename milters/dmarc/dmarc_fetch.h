/*
 * dmarc_fetch - drives a DMARC decision through DNS, one question at a time.
 *
 * Ask early for what may be needed (dmarc_fetch_ask): the names of a walk are answered
 * together then, while DKIM's keys are, and slow ones cost one time-out.  With a public
 * suffix list organizations are looked up there (org_domain = psl, as RFC 7489 had it),
 * without one the tree is walked.
 */
#ifndef MILTERS_DMARC_DMARC_FETCH_H
#define MILTERS_DMARC_DMARC_FETCH_H

#include "milters/dmarc/dmarc_decide.h"
#include "shared/base/error.h"

/* The newest list on this machine (libpsl). */
struct dmarc_suffixes;

struct dmarc_suffixes *dmarc_suffixes_new(struct error *error); /* NULL on failure */
void dmarc_suffixes_free(struct dmarc_suffixes *suffixes);      /* NULL is fine */

/* Asks for what the walk of an author's domain may find, less the top, and doesn't wait.
 */
void dmarc_fetch_ask(const struct dns_lookup *lookup,
    const struct dmarc_suffixes *suffixes, struct span author);

/*
 * Fills the organizations of the request itself where there is a list.  `identifiers` are
 * the request's; their texts outlive the verdict.
 */
void dmarc_fetch(const struct dns_lookup *lookup, const struct dmarc_suffixes *suffixes,
    struct span author, struct dmarc_identifier *identifiers, size_t count,
    struct dmarc_verdict *verdict);

#endif
