/*
 * setup_domains - what a Postfix does with the domains that are to be routed: the class
 * it puts each into, the service that carries it, and which of its transport_maps answer
 * for single addresses and which for all.
 */
#ifndef POLICYD_SETUP_SETUP_DOMAINS_H
#define POLICYD_SETUP_SETUP_DOMAINS_H

#include "policyd/setup/setup_site.h"

enum { SETUP_DOMAINS_MAX = 2000 };

struct setup_domains {
    const char *const *names;
    size_t count;
    const char *like; /* of --like; NULL: the service that carries the first domain */
    const char *delimiters; /* [policyd] recipient_delimiter */
    bool counts;            /* single addresses in its tables, which may be large */
};

/* Adds what is found to the facts of `site`: refusal, like, maps_first, notes. */
bool setup_domains_read(
    const struct setup_domains *domains, struct setup_site *site, struct error *error);

/* Where an address of the domain goes that stands in no table by itself. */
struct setup_today {
    const char *list;    /* of main.cf, which has the domain: "relay_domains"; "": none */
    const char *service; /* of master.cf */
    const char
        *nexthop; /* as it is written there; "": by MX, or delivered by the service */
};

/* `site` has been read.  False: its main.cf can't be asked. */
bool setup_domains_today(const char *domain, struct setup_site *site,
    struct setup_today *today, struct error *error);

#endif
