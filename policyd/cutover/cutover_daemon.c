#include "policyd/cutover/cutover_daemon.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policyd/cutover/cutover_access.h"
#include "policyd/cutover/cutover_books.h"
#include "policyd/cutover/cutover_page.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"
#include "shared/service/privs.h"

enum { ERRORS_MAX = 1 << 20, STUCK_SECONDS = 30, LEAVE_TURN_MS = 50 };

#define PROGRAM "postshift-cutover"

const struct daemon_usage *
cutover_usage(void)
{
    static char versions[200];
    static const struct daemon_usage usage = {
        .program = PROGRAM,
        .summary =
            "Keeps the books of every message by Postfix's log, and counts outcomes.",
        .manual = PROGRAM "(8)",
        .versions = versions,
    };

    (void)snprintf(versions, sizeof(versions),
        "libevent %s\nOpenSSL %s\nhiredis %d.%d.%d\nSQLite %s\n", event_get_version(),
        OpenSSL_version(OPENSSL_VERSION_STRING), HIREDIS_MAJOR, HIREDIS_MINOR,
        HIREDIS_PATCH, sqlite3_libversion());
    return &usage;
}

void
cutover_daemon_configure(struct cutover_daemon *daemon)
{
    const struct daemon_options *options = daemon->options;
    struct buffer errors;

    buffer_init(&errors, ERRORS_MAX);
    daemon->config =
        cutover_config_read(options->config_file, options->config_given, &errors);
    if (daemon->config == NULL)
        daemon_config_failed(&errors);
    buffer_clear(&errors);
    daemon_log_open(PROGRAM, &daemon->config->served.log, options);
}

int
cutover_daemon_checked(struct cutover_daemon *daemon)
{
    struct buffer errors;

    buffer_init(&errors, ERRORS_MAX);
    cutover_access_check(daemon->config, daemon->options, &errors);
    if (errors.length > 0)
        daemon_config_failed(&errors);
    buffer_clear(&errors);
    cutover_config_free(daemon->config);
    return daemon_config_right(daemon->options);
}

void
cutover_daemon_listen(struct cutover_daemon *daemon)
{
    const struct cutover_config *config = daemon->config;
    const struct listen_owner owner = {config->user, config->group, NULL};
    struct error error;

    privs_limits();
    if (!listener_set_open_one(&daemon->page_sockets, &config->page, &owner, &error))
        log_fatal(EXIT_FAILURE, "page: %s", error.text);
}

void
cutover_daemon_drop_privileges(struct cutover_daemon *daemon)
{
    daemon_drop_privileges("user", daemon->config->user, daemon->config->group);
}

/* --- what decides --- */

static void leave(evutil_socket_t fd, short what, void *argument);

static void
replica_changed(void *argument, const struct replica *replica)
{
    struct cutover_daemon *daemon = argument;

    daemon->replica = replica;
    route_inputs_compare(daemon->inputs);
    if (daemon->heartbeat != NULL)
        heartbeat_changed(daemon->heartbeat, replica);
    if (daemon->follow != NULL)
        follow_touch(daemon->follow);
}

static void
change_told(void *argument, const struct replica_change *change)
{
    struct cutover_daemon *daemon = argument;

    route_inputs_change(daemon->inputs, change);
    drain_change(daemon->drain, change);
    if (daemon->plans != NULL)
        plan_runner_change(daemon->plans, change);
    if (daemon->heartbeat != NULL)
        heartbeat_changed(daemon->heartbeat, daemon->replica);
    if (daemon->follow != NULL)
        follow_touch(daemon->follow);
}

static const struct replica *
replica_of(void *argument)
{
    const struct cutover_daemon *daemon = argument;

    return daemon->replica;
}

static struct drain_options
drain_options_of(struct cutover_daemon *daemon)
{
    const struct cutover_config *config = daemon->config;

    return (struct drain_options){
        .file = config->drain,
        .policyd = &config->served.metrics,
        .rules = &config->served.route_rules,
        .every_ms = config->slot_ms < DRAIN_EVERY_MS ? config->slot_ms : DRAIN_EVERY_MS,
        .replica = replica_of,
        .argument = daemon,
    };
}

