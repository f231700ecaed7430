/*
 * init_place - a backend as people write it, made a route as Redis is to have it.
 *
 *     192.0.2.20  new.example.net:2525  [2001:db8::1]  smtp:...   cutover-new:[...]:25
 *     lmtp:new.example.net  lmtp:unix:/run/lmtp  unix:/run/lmtp   cutover-new-lmtp:...
 *     relay:[192.0.2.10]:25                                       as it is: the site's
 * own site                                                        of old alone
 *
 * Without a port it is 25, of LMTP 24.  Pure.
 */
#ifndef POLICYD_TERMINAL_INIT_PLACE_H
#define POLICYD_TERMINAL_INIT_PLACE_H

#include "policyd/state/domain_route.h"
#include "shared/base/arena.h"

enum { INIT_PLACE_MAX = 1000 };

/* `side` is "old" or "new".  False: it is none, the error says why. */
bool init_place_read(struct span text, const char *side, struct arena *arena,
    const char **route, struct error *error);

/* What [policyd] has to allow, so that a route may be set. */
struct init_place_needs {
    const char *transport; /* NULL: one of the six that are allowed anyway */
    bool loopback;         /* it leads to this host */
};

/* A route of init_place_read; `site` needs nothing.  `rules` are those of an empty file,
 * with this host's own addresses.  False: not even then. */
bool init_place_needs(const char *route, const struct domain_state_rules *rules,
    struct arena *arena, struct init_place_needs *needs, struct error *error);

#endif
