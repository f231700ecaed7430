/*
 * ctl_rehearsal - what the gateways found out about those who move next: read from Redis,
 * a recipient once, whatever gateway took the mail.
 */
#ifndef POLICYD_CTL_CTL_REHEARSAL_H
#define POLICYD_CTL_CTL_REHEARSAL_H

#include "policyd/ctl/ctl_store.h"
#include "policyd/rehearsal/rehearsal_gate.h"

struct ctl_rehearsal_person {
    struct span address; /* in the arena */
    struct rehearsal_result result;
};

struct ctl_rehearsal {
    struct ctl *ctl;
    const char *domain;
    int64_t now;
    struct rehearsal_view view;
    const char **gateways; /* those who said something */
    size_t gateway_count;
    struct ctl_rehearsal_person *people; /* by volume, then address */
    size_t count;
    size_t room;
    size_t bad; /* values that can't be read */
    uint64_t answers[REHEARSAL_ANSWERS];
};

bool ctl_rehearsal_read(struct ctl_rehearsal *rehearsal, struct ctl *ctl,
    const char *domain, struct error *error);
void ctl_rehearsal_clear(struct ctl_rehearsal *rehearsal);

/* Not ready: refused, deferred, or asked about in vain. */
bool ctl_rehearsal_is_problem(const struct ctl_rehearsal_person *person);

/* Pins to old those whose mailbox is refused; gives the exit code. */
int ctl_rehearsal_pin(struct ctl_rehearsal *rehearsal);

/* Takes the address out of what all gateways said; how often it stood there. */
bool ctl_rehearsal_erase(struct ctl *ctl, const char *domain, struct span address,
    uint64_t *count, struct error *error);

#endif
