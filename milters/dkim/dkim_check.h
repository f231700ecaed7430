/*
 * dkim_check - verify the DKIM signatures of one message: libopendkim behind a shield.
 *
 * dkim_plan decides what it can alone; libopendkim is asked whether what is left verifies
 * under a key that we give it.  Debian's build has about 320 asserts and some memory
 * faults: see dkim_check.c for what is kept from it.
 *
 * Order of a message: new, start (asks for the keys, does not wait), begin (waits for
 * them, hands the header over), body for each chunk while it is wanted, end, then the
 * plan's candidates are the results; free.  Calls may come from different threads, one at
 * a time.
 *
 * Limits, all told as another result than the one RFC 6376 has: form feeds, vertical tabs
 * and bare CRs in a signed field or (CR, behind white space) in a relaxed body fail; see
 * also dkim_signature and dkim_plan.
 */
#ifndef MILTERS_DKIM_DKIM_CHECK_H
#define MILTERS_DKIM_DKIM_CHECK_H

#include "milters/dkim/dkim_plan.h"
#include "shared/base/error.h"

/* One for the process; make it before there are threads. */
struct dkim_library;

struct dkim_library *dkim_library_new(struct error *error); /* NULL on failure */
void dkim_library_free(struct dkim_library *library);       /* NULL is fine */

struct dkim_check_options {
    size_t most;        /* signatures checked in a message */
    bool length_counts; /* l= that leaves text uncovered may pass */
    int64_t now;        /* unix time */
};

struct dkim_check;

/* What is borrowed (fields until begin, arena until free) lives in the message. */
struct dkim_check *dkim_check_new(struct dkim_library *library,
    const struct dkim_check_options *options, struct arena *arena);
void dkim_check_free(struct dkim_check *check); /* NULL is fine */

void dkim_check_start(struct dkim_check *check, const struct header_field *fields,
    size_t field_count, const struct author *author, const struct dns_lookup *lookup);
void dkim_check_begin(struct dkim_check *check);

/* False once no chunk of the body can change a result. */
bool dkim_check_wants_body(const struct dkim_check *check);
void dkim_check_body(struct dkim_check *check, struct span chunk);
void dkim_check_end(struct dkim_check *check);

/* Results once ended; before that what is decided already. */
const struct dkim_plan *dkim_check_plan(const struct dkim_check *check);

#endif
