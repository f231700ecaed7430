/*
 * route_page - one decision as a JSON document: what /route.json answers, and what
 * postshiftctl makes by itself when policyd is silent.  One writer, so that the keys are
 * the same whoever was asked.
 *
 *     {"source": "policyd", "address": "Alice+x@Example.com",
 *      "recipient": "alice@example.com", "domain": "example.com",
 *      "unit": "alice@example.com", "result": "old", "reason": "bucket",
 *      "why": "bucket 5319 is not below the weight of 30 (3000)",
 *      "nexthop": "cutover-old:[192.0.2.10]:25", "bucket": 5319, "weight": 30,
 *      "mode": "split", "list": null,
 *      "pin": null | {"on": "alice@example.com", "place": "hold",
 *                     "until": null | "2026-11-24T12:00:00Z"},
 *      "overridden": false, "suspect": false}
 *
 * `recipient`, `domain`, `unit` are "" where there are none; `weight`, `mode` and
 * `bucket` are null where no state was found.  Pure.
 */
#ifndef POLICYD_ROUTING_ROUTE_PAGE_H
#define POLICYD_ROUTING_ROUTE_PAGE_H

#include "policyd/routing/route_decide.h"
#include "shared/base/json.h"

/* `source` is "policyd" or "redis"; `address` as it was asked for. */
void route_page_write(struct buffer *out, const char *source, struct span address,
    const struct route *route);

#endif
