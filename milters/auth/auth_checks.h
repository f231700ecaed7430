/*
 * auth_checks - runs SPF, DKIM and DMARC over one message of a session.
 *
 * The author's own policy is asked for first, and DMARC's questions have a share of time
 * and memory that nothing else can spend (half of message_timeout, at most two time-outs
 * of a question): a stranger's SPF, slow or fat as it may be, can't switch it off.  Then
 * the keys of DKIM, which come together, then SPF with what is left.
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
#include "milters/message/from_domains.h"
#include "milters/spf/spf_check.h"

/* What the checks of a process share; made in the serving process. */
struct auth_engines {
    const struct auth_config *config;
    struct dns *dns;
    struct dkim_library *dkim;
    struct dmarc_suffixes *suffixes; /* NULL: the tree is walked */
};

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order of reading */
struct auth_findings {
    bool has_spf;
    struct spf_client client; /* as SPF was told */
    struct span mailbox;      /* of MAIL FROM, as SPF was told */
    struct spf_report
        spf; /* the one of the results: MAIL FROM, or HELO for the null sender */
    bool has_helo;
    struct spf_report helo; /* HELO as an identity of its own */
    /* MAIL FROM as Postfix reads it where others may not: in no results, but a fail of it
     * counts for spf_reject. */
    bool has_odd;
    struct spf_report odd;
    struct author author;
    const struct dkim_plan *dkim; /* NULL: not checked */
    bool has_dmarc;               /* DMARC is asked for */
    /*
     * Whose policy counts: the author's domain.  With dmarc_enforce every domain that
     * stands in From fields which are not one author's; else those that could be read.
     */
    struct from_domains judged;
    struct dmarc_verdict dmarc[FROM_DOMAINS_MAX]; /* one for each of them */
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

#endif
