/*
 * cutover_page - the status page's files, and /status.json: what the controller knows, as
 * one JSON document.
 *
 *     {"program": "postshift-cutover", "version": "0.1", "gateway": "gw1",
 *      "digest": "0f..." | null, "now": 1764000000, "started": 1764000000,
 *      "redis": {"address": "inet:127.0.0.1:6379", "up": true, "error": null | "text"},
 *      "log": {"source": "file:/var/log/mail.log", "last_line": 1764000000 | null,
 *              "lag_seconds": 0, "up_to_date": true, "silent": false,
 *              "trouble": null | "text", "lines": {"used": 9, "other": 1, "unknown": 0}},
 *      "books": {"file": "...", "committed": 1764000000 | null, "lag_seconds": 0,
 *                "balanced": true | null, "difference": 0 | null, "gaps": 0 | null,
 *                "waiting": 3 | null, "oldest_waiting": 1764000000 | null},
 *      "queue": {"compared": 1764000000 | null, "queue_only": 0 | null,
 *                "books_only": 0 | null, "trouble": null | "text"},
 *      "domains": [{"domain": "example.com", "mode": "split" | null,
 *                   "weight": 30 | null, "override": false,
 *                   "old": {"ok": 7, "fail": 0, ...}, "new": {...}, "standby": {...},
 *                   "waiting": 1 | null, "oldest_waiting": 1764000000 | null,
 *                   "reasons": {"quota": 1, ...}}, ...],
 *      "plans": [what plan_page.h writes, ...]}
 *
 * null is what is not known, or never was.  `mode` and `weight` are those in force: what
 * the override file says goes before.  Outcomes are first attempts since `started`;
 * `trouble` of log is that of the books, too; reasons with nobody are left out, and what
 * waits for none of our domains stands under "other".
 */
#ifndef POLICYD_CUTOVER_CUTOVER_PAGE_H
#define POLICYD_CUTOVER_CUTOVER_PAGE_H

#include "shared/base/buffer.h"

/* As metrics_http wants it; `argument` is the struct cutover_daemon. */
int cutover_page(void *argument, const char *path, const char *query, struct buffer *body,
    const char **content_type);

/* While log and books can be used. */
bool cutover_page_healthy(void *argument, struct buffer *why);

#endif
