/*
 * preflight_places - where a route leads, an entry for each address of each host, both
 * families, so that each can be looked at by itself.
 */
#ifndef POLICYD_PREFLIGHT_PREFLIGHT_PLACES_H
#define POLICYD_PREFLIGHT_PREFLIGHT_PLACES_H

#include "policyd/checks/check_talk.h"
#include "shared/base/error.h"
#include "shared/dns/dns_lookup.h"

struct preflight_place {
    const char *route;    /* to this address alone */
    const char *name;     /* as the route has it, for its certificate */
    const char *shown;    /* "mx.example[192.0.2.1]:25" */
    const char *family;   /* "IPv4" "IPv6" "unix" */
    const char *trouble;  /* the name has no answer; NULL: it may be asked */
    bool is_out_of_reach; /* this host has no way to that family; others are in reach */
};

struct preflight_places {
    struct preflight_place items[CHECK_PLACES_MAX];
    size_t count;
};

/* `lookup` NULL: names are left to the system's resolver, family "either".  False: it is
 * no route. */
bool preflight_places_find(struct preflight_places *places, const char *route,
    const struct dns_lookup *lookup, struct arena *arena, struct error *error);

/* The first that may be asked and is in reach; NULL: none, also of no places. */
const struct preflight_place *preflight_places_first(
    const struct preflight_places *places);

#endif
