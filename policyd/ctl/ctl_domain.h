/*
 * ctl_domain - one change of a domain's hash, from order to confirmation.
 *
 * Reads the hash, lays the order over it, checks the result by policyd's own rules and by
 * a guard, writes it where the hash is still what was read (else begins anew), and asks
 * policyd whether it answers so.
 */
#ifndef POLICYD_CTL_CTL_DOMAIN_H
#define POLICYD_CTL_CTL_DOMAIN_H

#include "policyd/ctl/ctl_store.h"

struct ctl_domain_order {
    const char *name;                  /* canonical */
    const struct domain_field *fields; /* an empty value drops the field */
    size_t count;
    const char *what; /* what its first event is called; NULL, and others: as the field */
    const char *why;  /* where no --why is given, or NULL */
    /* What speaks against going from the one to the other, and what to do, or NULL;
     * --force overrides. */
    const char *(*danger)(const struct ctl_domain *now, const struct domain_state *next,
        const char **remedy);
    /* What speaks against sending more to new than now, and is refused like a danger;
     * NULL: nothing. */
    const char *held_up;
    const char *forced; /* a guard before this one that --force went over, or NULL */
    bool must_exist;
    bool rolls_back; /* the plan is rolled back as well, and its lists are taken out */
    bool forgets;    /* the plan ends: there is none any more */
};

/* Forgotten, a domain's mail goes where the site's own maps say: nobody may be on new. */
const char *ctl_domain_forget_danger(
    const struct ctl_domain *now, const struct domain_state *next, const char **remedy);

/* Gives the exit code; everything is said. */
int ctl_domain_change(struct ctl *ctl, const struct ctl_domain_order *order);

#endif
