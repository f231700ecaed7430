#include "policyd/serve/serve_daemon.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <openssl/opensslv.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "policyd/serve/serve_access.h"
#include "policyd/serve/serve_metrics.h"
#include "policyd/serve/serve_page.h"
#include "shared/service/clock.h"
#include "shared/service/listen_given.h"
#include "shared/service/log.h"
#include "shared/service/privs.h"
#include "shared/service/sandbox.h"

enum {
    STUCK_SECONDS = 5,
    DRAIN_TURN_MS = 50,
    DRAIN_TURNS_MAX = 40,
    ERRORS_MAX = 1 << 20,
    OWN_DESCRIPTORS = 40, /* sockets to Redis, listening, files, pages */
    LISTENERS = 3,
    CLIENTS_LEAST = 8,
    DOVECOT_CLIENTS_MAX = 4000, /* each of its login processes keeps one open */
};

#define PROGRAM "postshift-policyd"

const struct daemon_usage *
serve_usage(void)
{
    static char versions[200];
    static const struct daemon_usage usage = {
        .program = PROGRAM,
        .summary = "Tells Postfix and Dovecot which backend each recipient is routed to.",
        .manual = PROGRAM "(8)",
        .versions = versions,
    };

    (void)snprintf(versions, sizeof(versions), "libevent %s\nhiredis %d.%d.%d\n%s\n",
        event_get_version(), HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH,
        OPENSSL_VERSION_TEXT);
    return &usage;
}

/* Before it is read: a change in between shows as newer. */
static struct serve_file
look_at_file(const struct daemon_options *options)
{
    struct serve_file file = {.path = options->config_file};
    struct stat status;

    if (stat(file.path, &status) == 0)
        file.modified = (int64_t)status.st_mtime;
    return file;
}

void
serve_daemon_configure(struct serve_daemon *daemon)
{
    const struct daemon_options *options = daemon->options;
    struct buffer errors;

    daemon->context.file = look_at_file(options);
    buffer_init(&errors, ERRORS_MAX);
    daemon->config =
        serve_config_read(options->config_file, options->config_given, &errors);
    if (daemon->config == NULL)
        daemon_config_failed(&errors);
    buffer_clear(&errors);
    daemon->context.config = daemon->config;
    daemon_log_open(PROGRAM, &daemon->config->log, options);
}

int
serve_daemon_checked(struct serve_daemon *daemon)
{
    struct buffer errors;

    buffer_init(&errors, ERRORS_MAX);
    serve_access_check(daemon->config, daemon->options, &errors);
    if (errors.length > 0)
        daemon_config_failed(&errors);
    buffer_clear(&errors);
    serve_config_free(daemon->config);
    return daemon_config_right(daemon->options);
}

static void
open_sockets(struct listener_set *set, const struct config_sockets *sockets,
    const char *key, const struct serve_config *config)
{
    const struct listen_owner owner = {config->user, config->group};
    struct error error;

    if (!listener_set_open(set, sockets, &owner, &error))
        log_fatal(EXIT_FAILURE, "%s: %s", key, error.text);
}

/* Rather than to go on without a socket that somebody connects to. */
static void
check_given(const struct serve_config *config)
{
    const struct config_sockets *lists[] = {
        &config->policy, &config->route, &config->dict};
    const struct socket_address *addresses[LISTENERS * CONFIG_SOCKETS_MAX + 1];
    size_t count = 0;
    struct error error;

    for (size_t i = 0; i < LISTENERS; i++) {
        for (size_t k = 0; k < lists[i]->count; k++)
            addresses[count++] = &lists[i]->items[k];
    }
    addresses[count++] = &config->metrics;
    if (!listen_given_named(addresses, count, &error))
        log_fatal(EXIT_CONFIG, "policy, route, dict, metrics: %s", error.text);
}

void
serve_daemon_listen(struct serve_daemon *daemon)
{
    const struct serve_config *config = daemon->config;
    const struct listen_owner owner = {config->user, config->group};
    struct error error;

    check_given(config);
    privs_limits();
    open_sockets(&daemon->policy_sockets, &config->policy, "policy", config);
    open_sockets(&daemon->route_sockets, &config->route, "route", config);
    open_sockets(&daemon->dict_sockets, &config->dict, "dict", config);
    if (!listener_set_open_one(
            &daemon->metrics_sockets, &config->metrics, &owner, &error))
        log_fatal(EXIT_FAILURE, "metrics: %s", error.text);
}

void
serve_daemon_drop_privileges(struct serve_daemon *daemon)
{
    daemon_drop_privileges("user", daemon->config->user, daemon->config->group);
}

