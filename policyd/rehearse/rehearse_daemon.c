#include "policyd/rehearse/rehearse_daemon.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/rehearse/rehearse_metrics.h"
#include "policyd/smtp/smtp_tls.h"
#include "shared/base/allocate.h"
#include "shared/service/log.h"
#include "shared/service/privs.h"
#include "shared/service/sandbox.h"

enum { ERRORS_MAX = 1 << 20, STUCK_SECONDS = 30, TICK_US = 300000 };

#define PROGRAM "postshift-rehearsal"

const struct daemon_usage *
rehearse_usage(void)
{
    static char versions[200];
    static const struct daemon_usage usage = {
        .program = PROGRAM,
        .summary = "Asks the new backend whether it would take the mail of those who "
                   "move next.",
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
rehearse_daemon_configure(struct rehearse_daemon *daemon)
{
    const struct daemon_options *options = daemon->options;
    struct buffer errors;

    buffer_init(&errors, ERRORS_MAX);
    daemon->config =
        rehearse_config_read(options->config_file, options->config_given, &errors);
    if (daemon->config == NULL)
        daemon_config_failed(&errors);
    buffer_clear(&errors);
    daemon_log_open(PROGRAM, &daemon->config->served.log, options);
}

int
rehearse_daemon_checked(struct rehearse_daemon *daemon)
{
    struct buffer errors;

    buffer_init(&errors, ERRORS_MAX);
    rehearse_config_check(daemon->config, daemon->options, &errors);
    if (errors.length > 0)
        daemon_config_failed(&errors);
    buffer_clear(&errors);
    rehearse_config_free(daemon->config);
    return daemon_config_right(daemon->options);
}

void
rehearse_daemon_listen(struct rehearse_daemon *daemon)
{
    const struct rehearse_config *config = daemon->config;
    const struct listen_owner owner = {config->user, config->group, NULL};
    struct error error;

    privs_limits();
    if (!listener_set_open_one(
            &daemon->metrics_sockets, &config->metrics, &owner, &error))
        log_fatal(EXIT_FAILURE, "metrics: %s", error.text);
}

void
rehearse_daemon_drop_privileges(struct rehearse_daemon *daemon)
{
    daemon_drop_privileges("user", daemon->config->user, daemon->config->group);
}

/* --- its parts --- */

static void
changed(void *argument, const struct replica *replica)
{
    struct rehearse_daemon *daemon = argument;

    if (daemon->domains != NULL)
        rehearse_domains_changed(daemon->domains, replica);
}

/* The log of changes is policyd's. */
static void
told(void *argument, const struct replica_change *change)
{
    struct rehearse_daemon *daemon = argument;

    (void)change;
    if (daemon->domains != NULL)
        rehearse_domains_changed(daemon->domains, replica_sync_replica(daemon->sync));
}

static void
on_tick(evutil_socket_t fd, short what, void *argument)
{
    struct rehearse_daemon *daemon = argument;
    bool again;

    (void)fd;
    (void)what;
    rehearse_domains_tick(
        daemon->domains, daemon->share, rehearse_books_trouble(daemon->books), &again);
    if (again)
        rehearse_books_again(daemon->books);
}

static bool
next(void *argument, struct rehearse_task *task)
{
    const struct rehearse_daemon *daemon = argument;

    return rehearse_domains_next(daemon->domains, task);
}

static void
answered(void *argument, void *owner, const struct rehearsal_question *question,
    const struct rehearsal_reply *reply)
{
    const struct rehearse_daemon *daemon = argument;

    rehearse_metrics_question(daemon->metrics, reply);
    rehearse_domains_answered(daemon->domains, owner, question, reply);
}

static void
start_replica(struct rehearse_daemon *daemon)
{
    static const struct replica_sync_events events = {.changed = changed, .told = told};
    const struct serve_config *served = &daemon->config->served;
    const struct replica_sync_options options = {
        .redis = &served->redis.options,
        .prefix = served->redis.prefix,
        .snapshot = "",
        .override = served->override,
        .rules = serve_config_replica_rules(served),
    };

    daemon->sync = replica_sync_new(daemon->base, &options, &events, daemon);
    rehearse_domains_changed(daemon->domains, replica_sync_replica(daemon->sync));
}

static void
start_domains(struct rehearse_daemon *daemon)
{
    const struct rehearse_config *config = daemon->config;
    struct rehearse_domains_options options = {.rules = &config->served.route_rules};
    struct error error;

    daemon->memory = rehearse_memory_open(config->state, &error);
    if (daemon->memory == NULL)
        log_say(LOG_LEVEL_WARNING, "%s: after a restart all are asked about again",
            error.text);
    options.memory = daemon->memory;
    daemon->domains = rehearse_domains_new(&options);
}

static void
start_parts(struct rehearse_daemon *daemon)
{
    static const struct timeval often = {0, TICK_US};
    const struct rehearse_config *config = daemon->config;

    if (!config->is_on)
        return;
    start_domains(daemon);
    start_replica(daemon);
    daemon->share = rehearse_share_new(daemon->base,
        &(const struct rehearse_share_options){.redis = &config->served.redis.options,
            .prefix = config->served.redis.prefix,
            .gateway = daemon->gateway,
            .up = rehearse_domains_up,
            .plan = rehearse_domains_plan,
            .argument = daemon->domains});
    daemon->books = rehearse_books_new(
        daemon->base, &(const struct rehearse_books_options){.path = config->books,
                          .mail = rehearse_domains_mail,
                          .begins = rehearse_domains_mail_begins,
                          .ends = rehearse_domains_mail_ends,
                          .argument = daemon->domains});
    daemon->asker = rehearse_asker_new(
        daemon->base, &(const struct rehearse_asker_options){.hello = daemon->gateway,
                          .tls = daemon->tls,
                          .next = next,
                          .answered = answered,
                          .argument = daemon});
    daemon->tick = allocated(event_new(daemon->base, -1, EV_PERSIST, on_tick, daemon));
    (void)event_add(daemon->tick, &often);
}

static void
forget_domain(void *argument, const char *domain, bool is_known, uint64_t movers)
{
    const struct rehearse_daemon *daemon = argument;

    (void)is_known;
    (void)movers;
    rehearse_metrics_forget(daemon->metrics, domain);
}

static void
stop_parts(struct rehearse_daemon *daemon)
{
    if (daemon->tick == NULL)
        return;
    rehearse_domains_movers(daemon->domains, forget_domain, daemon);
    event_free(daemon->tick);
    daemon->tick = NULL;
    rehearse_asker_free(daemon->asker);
    rehearse_books_free(daemon->books);
    rehearse_share_free(daemon->share);
    replica_sync_free(daemon->sync);
    rehearse_domains_free(daemon->domains);
    rehearse_memory_close(daemon->memory);
    daemon->domains = NULL;
}

/* --- what it shows --- */

static void
show_domain(void *argument, const char *domain, bool is_known, uint64_t movers)
{
    const struct rehearse_daemon *daemon = argument;

    if (is_known)
        rehearse_metrics_movers(daemon->metrics, domain, movers);
    else
        rehearse_metrics_forget(daemon->metrics, domain);
}

static void
gather(void *argument)
{
    const struct rehearse_daemon *daemon = argument;

    if (daemon->tick == NULL) {
        rehearse_metrics_redis(daemon->metrics, REHEARSE_REDIS_UNUSED);
        return;
    }
    rehearse_metrics_redis(daemon->metrics,
        rehearse_share_is_up(daemon->share) ? REHEARSE_REDIS_UP : REHEARSE_REDIS_DOWN);
    rehearse_metrics_looked(daemon->metrics, rehearse_books_looked(daemon->books));
    rehearse_domains_movers(daemon->domains, show_domain, argument);
}

static bool
is_well(void *argument, struct buffer *why)
{
    const struct rehearse_daemon *daemon = argument;
    const char *trouble =
        daemon->tick == NULL ? "" : rehearse_books_trouble(daemon->books);

    buffer_append_text(why, trouble);
    return trouble[0] == '\0';
}

static void
serve_http(struct rehearse_daemon *daemon)
{
    metrics_on_write(daemon->metrics, gather, daemon);
    daemon->http = metrics_http_new(
        daemon->base, &daemon->config->metrics, daemon->metrics, is_well, NULL, daemon);
    listener_set_serve(&daemon->metrics_sockets, metrics_http_server(daemon->http));
}

static void
say_what_it_does(const struct rehearse_daemon *daemon)
{
    const struct rehearse_config *config = daemon->config;

    if (config->is_on)
        log_say(LOG_LEVEL_INFO, "%s %s asks new about those who move next, by %s",
            PROGRAM, POSTSHIFT_VERSION, config->books);
    else
        log_say(LOG_LEVEL_INFO, "%s %s asks nobody: [cutover] rehearsal = no", PROGRAM,
            POSTSHIFT_VERSION);
}

static void
find_gateway(struct rehearse_daemon *daemon)
{
    const char *name = daemon->config->gateway;

    if (name[0] != '\0' || gethostname(daemon->gateway, sizeof(daemon->gateway) - 1) != 0)
        (void)span_copy(span_of(name), daemon->gateway, sizeof(daemon->gateway));
}

void
rehearse_daemon_start(struct rehearse_daemon *daemon)
{
    struct error error;

    daemon->base = event_base_new();
    if (daemon->base == NULL)
        log_fatal(EXIT_FAILURE, "no event loop");
    daemon->tls = smtp_tls_new(&error);
    if (daemon->tls == NULL)
        log_say(LOG_LEVEL_WARNING, "%s: new is asked without TLS", error.text);
    if (!sandbox_enter(SANDBOX_EVENT_DAEMON, &error))
        log_fatal(EXIT_FAILURE, "sandbox: %s", error.text);
    find_gateway(daemon);
    daemon->metrics = rehearse_metrics_registry();
    start_parts(daemon);
    serve_http(daemon);
}

/* --- life --- */

static void
stop(void *argument)
{
    struct rehearse_daemon *daemon = argument;

    (void)event_base_loopexit(daemon->base, NULL);
}

/* Whole or not at all. */
static void
reload(void *argument)
{
    struct rehearse_daemon *daemon = argument;
    const struct daemon_options *options = daemon->options;
    struct rehearse_config *config;
    struct buffer errors;

    buffer_init(&errors, ERRORS_MAX);
    config = rehearse_config_read(options->config_file, options->config_given, &errors);
    metrics_reloaded(daemon->metrics, config != NULL);
    if (config != NULL) {
        if (!socket_address_equal(&config->metrics, &daemon->config->metrics))
            log_say(LOG_LEVEL_WARNING,
                "[rehearsal] metrics: changed, in force after a restart only");
        stop_parts(daemon);
        rehearse_config_free(daemon->config);
        daemon->config = config;
        find_gateway(daemon);
        daemon_log_open(PROGRAM, &config->served.log, options);
        start_parts(daemon);
        log_say(LOG_LEVEL_INFO, "configuration read anew");
        say_what_it_does(daemon);
    } else {
        daemon_config_report(&errors);
        log_say(LOG_LEVEL_ERROR,
            "the configuration is refused, the former one stays in force");
    }
    buffer_clear(&errors);
}

void
rehearse_daemon_run(struct rehearse_daemon *daemon)
{
    const struct daemon_run run = {
        .base = daemon->base,
        .reload = reload,
        .stop = stop,
        .argument = daemon,
        .stuck_seconds = STUCK_SECONDS,
    };

    say_what_it_does(daemon);
    daemon_run(&run);
}

void
rehearse_daemon_clear(struct rehearse_daemon *daemon)
{
    metrics_http_free(daemon->http);
    stop_parts(daemon);
    listener_set_close(&daemon->metrics_sockets);
    metrics_free(daemon->metrics);
    smtp_tls_free(daemon->tls);
    event_base_free(daemon->base);
    rehearse_config_free(daemon->config);
}
