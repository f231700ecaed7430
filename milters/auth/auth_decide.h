/*
 * auth_decide - what was found of a message and what the site wants, to a verdict.
 *
 * A refusal goes before a tempfail, that before the hold queue.  With dmarc_enforce the
 * strictest policy of all domains judged counts; where one that asks for more than
 * nothing could not be checked for want of DNS, the message waits; so it does where the
 * policy of a domain in an untidy From can't be had.  Whatever is accepted
 * carries its results in the header; `dmarc_quarantine = tag` asks for no more than that.
 */
#ifndef MILTERS_AUTH_AUTH_DECIDE_H
#define MILTERS_AUTH_AUTH_DECIDE_H

#include "milters/dkim/dkim_plan.h"
#include "milters/dmarc/dmarc_decide.h"
#include "milters/message/from_domains.h"
#include "milters/protocol/verdict.h"

enum auth_quarantine { AUTH_QUARANTINE_HOLD, AUTH_QUARANTINE_TAG };
enum auth_bad_from {
    AUTH_BAD_FROM_ACCEPT,
    AUTH_BAD_FROM_QUARANTINE,
    AUTH_BAD_FROM_REJECT
};

/* What the site wants: its options, as [auth] has them. */
struct auth_wishes {
    bool dmarc_enforce;
    int dmarc_quarantine; /* enum auth_quarantine */
    int bad_from;         /* enum auth_bad_from */
    bool spf_reject;
    bool dns_tempfail; /* on_dns_error = tempfail */
};

/* An identity that SPF was asked for. */
struct auth_spf_fact {
    enum auth_result result;
    struct span domain;
    struct span explanation; /* the domain's own words, or empty */
};

struct auth_facts {
    struct span client_address;      /* as text */
    const struct auth_spf_fact *spf; /* the one of the results, then what else counts */
    size_t spf_count;
    const struct dkim_plan *dkim;      /* NULL: not checked */
    const struct author *author;       /* NULL: DMARC is off */
    const struct dmarc_verdict *dmarc; /* one for each domain judged */
    size_t dmarc_count;
    bool dmarc_exempt;                 /* see auth_is_exempt */
    const struct from_domains *judged; /* NULL: the author's domains */
};

/* Texts live in the arena; edits are the caller's to add. */
void auth_decide(const struct auth_wishes *wishes, const struct auth_facts *facts,
    struct arena *arena, struct verdict *verdict);

/*
 * Whether one of the words of `dmarc_exempt` takes the message out of enforcement: a
 * network that the client is in, or a domain that the author's domain (all of them, where
 * there are several), or one that passed SPF or DKIM (a forwarder's, a mailing list's),
 * is or is below of.
 */
bool auth_is_exempt(struct span word, struct span client_address,
    const struct author *author, const struct dmarc_identifier *identifiers,
    size_t identifier_count);

#endif
