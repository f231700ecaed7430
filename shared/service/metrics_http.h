/*
 * metrics_http - the read-only HTTP side of a daemon: /metrics, /healthz and pages of its
 * own, on its event loop.
 *
 * GET and HEAD only; a Host other than the address listened on, a loopback name or
 * address or the machine's own name is refused (421), so that no web page can read it by
 * a rebound name; headers up to 8 KiB, no bodies, one request a connection, 5 s and 16
 * MiB for it, 64 clients (where one more comes, the one that got nothing for longest
 * goes, if that is 250 ms; else the new one waits).  One page is made at a time, for all
 * who ask for it, and is given again for 19 times as long as it took, at most a second:
 * pages never take more than a twentieth of the loop's time.  HTML may load scripts,
 * styles and data from the same address alone, from paths of their own
 * (Content-Security-Policy).
 *
 * A protocol of our own bounded server, as evhttp bounds neither the clients nor the time
 * one takes.
 */
#ifndef SHARED_SERVICE_METRICS_HTTP_H
#define SHARED_SERVICE_METRICS_HTTP_H

#include "shared/service/metrics.h"
#include "shared/service/server.h"
#include "shared/service/socket_address.h"

struct metrics_http;

/* Fills in `body` for a GET of `path` with `query` (without '?', may be empty;
 * undecoded).  Gives the status. */
typedef int metrics_http_page(void *argument, const char *path, const char *query,
    struct buffer *body, const char **content_type);

/* `page` is asked for paths that are neither /metrics nor /healthz; NULL: 404. `healthy`
 * (NULL: always) decides 200 or 503 of /healthz and may write a line of why. */
struct metrics_http *metrics_http_new(struct event_base *base,
    const struct socket_address *address, struct metrics *metrics,
    bool (*healthy)(void *argument, struct buffer *why), metrics_http_page *page,
    void *argument);
void metrics_http_free(struct metrics_http *http);

/* To be given the sockets that listen on that address. */
struct server *metrics_http_server(struct metrics_http *http);

/* The value of `name` in a query, percent-decoded ("+" stays); false when absent, given
 * twice or badly encoded. */
bool metrics_http_query(const char *query, const char *name, struct buffer *out);

#endif
