/*
 * serve_page - what the metrics address serves besides /metrics: /status.json,
 * /route.json?address=, /healthz.
 *
 * The documents are those of routing's status_page and route_page.
 */
#ifndef POLICYD_SERVE_SERVE_PAGE_H
#define POLICYD_SERVE_SERVE_PAGE_H

#include "policyd/serve/serve_context.h"
#include "shared/service/metrics_http.h"

/* `argument` of both is a const struct serve_context *. */
int serve_page(void *argument, const char *path, const char *query, struct buffer *body,
    const char **content_type);

/* Not before Redis or a snapshot has been read: until then all mail waits. */
bool serve_page_healthy(void *argument, struct buffer *why);

#endif
