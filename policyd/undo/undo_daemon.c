#include "policyd/undo/undo_daemon.h"

#include <event2/event.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/undo/undo_key.h"
#include "policyd/undo/undo_metrics.h"
#include "shared/service/access_check.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"
#include "shared/service/privs.h"

enum {
    ERRORS_MAX = 1 << 20,
    STUCK_SECONDS = 60, /* a disk may be slow */
    TURN_MS = 1000,
    CLIENTS_MAX = 200, /* Postfix has 20 at a time */
};

#define PROGRAM "postshift-undo"
#define PRESET_SOCKET "/var/spool/postfix/postshift/undo.sock"

const struct daemon_usage *
undo_usage(void)
{
    static char versions[200];
    static const struct daemon_usage usage = {
        .program = PROGRAM,
        .summary = "Keeps an encrypted copy of each mail for postshiftctl undo.",
        .manual = PROGRAM "(8)",
        .versions = versions,
    };

    (void)snprintf(versions, sizeof(versions), "libevent %s\nOpenSSL %s\n",
        event_get_version(), OpenSSL_version(OPENSSL_VERSION_STRING));
    return &usage;
}

void
undo_daemon_configure(struct undo_daemon *daemon)
{
    const struct daemon_options *options = daemon->options;
    struct buffer errors;

    buffer_init(&errors, ERRORS_MAX);
    daemon->config =
        undo_config_read(options->config_file, options->config_given, &errors);
    if (daemon->config == NULL)
        daemon_config_failed(&errors);
    buffer_clear(&errors);
    daemon_log_open(PROGRAM, &daemon->config->log, options);
}

static void
read_key(struct undo_daemon *daemon)
{
    struct error error;

    if (daemon->config->keep_ms == 0)
        log_fatal(EXIT_CONFIG, "[cutover] undo is no: there is nothing to keep");
    if (!undo_key_read(daemon->config->key, daemon->key, &error))
        log_fatal(EXIT_CONFIG, "%s", error.text);
}

int
undo_daemon_checked(struct undo_daemon *daemon)
{
    const struct undo_config *config = daemon->config;
    const struct access_daemon user = {PROGRAM, "cutover", PROGRAM, config->user, ""};
    const struct config_sockets sockets = {.items = {config->listen}, .count = 1};
    struct access_want wants[ACCESS_WANTS_MAX] = {
        {NULL,          ACCESS_READ_FOUND, daemon->options->config_file},
        {"undo_folder", ACCESS_WRITE_IN,   config->folder              },
        {"undo_key",    ACCESS_READ,       config->key                 },
    };
    size_t count = 3;
    struct buffer errors;

    read_key(daemon);
    buffer_init(&errors, ERRORS_MAX);
    count += access_want_sockets(
        wants + count, "undo_listen", ACCESS_BIND_GIVEN, &sockets, PRESET_SOCKET);
    access_check(config->file, daemon->options, &user, wants, count, &errors);
    if (errors.length > 0)
        daemon_config_failed(&errors);
    buffer_clear(&errors);
    undo_config_free(daemon->config);
    return daemon_config_right(daemon->options);
}

void
undo_daemon_listen(struct undo_daemon *daemon)
{
    const struct undo_config *config = daemon->config;
    const struct listen_owner owner = {config->user, NULL, NULL};
    struct error error;

    privs_limits();
    read_key(daemon);
    if (!listener_set_open_one(&daemon->sockets, &config->listen, &owner, &error))
        log_fatal(EXIT_FAILURE, "undo_listen: %s", error.text);
    if (!listener_set_open_one(
            &daemon->metrics_sockets, &config->metrics, &owner, &error))
        log_fatal(EXIT_FAILURE, "undo_metrics: %s", error.text);
}

void
undo_daemon_drop_privileges(struct undo_daemon *daemon)
{
    daemon_drop_privileges("undo_user", daemon->config->user, NULL);
}

static void
on_turn(int fd, short what, void *argument)
{
    struct undo_daemon *daemon = argument;

    (void)fd;
    (void)what;
    undo_store_turn(daemon->store);
}

static void
gather(void *argument)
{
    const struct undo_daemon *daemon = argument;

    undo_metrics_take(daemon->metrics, undo_store_told(daemon->store));
}

static bool
is_well(void *argument, struct buffer *why)
{
    const struct undo_daemon *daemon = argument;

    if (!undo_store_told(daemon->store)->is_refusing)
        return true;
    buffer_append_text(why, "the last copy was refused, the log says why\n");
    return false;
}

