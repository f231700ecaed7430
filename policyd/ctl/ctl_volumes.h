/*
 * ctl_volumes - how much mail each address of a domain got in the last 30 days, by the
 * books, under canonical names.
 */
#ifndef POLICYD_CTL_CTL_VOLUMES_H
#define POLICYD_CTL_CTL_VOLUMES_H

#include "policyd/ctl/ctl.h"

struct ctl_volume {
    struct span address;
    uint64_t mails;
    uint64_t octets; /* of all of them */
};

struct ctl_volumes {
    struct ctl *ctl;
    struct ctl_volume *rows; /* on the heap, sorted by address */
    size_t count;
    size_t room;
};

enum { CTL_VOLUMES_DAYS = 30 };

/* False where the books can't be asked. */
bool ctl_volumes_read(struct ctl *ctl, const char *domain, struct ctl_volumes *volumes,
    struct error *error);
void ctl_volumes_clear(struct ctl_volumes *volumes);

/* NULL: none. */
const struct ctl_volume *ctl_volumes_find(
    const struct ctl_volumes *volumes, struct span address);

#endif
