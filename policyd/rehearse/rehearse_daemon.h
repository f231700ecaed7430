/*
 * rehearse_daemon - the steps of postshift-rehearsal's life, in the order of
 * rehearse_main.
 *
 * A step that can't go on ends the process with one line that says why: 78 for the
 * configuration, 1 otherwise.
 */
#ifndef POLICYD_REHEARSE_REHEARSE_DAEMON_H
#define POLICYD_REHEARSE_REHEARSE_DAEMON_H

#include "policyd/rehearse/rehearse_books.h"
#include "policyd/rehearse/rehearse_config.h"
#include "policyd/rehearse/rehearse_domains.h"
#include "policyd/store/replica_sync.h"
#include "shared/service/daemon.h"
#include "shared/service/listener_set.h"
#include "shared/service/metrics_http.h"

struct event;
struct smtp_tls;

struct rehearse_daemon {
    const struct daemon_options *options;
    struct rehearse_config *config;
    struct event_base *base;
    struct smtp_tls *tls; /* NULL: the system's certificates can't be read */
    char gateway[256];
    struct metrics *metrics;
    struct metrics_http *http;
    struct listener_set metrics_sockets;

    /* Of one configuration; NULL where it says `rehearsal = no`. */
    struct replica_sync *sync;
    struct rehearse_memory *memory;
    struct rehearse_domains *domains;
    struct rehearse_share *share;
    struct rehearse_books *books;
    struct rehearse_asker *asker;
    struct event *tick;
};

const struct daemon_usage *rehearse_usage(void);

void rehearse_daemon_configure(struct rehearse_daemon *daemon);
int rehearse_daemon_checked(struct rehearse_daemon *daemon);
void rehearse_daemon_listen(struct rehearse_daemon *daemon);
void rehearse_daemon_drop_privileges(struct rehearse_daemon *daemon);
void rehearse_daemon_start(struct rehearse_daemon *daemon);
void rehearse_daemon_run(struct rehearse_daemon *daemon);
void rehearse_daemon_clear(struct rehearse_daemon *daemon);

#endif
