/*
 * status_page - all domains as one JSON document: what /status.json answers, and what
 * postshiftctl makes by itself when policyd is silent.  One writer, so that the keys are
 * the same whoever was asked.
 *
 *     {"source": "policyd", "program": "postshift-policyd", "version": "0.1",
 *      "host": "gw1", "site": null | "fra", "loaded": true, "pins": 14 | null, "units":
 * 3, "redis": {"address": "inet:127.0.0.1:6379", "up": true, "synced": 1764000000 | null,
 * "error": null | "text"}, "config": {"file": "/etc/postshift/postshift.conf",
 * "modified": 1764000000, "refused": false}, "notes": ["what somebody should look at",
 * ...], "warnings": ["what the configuration leaves open", ...], "domains": [{"domain":
 * "example.com", "ours": true, "good": true, "mode": "split", "weight": 30, "old":
 * "cutover-old:[192.0.2.10]:25", "new": "...", "standby": "", "same_as": "", "inside":
 * "", "lists": ["canary"], "rev": 12, "override": null | {"weight": 0 | null, "mode":
 * "old" | null}, "suspect": false, "why": null | "text"}, ...]}
 *
 * Domains stand in the order of their names.  `weight` and `mode` are those of the good
 * state, or null without one; what `override` has wins over them.  What the override file
 * says can't be read where it has `"unclear": true`: the domain's mail waits.  `ours` is
 * false for a domain that Redis names and the file's `domains` does not.  Pure.
 */
#ifndef POLICYD_ROUTING_STATUS_PAGE_H
#define POLICYD_ROUTING_STATUS_PAGE_H

#include "policyd/routing/route_decide.h"
#include "shared/base/json.h"

struct status_facts {
    const char *source; /* "policyd" or "redis" */
    const char *version;
    const char *host;
    const char *redis_address;
    bool redis_up;
    int64_t synced; /* unix time of the last full agreement with Redis; 0: never */
    const char *redis_error; /* NULL: none */
    const char *config_file; /* NULL: nobody runs with it */
    int64_t config_modified; /* unix time; 0: it was not there */
    bool config_refused;
    const char *const *notes; /* alarms and warnings, a line each */
    size_t note_count;
    const char *warning; /* what the configuration leaves open; NULL: nothing */
    bool only_domains;   /* pins and units were not read: null */
};

/* Domains of `rules` without any entry in the replica are listed too, as not good. */
void status_page_write(struct buffer *out, const struct status_facts *facts,
    const struct route_rules *rules, const struct replica *replica);

/* One entry of `domains`, byte for byte as it stands in the whole. */
void status_page_write_domain(struct buffer *out, const struct route_rules *rules,
    const struct replica *replica, struct span name);

#endif
