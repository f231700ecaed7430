/*
 * ctl_home - where Postfix would send a domain's mail without us, and how new becomes its
 * home.
 */
#ifndef POLICYD_CTL_CTL_HOME_H
#define POLICYD_CTL_CTL_HOME_H

#include "policyd/ctl/ctl.h"

struct ctl_home {
    const char *leads_to; /* what transport_maps say to an address of it; "": nothing */
    const char *fault;    /* why that can't be told; NULL: it can */
    const char *maps;     /* transport_maps of main.cf */
    const char *wanted;   /* "smtp:[192.0.2.20]:25": new, as the site would write it */
    bool is_new;          /* it leads to new */
    uint64_t lifetime_s;  /* of a message in the queue */
    size_t waiting;       /* recipients of it in this Postfix's queue */
    const char *queue_fault; /* why the queue can't be told; NULL: it can */
};

/* `new_route` is the domain's `new`. */
void ctl_home_look(
    struct ctl *ctl, const char *domain, const char *new_route, struct ctl_home *home);

/* The commands that make new its home, a line each. */
void ctl_home_print(struct ctl *ctl, const char *domain, const struct ctl_home *home);

#endif