void
cutover_daemon_replicate(struct cutover_daemon *daemon)
{
    static const struct replica_sync_events events = {
        .changed = replica_changed, .told = change_told};
    const struct serve_config *served = &daemon->config->served;
    const struct replica_sync_options options = {
        .redis = &served->redis.options,
        .prefix = served->redis.prefix,
        .snapshot = daemon->snapshot,
        .override = served->override,
        .rules = serve_config_replica_rules(served),
    };
    struct drain_options drain;

    cutover_config_snapshot(daemon->config, daemon->snapshot);
    daemon->base = event_base_new();
    if (daemon->base == NULL)
        log_fatal(EXIT_FAILURE, "no event loop");
    daemon->metrics = cutover_metrics_registry();
    daemon->inputs = route_inputs_new();
    drain = drain_options_of(daemon);
    daemon->drain = drain_new(daemon->base, &drain);
    daemon->sync = replica_sync_new(daemon->base, &options, &events, daemon);
    daemon->replica = replica_sync_replica(daemon->sync);
    daemon->health = health_watch_new(daemon->base, &served->metrics);
    daemon->leaving = allocated(evtimer_new(daemon->base, leave, daemon));
    route_inputs_compare(daemon->inputs);
}

/* --- what it shows --- */

static void
gather(void *argument)
{
    struct cutover_daemon *daemon = argument;
    struct follow_status status;
    struct queue_watch_status queue;
    struct figures_status figures;
    char digest[HEARTBEAT_DIGEST_SIZE];
    struct buffer why = {.ceiling = 1000};

    cutover_metrics_health(daemon->metrics, health_watch_is_up(daemon->health, &why));
    buffer_clear(&why);
    cutover_metrics_events(daemon->metrics, event_copies_take_faults(daemon->copies));
    follow_status(daemon->follow, &status);
    cutover_metrics_follow(daemon->metrics, &status, daemon->lines_told);
    cutover_metrics_redis(daemon->metrics, daemon->redis);
    cutover_metrics_domains(daemon->metrics, daemon->replica);
    cutover_metrics_digest(
        daemon->metrics, heartbeat_digest(daemon->heartbeat, digest) ? digest : NULL);
    queue_watch_status(daemon->queue, &queue);
    cutover_metrics_queue(daemon->metrics, &queue);
    figures_status(daemon->figures, &figures);
    cutover_metrics_figures(daemon->metrics, &figures, &daemon->shown);
    plan_runner_measure(daemon->plans);
}

static void
serve_page(struct cutover_daemon *daemon)
{
    metrics_on_write(daemon->metrics, gather, daemon);
    daemon->http = metrics_http_new(daemon->base, &daemon->config->page, daemon->metrics,
        cutover_page_healthy, cutover_page, daemon);
    listener_set_serve(&daemon->page_sockets, metrics_http_server(daemon->http));
}

/* --- plans --- */

static struct books *
books_of(void *argument)
{
    const struct cutover_daemon *daemon = argument;

    return daemon->follow == NULL ? NULL : follow_books(daemon->follow);
}

static void
tell_self(void *argument, struct plan_self *self)
{
    const struct cutover_daemon *daemon = argument;
    struct replica_status status;

    replica_sync_status(daemon->sync, &status);
    follow_status(daemon->follow, &self->log);
    self->alarm = status.alarm;
}

/* Its mail waits, deferred by new. */
static void
pinned(void *argument, const char *domain, const char *recipient)
{
    struct cutover_daemon *daemon = argument;

    drain_recipient(daemon->drain, span_of(domain), span_of(recipient));
}

static void
start_plans(struct cutover_daemon *daemon)
{
    const struct plan_owner owner = {replica_of, books_of, tell_self, pinned, daemon};

    daemon->plans = plan_runner_new(
        daemon->base, daemon->config, daemon->gateway, daemon->metrics, &owner);
}

void
cutover_daemon_keep_books(struct cutover_daemon *daemon)
{
    cutover_books_start(daemon);
    start_plans(daemon);
    serve_page(daemon);
}

