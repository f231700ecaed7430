/*
 * auth_checks - runs SPF, DKIM and DMARC over one message of a session.
 *
 * Begin at the end of the header (asks DNS, waits), the body streams through
 * auth_checks_body, end at the end of the message.  What is found lies in the session's
 * arena.
 */
#ifndef MILTERS_AUTH_AUTH_CHECKS_H
#define MILTERS_AUTH_AUTH_CHECKS_H

#include "milters/auth/auth_config.h"
#include "milters/auth/auth_decide.h"
#include "milters/auth/auth_session.h"
#include "milters/dmarc/dmarc_fetch.h"
#include "milters/spf/spf_check.h"

/* What the checks of a process share; made in the serving process. */
struct auth_engines {
    const struct auth_config *config;
    struct dns *dns;
    struct dkim_library *dkim;
    struct dmarc_suffixes *suffixes; /* NULL: the tree is walked */
};

struct auth_findings {
    bool has_spf;
    struct spf_client client; /* as SPF was told */
    struct span mailbox;      /* of MAIL FROM, as SPF was told */
    struct spf_report
        spf; /* the one of the results: MAIL FROM, or HELO for the null sender */
    bool has_helo;
    struct spf_report helo; /* HELO as an identity of its own */
    struct author author;
    const struct dkim_plan *dkim; /* NULL: not checked */
    bool has_dmarc;               /* DMARC is asked for */
    struct dmarc_verdict dmarc[AUTHOR_DOMAINS_MAX];
    size_t dmarc_count;
    bool exempt;
};

void auth_checks_begin(const struct auth_engines *engines, struct auth_session *session,
    struct auth_findings *findings);

/* Whether more of the body can change a result. */
bool auth_checks_wants_body(const struct auth_session *session);
void auth_checks_body(struct auth_session *session, struct span chunk);

void auth_checks_end(const struct auth_engines *engines, struct auth_session *session,
    struct auth_findings *findings);

/*
 * The mailbox that SPF is to be asked for.  Postfix's own reading of MAIL FROM (the macro
 * {mail_addr}) counts only where the raw argument is that same plain mailbox, quotes that
 * need not be (`"a"@x`) aside: what two readers take differently is no identity.  False:
 * none.  The empty mailbox is the null sender.
 */
bool auth_checks_sender(
    struct span argument, struct span mail_addr, struct span *mailbox);

#endif
