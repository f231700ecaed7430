/*
 * undo_daemon - the parts of postshift-undo and their life.
 */
#ifndef POLICYD_UNDO_UNDO_DAEMON_H
#define POLICYD_UNDO_UNDO_DAEMON_H

#include "policyd/undo/undo_config.h"
#include "policyd/undo/undo_session.h"
#include "shared/service/listener_set.h"
#include "shared/service/metrics_http.h"

struct undo_daemon {
    const struct daemon_options *options;
    struct undo_config *config;
    uint8_t key[COPIES_KEY_SIZE];
    struct event_base *base;
    struct undo_store *store;
    struct undo_handler *handler;
    struct server *server;
    struct listener_set sockets;
    struct metrics *metrics;
    struct metrics_http *http;
    struct listener_set metrics_sockets;
    struct event *turn;
};

const struct daemon_usage *undo_usage(void);

/* In this order; each ends the process where it can't be done. */
void undo_daemon_configure(struct undo_daemon *daemon);
int undo_daemon_checked(struct undo_daemon *daemon); /* -t: gives the exit code */
void undo_daemon_listen(struct undo_daemon *daemon); /* and reads the key */
void undo_daemon_drop_privileges(struct undo_daemon *daemon);
void undo_daemon_serve(struct undo_daemon *daemon);
void undo_daemon_run(struct undo_daemon *daemon);
void undo_daemon_clear(struct undo_daemon *daemon);

#endif