/* --- life --- */

static void
leave(evutil_socket_t fd, short what, void *argument)
{
    struct cutover_daemon *daemon = argument;
    struct timeval turn = clock_timeval(LEAVE_TURN_MS);

    (void)fd;
    (void)what;
    if (farewell_is_over(&daemon->farewell, clock_now_ms()))
        (void)event_base_loopexit(daemon->base, NULL);
    else
        (void)event_add(daemon->leaving, &turn);
}

static void
stop(void *argument)
{
    leave(-1, 0, argument);
}

static bool
same_text(const char *left, const char *right)
{
    return strcmp(left, right) == 0;
}

/* The socket was opened, and the user taken, at the start. */
static void
warn_of_restart(const struct cutover_config *old, const struct cutover_config *new)
{
    if (!socket_address_equal(&old->page, &new->page) ||
        !same_text(old->user, new->user) || !same_text(old->group, new->group))
        log_say(LOG_LEVEL_WARNING,
            "[cutover] page, user, group: changed, in force after a restart only");
}

/* What was entered by the old one is committed first. */
static void
take_config(struct cutover_daemon *daemon, struct cutover_config *config)
{
    struct cutover_config *old = daemon->config;
    struct replica_rules rules = serve_config_replica_rules(&config->served);
    struct drain_options drain;

    cutover_books_stop(daemon);
    daemon->config = config;
    drain = drain_options_of(daemon);
    drain_set_options(daemon->drain, &drain);
    if (!serve_config_same_redis(&old->served, &config->served))
        replica_sync_set_redis(
            daemon->sync, &config->served.redis.options, config->served.redis.prefix);
    replica_sync_set_rules(daemon->sync, &rules);
    health_watch_configure(daemon->health, &config->served.metrics);
    cutover_books_start(daemon);
    plan_runner_set_config(daemon->plans, config, daemon->gateway);
    daemon_log_open(PROGRAM, &config->served.log, daemon->options);
    log_say(LOG_LEVEL_INFO, "configuration read anew");
    warn_of_restart(old, config);
    cutover_config_free(old);
}

/* Whole or not at all. */
static void
reload(void *argument)
{
    struct cutover_daemon *daemon = argument;
    const struct daemon_options *options = daemon->options;
    struct cutover_config *config;
    struct buffer errors;

    buffer_init(&errors, ERRORS_MAX);
    config = cutover_config_read(options->config_file, options->config_given, &errors);
    if (config != NULL) {
        take_config(daemon, config);
    } else {
        daemon_config_report(&errors);
        log_say(LOG_LEVEL_ERROR,
            "the configuration is refused, the former one stays in force");
    }
    metrics_reloaded(daemon->metrics, config != NULL);
    buffer_clear(&errors);
}

void
cutover_daemon_run(struct cutover_daemon *daemon)
{
    const struct daemon_run run = {
        .base = daemon->base,
        .reload = reload,
        .stop = stop,
        .argument = daemon,
        .stuck_seconds = STUCK_SECONDS,
    };

    log_say(LOG_LEVEL_INFO, "%s %s keeps the books in %s", PROGRAM, POSTSHIFT_VERSION,
        daemon->config->books);
    metrics_reloaded(daemon->metrics, true);
    daemon_run(&run);
}

void
cutover_daemon_clear(struct cutover_daemon *daemon)
{
    metrics_http_free(daemon->http);
    event_free(daemon->leaving);
    health_watch_free(daemon->health);
    queue_watch_free(daemon->queue);
    figures_free(daemon->figures);
    free(daemon->shown.rows);
    deliveries_clear(&daemon->deliveries);
    cutover_books_stop(daemon);
    plan_runner_free(daemon->plans);
    cutover_tally_clear(&daemon->tally);
    replica_sync_free(daemon->sync);
    drain_free(daemon->drain);
    route_inputs_free(daemon->inputs);
    metrics_free(daemon->metrics);
    listener_set_close(&daemon->page_sockets);
    event_base_free(daemon->base);
    cutover_config_free(daemon->config);
}
