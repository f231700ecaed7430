/*
 * authres_write - the value of our Authentication-Results field (RFC 8601).
 *
 * Results in the order SPF, DKIM as in the message, DMARC, each on a line of its own.  No
 * text of a stranger is in it: domains and selectors are host names, everything else is
 * ours; what is not fit to be shown is left out.
 */
#ifndef MILTERS_AUTHRES_AUTHRES_WRITE_H
#define MILTERS_AUTHRES_AUTHRES_WRITE_H

#include "milters/dkim/dkim_plan.h"
#include "milters/dmarc/dmarc_decide.h"

enum { AUTHRES_MAX = 16384 }; /* octets that a value may take, at most */

struct authres_spf {
    enum auth_result result;
    struct span mail_from; /* domain; empty for the null sender, or where there is none */
    struct span helo;
};

struct authres {
    struct span authserv_id;
    const struct authres_spf *spf;     /* NULL: not checked */
    const struct dkim_plan *dkim;      /* NULL: not checked */
    const struct author *author;       /* with dmarc */
    const struct dmarc_verdict *dmarc; /* of the one author; NULL: not checked, or there
                                          is no one author: see `author` */
    bool wants_dmarc;
};

/* Folded with LF and tab, without a leading blank. */
bool authres_write(const struct authres *results, struct buffer *out);

#endif
