/*
 * gateway_watch - the other gateways as their heartbeats have them: those that are silent
 * and those that answer otherwise are told, once each time, on the page and as metrics.
 */
#ifndef POLICYD_CUTOVER_GATEWAY_WATCH_H
#define POLICYD_CUTOVER_GATEWAY_WATCH_H

#include "policyd/cutover/plan_context.h"
#include "shared/base/json.h"

struct gateway_watch;

struct gateway_watch *gateway_watch_new(const struct plan_context *context);
void gateway_watch_free(struct gateway_watch *watch);

/* The store has read them anew. */
void gateway_watch_look(struct gateway_watch *watch, int64_t now_ms);

/* `gateways`: [{name, version, digest, site, digest_since, log_time, books, waiting,
 * time, silent}], null for what is not known; `gateways_differ`: a sentence or null. */
void gateway_watch_write(
    const struct gateway_watch *watch, int64_t now_ms, struct json *json);

#endif
