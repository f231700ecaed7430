#include "policyd/cutover/cutover_daemon.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policyd/cutover/cutover_metrics.h"
#include "shared/service/log.h"
#include "shared/service/privs.h"

enum { ERRORS_MAX = 1 << 20, INSTANCES_MAX = 64 << 10 };

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
        "libevent %s\nhiredis %d.%d.%d\nSQLite %s\n", event_get_version(), HIREDIS_MAJOR,
        HIREDIS_MINOR, HIREDIS_PATCH, sqlite3_libversion());
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
    cutover_config_free(daemon->config);
    return daemon_config_right(daemon->options);
}

void
cutover_daemon_listen(struct cutover_daemon *daemon)
{
    const struct cutover_config *config = daemon->config;
    const struct listen_owner owner = {config->user, config->group, NULL};
    const struct config_sockets page = {
        .items = {config->page},
        .count = config->page.kind != SOCKET_NONE,
    };
    struct error error;

    privs_limits();
    if (!listener_set_open(&daemon->page_sockets, &page, &owner, &error))
        log_fatal(EXIT_FAILURE, "page: %s", error.text);
}

void
cutover_daemon_drop_privileges(struct cutover_daemon *daemon)
{
    struct error error;

    privs_warn_of_root(daemon->config->user);
    if (!privs_become(daemon->config->user, daemon->config->group, &error))
        log_fatal(EXIT_FAILURE, "user: %s", error.text);
}

/* --- what decides --- */

static void
replica_changed(void *argument, const struct replica *replica)
{
    struct cutover_daemon *daemon = argument;

    daemon->replica = replica;
    route_inputs_compare(daemon->inputs);
    if (daemon->follow != NULL)
        follow_touch(daemon->follow);
}

static void
change_told(void *argument, const struct replica_change *change)
{
    struct cutover_daemon *daemon = argument;

    route_inputs_change(daemon->inputs, change);
    if (daemon->follow != NULL)
        follow_touch(daemon->follow);
}

static void
find_names(struct cutover_daemon *daemon)
{
    const struct cutover_config *config = daemon->config;
    const char *slash = strrchr(config->books, '/');

    (void)snprintf(daemon->snapshot, sizeof(daemon->snapshot), "%.*s/routes.snapshot",
        (int)(slash - config->books), config->books);
    if (config->gateway[0] != '\0' ||
        gethostname(daemon->gateway, sizeof(daemon->gateway) - 1) != 0)
        (void)snprintf(daemon->gateway, sizeof(daemon->gateway), "%s", config->gateway);
    buffer_init(&daemon->instances, INSTANCES_MAX);
    for (size_t i = 0; i < config->instances.count; i++)
        buffer_printf(&daemon->instances, "%s ", config->instances.items[i]);
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
        .rules =
            {
                    .recipient = served->route_rules.recipient,
                    .state = served->state_rules,
                    .domains = served->route_rules.domains,
                    .domain_count = served->route_rules.domain_count,
                    },
    };

    find_names(daemon);
    daemon->base = event_base_new();
    if (daemon->base == NULL)
        log_fatal(EXIT_FAILURE, "no event loop");
    daemon->metrics = cutover_metrics_registry();
    daemon->inputs = route_inputs_new();
    daemon->sync = replica_sync_new(daemon->base, &options, &events, daemon);
    daemon->replica = replica_sync_replica(daemon->sync);
    route_inputs_compare(daemon->inputs);
}

/* --- books --- */

static struct span
find_domain(void *argument, struct span recipient, bool *old_is_site, char out[256])
{
    struct cutover_daemon *daemon = argument;
    struct route route;

    route_decide(&daemon->config->served.route_rules, daemon->replica, recipient,
        time(NULL), &route);
    if (route.place == ROUTE_NOT_OURS || !span_copy(route.domain, out, 256))
        return SPAN("");
    *old_is_site = route.state != NULL && domain_state_old_is_site(route.state);
    return span_of(out);
}