static struct event_base *
new_loop(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config != NULL && event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
        base = event_base_new_with_config(config);
    if (config != NULL)
        event_config_free(config);
    if (base == NULL)
        log_fatal(EXIT_FAILURE, "no event loop");
    return base;
}

static void
replica_changed(void *argument, const struct replica *replica)
{
    struct serve_daemon *daemon = argument;

    daemon->context.replica = replica;
}

static void
change_counted(void *argument, enum replica_source source)
{
    struct serve_daemon *daemon = argument;
    const char *labels[] = {replica_source_name(source)};

    metrics_add(
        metrics_series(daemon->context.metrics, "policyd_replica_changes_total", labels),
        1);
}

static void
warn_of_what_is_open(const struct serve_config *config)
{
    const char *warning = serve_config_warning(config);

    if (warning != NULL)
        log_say(LOG_LEVEL_WARNING, "%s", warning);
}

void
serve_daemon_replicate(struct serve_daemon *daemon)
{
    static const struct replica_sync_events events = {
        .changed = replica_changed,
        .counted = change_counted,
    };
    const struct serve_config *config = daemon->config;
    const struct replica_sync_options options = {
        .redis = &config->redis.options,
        .prefix = config->redis.prefix,
        .snapshot = config->snapshot,
        .override = config->override,
        .rules = serve_config_replica_rules(config),
    };

    if (config->route_rules.domain_count == 0)
        log_say(LOG_LEVEL_INFO,
            "no domains listed: every answer is TEMP until Redis or a snapshot "
            "has been read; then those named there");
    warn_of_what_is_open(config);
    daemon->base = new_loop();
    daemon->context.metrics = serve_metrics_registry();
    daemon->context.farewell = &daemon->farewell;
    daemon->sync = replica_sync_new(daemon->base, &options, &events, daemon);
    daemon->context.sync = daemon->sync;
    daemon->context.replica = replica_sync_replica(daemon->sync);
}

static void
serve_http(struct serve_daemon *daemon)
{
    daemon->metrics = serve_metrics_new(&daemon->context);
    daemon->http = metrics_http_new(daemon->base, &daemon->config->metrics,
        daemon->context.metrics, serve_page_healthy, serve_page, &daemon->context);
    listener_set_serve(&daemon->metrics_sockets, metrics_http_server(daemon->http));
}

/* How many clients a listener may have: Postfix's two each, and Dovecot's. */
struct clients_most {
    size_t postfix;
    size_t dovecot;
};

/* Clients leave enough descriptors for Redis and files; where these are few, Dovecot's
 * extra ones go first. */
static struct clients_most
clients_most(void)
{
    struct clients_most most = {SERVER_CLIENTS_MAX, DOVECOT_CLIENTS_MAX};
    struct rlimit files;
    const size_t least = (size_t)LISTENERS * CLIENTS_LEAST;
    size_t left = 0;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 ||
        files.rlim_cur >=
            OWN_DESCRIPTORS + (size_t)2 * SERVER_CLIENTS_MAX + DOVECOT_CLIENTS_MAX)
        return most;
    if (files.rlim_cur > OWN_DESCRIPTORS + least)
        left = files.rlim_cur - OWN_DESCRIPTORS - least;
    if (left / LISTENERS < SERVER_CLIENTS_MAX - CLIENTS_LEAST)
        most.postfix = CLIENTS_LEAST + left / LISTENERS;
    most.dovecot = least + left - 2 * most.postfix;
    log_say(most.postfix < SERVER_CLIENTS_MAX ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
        "%zu clients a listener, %zu of Dovecot's, since no more than %llu files may be "
        "open",
        most.postfix, most.dovecot, (unsigned long long)files.rlim_cur);
    return most;
}

static struct server *
new_server(const struct serve_daemon *daemon, const struct server_protocol *protocol,
    void *handler, size_t most)
{
    struct server_counts counts =
        serve_metrics_clients(daemon->context.metrics, protocol->name);

    return server_new(daemon->base, protocol, handler, most, &counts);
}

void
serve_daemon_serve(struct serve_daemon *daemon)
{
    const struct serve_context *context = &daemon->context;
    struct clients_most most = clients_most();

    daemon->policy_handler = policy_handler_new(context);
    daemon->route_handler = route_handler_new(context);
    daemon->dict_handler = dict_handler_new(context);
    daemon->policy =
        new_server(daemon, &policy_protocol, daemon->policy_handler, most.postfix);
    daemon->route =
        new_server(daemon, &route_protocol, daemon->route_handler, most.postfix);
    daemon->dict = new_server(daemon, &dict_protocol, daemon->dict_handler, most.dovecot);
    listener_set_serve(&daemon->policy_sockets, daemon->policy);
    listener_set_serve(&daemon->route_sockets, daemon->route);
    listener_set_serve(&daemon->dict_sockets, daemon->dict);
    serve_http(daemon);
    metrics_reloaded(context->metrics, true);
}

