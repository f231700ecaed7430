/*
 * spf_check - check_host() of RFC 7208: libspf2 evaluates, behind a shield of ours.
 *
 * Debian's libspf2 overruns its stack on a stranger's record (CVE-2023-42118) and strays
 * from RFC 7208 in grammar, limits, macros and explanations.  So it never sees an octet
 * of DNS or SMTP: it gets records that we write, of tokens such as "v=spf1 +a:3.t/24
 * -include:4.t ~all", and asks us what is behind each token.  Order of terms, qualifiers,
 * include, redirect and the comparison of addresses are its own.
 *
 * A look-up's time is the caller's (see dns_lookup): used up, the result is temperror.
 * Any number of checks may run at the same time.  One takes at most 256 KiB of the arena.
 */
#ifndef MILTERS_SPF_SPF_CHECK_H
#define MILTERS_SPF_SPF_CHECK_H

#include "milters/spf/spf_report.h"
#include "shared/base/arena.h"
#include "shared/dns/dns_lookup.h"

/* Before there are threads: libspf2's messages go to the log. */
void spf_check_init(void);

/*
 * MAIL FROM: `mailbox` is the address without its brackets; empty for the null sender,
 * whose domain is that of HELO.
 */
struct spf_report spf_check_mailfrom(const struct spf_client *client, struct span mailbox,
    const struct dns_lookup *lookup, struct arena *arena);

/* HELO as an identity of its own. */
struct spf_report spf_check_helo(const struct spf_client *client,
    const struct dns_lookup *lookup, struct arena *arena);

#endif
