/*
 * cutover_daemon - the steps of postshift-cutover's life, in the order of cutover_main.
 *
 * A step that can't go on ends the process with one line that says why: 78 for the
 * configuration, 1 otherwise.
 */
#ifndef POLICYD_CUTOVER_CUTOVER_DAEMON_H
#define POLICYD_CUTOVER_CUTOVER_DAEMON_H

#include "policyd/cutover/counts.h"
#include "policyd/cutover/cutover_config.h"
#include "policyd/cutover/cutover_metrics.h"
#include "policyd/cutover/deliveries.h"
#include "policyd/cutover/drain.h"
#include "policyd/cutover/event_copies.h"
#include "policyd/cutover/figures.h"
#include "policyd/cutover/health_watch.h"
#include "policyd/cutover/heartbeat.h"
#include "policyd/cutover/plan_runner.h"
#include "policyd/cutover/queue_watch.h"
#include "policyd/cutover/route_inputs.h"
#include "policyd/follow/follow.h"
#include "policyd/store/replica_sync.h"
#include "shared/service/daemon.h"
#include "shared/service/farewell.h"
#include "shared/service/listener_set.h"
#include "shared/service/metrics_http.h"

struct event;

struct cutover_daemon {
    const struct daemon_options *options;
    struct cutover_config *config;
    struct event_base *base;
    struct listener_set page_sockets;
    struct metrics_http *http;
    struct metrics *metrics;

    struct replica_sync *sync; /* what decides, as policyd has it */
    const struct replica *replica;
    struct route_inputs *inputs;
    struct drain *drain;
    struct plan_runner *plans;
    struct redis *redis; /* where counts go */
    struct counts *counts;
    struct books_rules rules;
    struct follow *follow;
    struct queue_watch *queue;
    struct figures *figures;
    struct heartbeat *heartbeat;
    struct event_copies *copies;
    struct health_watch *health;
    struct farewell farewell;
    struct event *leaving; /* after TERM, until that is said */
    struct buffer instances;
    struct event *tick;
    struct cutover_tally tally;   /* attempts since the last commit */
    struct deliveries deliveries; /* since `started`, unix time */
    struct waiting_shown shown;
    int64_t started;
    bool parts_left; /* Redis has not taken all that was counted */
    uint64_t started_ms;
    uint64_t ended_ms; /* standard input was over */
    char snapshot[CUTOVER_PATH_SIZE];
    char gateway[256];
    uint64_t lines_told[3];
};

const struct daemon_usage *cutover_usage(void);

void cutover_daemon_configure(struct cutover_daemon *daemon);
int cutover_daemon_checked(struct cutover_daemon *daemon);
void cutover_daemon_listen(struct cutover_daemon *daemon);
void cutover_daemon_drop_privileges(struct cutover_daemon *daemon);
void cutover_daemon_replicate(struct cutover_daemon *daemon);
void cutover_daemon_keep_books(struct cutover_daemon *daemon);
void cutover_daemon_run(struct cutover_daemon *daemon);
void cutover_daemon_clear(struct cutover_daemon *daemon);

#endif
