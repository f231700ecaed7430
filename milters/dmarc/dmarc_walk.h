/*
 * dmarc_walk - the DNS tree walk of RFC 9989 section 4.10, as questions asked and answers
 * given.
 *
 * What is known of a message's names grows by answers; a walk is looked at again with
 * each of them, until it asks for nothing more.  So names that several walks pass are
 * asked once, and no walk goes further than someone needs.
 *
 * Names are lower-case A-labels (as author, SPF and DKIM give them), borrowed.
 */
#ifndef MILTERS_DMARC_DMARC_WALK_H
#define MILTERS_DMARC_DMARC_WALK_H

#include "shared/dns/dns_lookup.h"
#include "shared/records/dmarc_record.h"

enum {
    DMARC_WALK_QUERIES = 8,    /* of one walk */
    DMARC_KNOWLEDGE_MAX = 128, /* answers in a message */
};

enum dmarc_finding {
    DMARC_UNASKED,
    DMARC_RECORD,
    DMARC_NO_RECORD, /* but the name exists (RFC 8020) */
    DMARC_NO_NAME,   /* neither a record nor the name _dmarc.<name> */
    DMARC_NO_ANSWER, /* DNS trouble */
};

/* What was learnt at one name: of _dmarc.<name>, or whether <name> itself exists. */
struct dmarc_fact {
    struct span name;
    bool is_existence;
    enum dmarc_finding finding;
    struct dmarc_record record; /* of DMARC_RECORD */
};

struct dmarc_knowledge {
    struct dmarc_fact facts[DMARC_KNOWLEDGE_MAX];
    size_t count;
};

/* The answer to TXT of _dmarc.<name>, or to A of <name>.  False when there is no room. */
bool dmarc_learn(struct dmarc_knowledge *known, struct span name, bool is_existence,
    const struct dns_answer *answer);

/* DMARC_UNASKED where nothing was learnt yet; `record` may be NULL. */
enum dmarc_finding dmarc_known(const struct dmarc_knowledge *known, struct span name,
    bool is_existence, struct dmarc_record *record);

enum dmarc_walk_state { DMARC_WALK_DONE, DMARC_WALK_ASKS, DMARC_WALK_FAILED };

struct dmarc_walk {
    enum dmarc_walk_state state;
    struct span asks;         /* the name to ask for its record */
    struct span organization; /* the Organizational Domain, once done */
    struct span suffix;       /* where a record said psd=y above the name, or empty */
};

/*
 * The next name on the way up, empty above the top: one label less, but from eight and
 * more straight to seven, so that a walk has eight questions at most.
 */
struct span dmarc_walk_above(struct span name);

struct dmarc_walk dmarc_walk(struct span name, const struct dmarc_knowledge *known);

#endif
