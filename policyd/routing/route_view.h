/*
 * route_view - a decided route to the answer of a socketmap, by who asks.
 *
 * The name of the map says who: `transport` is the gateway; `from-old` and `from-new` are
 * backends that are a Postfix themselves (inside=map), whose own place is left out.  A
 * backend has no cutover-* services, so it is told the same next hop by one that every
 * Postfix has, smtp or lmtp.  What only the gateway can reach (a socket file, old=site)
 * is no answer for a backend: its mail waits.  `verify` is the gateway that asks for a
 * probe (reject_unverified_recipient): it is told services that turn no refusal into a
 * wait.  Pure.
 */
#ifndef POLICYD_ROUTING_ROUTE_VIEW_H
#define POLICYD_ROUTING_ROUTE_VIEW_H

#include "policyd/routing/route_decide.h"

struct route_view;

/* "transport", "verify", "from-old", "from-new"; NULL for other names. */
const struct route_view *route_view_find(struct span name);

enum route_view_status { VIEW_OK, VIEW_NOTFOUND, VIEW_TEMP };

/* Both texts are borrowed from the route, the hold text or static; the value of an OK is
 * the two joined. */
struct route_view_answer {
    enum route_view_status status;
    struct span text;
    struct span rest;
};

struct route_view_answer route_view_answer(
    const struct route_view *view, const struct route *route, const char *hold_text);

#endif
