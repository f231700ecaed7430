/*
 * replica_compare - what a loaded replica would drop of the one that answers now, in
 * slices.
 *
 * Losses are counted; what a load may lack without losing it is carried over into the
 * loaded replica: domains that were forgotten or never had a state, and lists of several
 * members that vanished.  Pins that decide nothing (expired, never good) are no loss, nor
 * is what belongs to a domain that the file does not name.
 * Pure.
 */
#ifndef POLICYD_REPLICA_REPLICA_COMPARE_H
#define POLICYD_REPLICA_REPLICA_COMPARE_H

#include "policyd/replica/replica.h"
#include "policyd/replica/replica_key.h"
#include "shared/base/domain.h"

/* What an operator has accepted: losses there are meant. */
struct replica_waiver {
    bool all;
    char domain[DOMAIN_MAX + 1]; /* "": none */
};

bool replica_waiver_covers_domain(
    const struct replica_waiver *waiver, struct span domain);

enum { REPLICA_CONCERNED_MAX = 8 };

struct replica_losses {
    size_t domains;
    size_t domains_total;
    size_t named[REPLICA_KINDS]; /* pins and units */
    size_t named_total[REPLICA_KINDS];
    size_t older; /* domains with a lower rev; counted by whom the load is read */
    char domain[DOMAIN_MAX + 1]; /* one of the domains */
    /* Whose pins and units are gone; the first ones met. */
    char concerned[REPLICA_CONCERNED_MAX][DOMAIN_MAX + 1];
    size_t concerned_count;
};

/* Any domain, any lower rev, or too many pins or units. */
bool replica_losses_forbid(const struct replica_losses *losses);

struct replica_compare {
    const struct replica *ours;
    struct replica *theirs;
    struct replica_waiver waiver;
    /* Of [policyd] domains, closed; count 0: any. */
    const char *const *domains;
    size_t domain_count;
    int64_t now;
    struct replica_losses losses;
    /* A domain (list empty) or a list of `count` members is gone and kept. */
    void (*gone)(void *argument, struct span domain, struct span list, size_t count);
    void *argument;
    unsigned stage;
    enum replica_kind kind; /* of what has names, in its stage */
    uint64_t cursor;
    bool carries_list; /* this one */
    struct replica_name list_domain;
    struct replica_name list;
    size_t list_count;
    uint64_t member_cursor;
};

/* The fields down to `argument` are the caller's to fill in first. */
void replica_compare_start(struct replica_compare *compare);

/* Looks at about as many entries; false when all have been seen. */
bool replica_compare_step(struct replica_compare *compare, size_t entries);

#endif