static void
serve_http(struct undo_daemon *daemon)
{
    daemon->metrics = undo_metrics_registry();
    metrics_on_write(daemon->metrics, gather, daemon);
    daemon->http = metrics_http_new(
        daemon->base, &daemon->config->metrics, daemon->metrics, is_well, NULL, daemon);
    listener_set_serve(&daemon->metrics_sockets, metrics_http_server(daemon->http));
}

void
undo_daemon_serve(struct undo_daemon *daemon)
{
    const struct undo_config *config = daemon->config;
    const struct timeval turn = clock_timeval(TURN_MS);
    struct undo_store_options options = {
        .folder = config->folder,
        .limits = {config->max, (int64_t)(config->keep_ms / 1000)},
    };
    struct error error;

    memcpy(options.key, daemon->key, sizeof(options.key));
    daemon->store = undo_store_open(&options, &error);
    explicit_bzero(options.key, sizeof(options.key));
    explicit_bzero(daemon->key, sizeof(daemon->key));
    if (daemon->store == NULL)
        log_fatal(EXIT_FAILURE, "%s", error.text);
    daemon->base = event_base_new();
    if (daemon->base == NULL)
        log_fatal(EXIT_FAILURE, "no event loop");
    daemon->handler = undo_handler_new(daemon->base, daemon->store);
    daemon->server =
        server_new(daemon->base, &undo_protocol, daemon->handler, CLIENTS_MAX, NULL);
    listener_set_serve(&daemon->sockets, daemon->server);
    serve_http(daemon);
    daemon->turn = event_new(daemon->base, -1, EV_PERSIST, on_turn, daemon);
    if (daemon->turn == NULL || event_add(daemon->turn, &turn) != 0)
        log_fatal(EXIT_FAILURE, "no timer");
}

/* Whole or not at all; the key, the folder and the socket are those of the start. */
static void
reload(void *argument)
{
    struct undo_daemon *daemon = argument;
    const struct daemon_options *options = daemon->options;
    struct undo_config *config;
    struct buffer errors;
    bool is_taken;

    buffer_init(&errors, ERRORS_MAX);
    config = undo_config_read(options->config_file, options->config_given, &errors);
    is_taken = config != NULL && config->keep_ms != 0;
    if (!is_taken) {
        daemon_config_report(&errors);
        log_say(LOG_LEVEL_ERROR,
            "the configuration is refused, the former one stays in "
            "force%s",
            config != NULL ? " (undo = no: stop this service)" : "");
        undo_config_free(config);
    } else {
        undo_store_set_limits(
            daemon->store, config->max, (int64_t)(config->keep_ms / 1000));
        daemon_log_open(PROGRAM, &config->log, options);
        if (strcmp(config->folder, daemon->config->folder) != 0 ||
            strcmp(config->key, daemon->config->key) != 0 ||
            !socket_address_equal(&config->listen, &daemon->config->listen) ||
            !socket_address_equal(&config->metrics, &daemon->config->metrics))
            log_say(LOG_LEVEL_WARNING, "undo_folder, undo_key, undo_listen, "
                                       "undo_metrics: changed, in force after a restart "
                                       "only");
        log_say(LOG_LEVEL_INFO, "configuration read anew");
        undo_config_free(daemon->config);
        daemon->config = config;
    }
    metrics_reloaded(daemon->metrics, is_taken);
    buffer_clear(&errors);
}

void
undo_daemon_run(struct undo_daemon *daemon)
{
    const struct daemon_run run = {
        .base = daemon->base,
        .reload = reload,
        .argument = daemon,
        .stuck_seconds = STUCK_SECONDS,
    };

    log_say(LOG_LEVEL_INFO, "%s %s keeps copies in %s", PROGRAM, POSTSHIFT_VERSION,
        daemon->config->folder);
    daemon_run(&run);
}

void
undo_daemon_clear(struct undo_daemon *daemon)
{
    metrics_http_free(daemon->http);
    server_free(daemon->server);
    undo_handler_free(daemon->handler);
    undo_store_turn(daemon->store);
    undo_store_close(daemon->store);
    listener_set_close(&daemon->sockets);
    listener_set_close(&daemon->metrics_sockets);
    metrics_free(daemon->metrics);
    event_free(daemon->turn);
    event_base_free(daemon->base);
    undo_config_free(daemon->config);
}
