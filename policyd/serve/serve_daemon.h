/*
 * serve_daemon - the steps of postshift-policyd's life, in the order of serve_main.
 *
 * A step that can't go on ends the process with one line that says why: 78 for the
 * configuration, 1 otherwise.
 */
#ifndef POLICYD_SERVE_SERVE_DAEMON_H
#define POLICYD_SERVE_SERVE_DAEMON_H

#include "policyd/serve/dict_handler.h"
#include "policyd/serve/policy_handler.h"
#include "policyd/serve/route_handler.h"
#include "policyd/serve/serve_context.h"
#include "policyd/serve/serve_metrics.h"
#include "shared/service/daemon.h"
#include "shared/service/listener_set.h"
#include "shared/service/metrics_http.h"

struct serve_daemon {
    const struct daemon_options *options;
    struct serve_config *config;
    struct serve_context context;
    struct event_base *base;
    struct replica_sync *sync;

    struct listener_set policy_sockets;
    struct listener_set route_sockets;
    struct listener_set dict_sockets;
    struct listener_set metrics_sockets;

    struct policy_handler *policy_handler;
    struct route_handler *route_handler;
    struct dict_handler *dict_handler;
    struct server *policy;
    struct server *route;
    struct server *dict;
    struct metrics_http *http;
    struct serve_metrics *metrics;

    struct farewell farewell;
    struct event *drain; /* at the end: until the clients that are busy are done */
    unsigned drain_turns;
};

const struct daemon_usage *serve_usage(void);

void serve_daemon_configure(struct serve_daemon *daemon);
int serve_daemon_checked(
    struct serve_daemon *daemon); /* of -t: says so, gives the exit code */
void serve_daemon_listen(struct serve_daemon *daemon);
void serve_daemon_drop_privileges(struct serve_daemon *daemon);
void serve_daemon_replicate(struct serve_daemon *daemon);
void serve_daemon_serve(struct serve_daemon *daemon);
void serve_daemon_lock_up(void);
void serve_daemon_run(struct serve_daemon *daemon);
void serve_daemon_clear(struct serve_daemon *daemon);

#endif