static void
attempted(void *argument, const struct books_attempt *attempt)
{
    struct cutover_daemon *daemon = argument;
    struct route route;

    counts_attempt(daemon->counts, attempt);
    cutover_metrics_attempt(daemon->metrics, attempt);
    if (attempt->backend != BACKEND_NEW || attempt->domain.length == 0 ||
        (!attempt->is_accepted && !attempt->is_maybe))
        return;
    route_decide(&daemon->config->served.route_rules, daemon->replica, attempt->recipient,
        time(NULL), &route);
    if (route.unit.length > 0)
        counts_accepted(daemon->counts, route.domain, route.unit, attempt->time_ms,
            attempt->is_accepted);
}

static bool
save(void *argument, struct books *books, struct error *error)
{
    struct cutover_daemon *daemon = argument;

    return counts_settle(daemon->counts, books, error) &&
           counts_save(daemon->counts, books, error) &&
           route_inputs_save(daemon->inputs, daemon->replica, books, error);
}

static void
saved(void *argument, struct books *books)
{
    struct cutover_daemon *daemon = argument;

    counts_send(daemon->counts, books, daemon->redis);
}

static void
undone(void *argument)
{
    struct cutover_daemon *daemon = argument;

    counts_forget(daemon->counts);
    route_inputs_compare(daemon->inputs);
}

static void
ended(void *argument)
{
    struct cutover_daemon *daemon = argument;

    (void)event_base_loopexit(daemon->base, NULL);
}

static void
gather(void *argument)
{
    struct cutover_daemon *daemon = argument;
    struct follow_status status;

    follow_status(daemon->follow, &status);
    cutover_metrics_follow(
        daemon->metrics, &status, daemon->lines_told, redis_is_up(daemon->redis));
}

static bool
healthy(void *argument, struct buffer *why)
{
    struct cutover_daemon *daemon = argument;
    struct follow_status status;

    follow_status(daemon->follow, &status);
    buffer_append_text(why, status.trouble);
    return status.trouble[0] == '\0';
}

static void
serve_page(struct cutover_daemon *daemon)
{
    metrics_on_write(daemon->metrics, gather, daemon);
    daemon->http = metrics_http_new(
        daemon->base, &daemon->config->page, daemon->metrics, healthy, NULL, daemon);
    listener_set_serve(&daemon->page_sockets, metrics_http_server(daemon->http));
}

void
cutover_daemon_keep_books(struct cutover_daemon *daemon)
{
    static const struct redis_events nothing = {.up = NULL};
    const struct cutover_config *config = daemon->config;
    struct follow_options options = {
        .log = config->log,
        .books = config->books,
        .instances = buffer_text(&daemon->instances),
        .rules = &daemon->rules,
        .keeping = {(int64_t)config->keep_ms, config->books_max},
        .save = save,
        .saved = saved,
        .undone = undone,
        .ended = ended,
        .argument = daemon,
    };

    daemon->redis =
        redis_new(daemon->base, &config->served.redis.options, &nothing, daemon);
    daemon->counts =
        counts_new(config->served.redis.prefix, daemon->gateway, config->slot_ms);
    daemon->rules = (struct books_rules){find_domain, attempted, daemon};
    daemon->follow = follow_new(daemon->base, &options);
    serve_page(daemon);
}

static void
stop(void *argument)
{
    ended(argument);
}

void
cutover_daemon_run(struct cutover_daemon *daemon)
{
    const struct daemon_run run = {
        .base = daemon->base,
        .stop = stop,
        .argument = daemon,
    };

    log_say(LOG_LEVEL_INFO, "%s %s keeps the books in %s", PROGRAM, POSTSHIFT_VERSION,
        daemon->config->books);
    daemon_run(&run);
}

void
cutover_daemon_clear(struct cutover_daemon *daemon)
{
    metrics_http_free(daemon->http);
    follow_free(daemon->follow);
    counts_free(daemon->counts);
    redis_free(daemon->redis);
    replica_sync_free(daemon->sync);
    route_inputs_free(daemon->inputs);
    metrics_free(daemon->metrics);
    listener_set_close(&daemon->page_sockets);
    buffer_clear(&daemon->instances);
    event_base_free(daemon->base);
    cutover_config_free(daemon->config);
}
