/*
 * smtp_places - where a route leads: addresses of its hosts, one after the other, as they
 * are asked for.  Names are resolved without blocking, each when its turn comes.
 */
#ifndef POLICYD_SMTP_SMTP_PLACES_H
#define POLICYD_SMTP_SMTP_PLACES_H

#include "policyd/redis/redis_resolve.h"
#include "shared/base/error.h"
#include "shared/base/span.h"

struct smtp_places;

struct smtp_place {
    struct redis_target target;
    char name[254];  /* as the route has it, for TLS; "" of a unix socket */
    char shown[320]; /* "mx.example[192.0.2.1]:25", "unix:/run/lmtp" */
};

/* NULL: the route can't be read.  `found` may be called before smtp_places_next returns.
 * Its `place` is NULL where this name has no address (`why` says so, and the next place
 * may be asked for, but not within the call), and where there is none left (`why` is "").
 */
struct smtp_places *smtp_places_new(struct event_base *base, struct span route,
    unsigned timeout_ms,
    void (*found)(void *argument, const struct smtp_place *place, const char *why),
    void *argument, struct error *error);
void smtp_places_free(struct smtp_places *places);

/* One at a time. */
void smtp_places_next(struct smtp_places *places);

bool smtp_places_are_lmtp(const struct smtp_places *places);

#endif
