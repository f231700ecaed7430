/*
 * ctl_pairs - who of a domain writes to whom, by the books, under canonical names.
 */
#ifndef POLICYD_CTL_CTL_PAIRS_H
#define POLICYD_CTL_CTL_PAIRS_H

#include "policyd/ctl/ctl.h"

/* Two addresses, the first in order of octets on the left. */
struct ctl_pair {
    struct span left;
    struct span right;
    uint64_t forth; /* mails from left to right */
    uint64_t back;
};

struct ctl_pairs {
    struct ctl *ctl;
    struct ctl_pair *pairs; /* on the heap, sorted by both names */
    size_t count;
    size_t room;
};

enum { CTL_PAIRS_DAYS = 30 };

/* Of the last 30 days; false: said so by the error. */
bool ctl_pairs_read(
    struct ctl *ctl, const char *domain, struct ctl_pairs *pairs, struct error *error);
void ctl_pairs_clear(struct ctl_pairs *pairs);

/* NULL: they didn't write to each other. */
const struct ctl_pair *ctl_pairs_find(
    const struct ctl_pairs *pairs, struct span a, struct span b);

#endif