void
serve_daemon_lock_up(void)
{
    struct error error;

    if (!sandbox_enter(SANDBOX_EVENT_DAEMON, &error))
        log_fatal(EXIT_FAILURE, "sandbox: %s", error.text);
}

static void
take_config(struct serve_daemon *daemon, struct serve_config *config)
{
    struct replica_rules rules = serve_config_replica_rules(config);
    struct serve_config *old = daemon->config;
    struct buffer keys;

    buffer_init(&keys, 1024);
    serve_config_restart_keys(old, config, &keys);
    daemon->config = config;
    daemon->context.config = config;
    if (!serve_config_same_redis(old, config))
        replica_sync_set_redis(
            daemon->sync, &config->redis.options, config->redis.prefix);
    replica_sync_set_rules(daemon->sync, &rules);
    daemon_log_open(PROGRAM, &config->log, daemon->options);
    log_say(LOG_LEVEL_INFO, "configuration read anew");
    if (keys.length > 0)
        log_say(LOG_LEVEL_WARNING, "%s: changed, in force after a restart only",
            buffer_text(&keys));
    buffer_clear(&keys);
    if (serve_config_warning(old) == NULL)
        warn_of_what_is_open(config);
    serve_config_free(old);
}

/* Whole or not at all. */
static void
reload(void *argument)
{
    struct serve_daemon *daemon = argument;
    struct serve_file file = look_at_file(daemon->options);
    struct serve_config *config;
    struct buffer errors;

    buffer_init(&errors, ERRORS_MAX);
    config = serve_config_read(
        daemon->options->config_file, daemon->options->config_given, &errors);
    if (config != NULL) {
        daemon->context.file = file;
        take_config(daemon, config);
    } else {
        daemon->context.file.refused = true;
        daemon_config_report(&errors);
        log_say(LOG_LEVEL_ERROR,
            "the configuration is refused, the former one stays in force");
    }
    metrics_reloaded(daemon->context.metrics, config != NULL);
    buffer_clear(&errors);
}

static void
on_drain(evutil_socket_t fd, short what, void *argument)
{
    struct serve_daemon *daemon = argument;

    (void)fd;
    (void)what;
    if (!farewell_is_over(&daemon->farewell, clock_now_ms()))
        return;
    server_stop(daemon->policy);
    server_stop(daemon->route);
    server_stop(daemon->dict);
    if (server_client_count(daemon->policy) + server_client_count(daemon->route) +
                server_client_count(daemon->dict) ==
            0 ||
        ++daemon->drain_turns > DRAIN_TURNS_MAX)
        (void)event_base_loopbreak(daemon->base);
}

static void
stop(void *argument)
{
    static const struct timeval turn = {0, (suseconds_t)1000 * DRAIN_TURN_MS};
    struct serve_daemon *daemon = argument;

    (void)event_add(daemon->drain, &turn);
    on_drain(-1, 0, daemon);
}

void
serve_daemon_run(struct serve_daemon *daemon)
{
    const struct daemon_run run = {
        .base = daemon->base,
        .reload = reload,
        .stop = stop,
        .argument = daemon,
        .stuck_seconds = STUCK_SECONDS,
    };

    daemon->drain = event_new(daemon->base, -1, EV_PERSIST, on_drain, daemon);
    if (daemon->drain == NULL)
        log_fatal(EXIT_FAILURE, "no memory");
    log_say(LOG_LEVEL_INFO, PROGRAM " " POSTSHIFT_VERSION " serves");
    daemon_run(&run);
    log_say(LOG_LEVEL_INFO, "ended");
}

void
serve_daemon_clear(struct serve_daemon *daemon)
{
    event_free(daemon->drain);
    metrics_http_free(daemon->http);
    server_free(daemon->policy);
    server_free(daemon->route);
    server_free(daemon->dict);
    policy_handler_free(daemon->policy_handler);
    route_handler_free(daemon->route_handler);
    dict_handler_free(daemon->dict_handler);
    /* First, since its snapshot's child may still hold the listening sockets: a socket
     * that somebody holds is not removed. */
    replica_sync_free(daemon->sync);
    listener_set_close(&daemon->policy_sockets);
    listener_set_close(&daemon->route_sockets);
    listener_set_close(&daemon->dict_sockets);
    listener_set_close(&daemon->metrics_sockets);
    serve_metrics_free(daemon->metrics);
    metrics_free(daemon->context.metrics);
    /* Look-ups that were given up end with a callback from the loop. */
    (void)event_base_loop(daemon->base, EVLOOP_NONBLOCK);
    event_base_free(daemon->base);
    serve_config_free(daemon->config);
}
