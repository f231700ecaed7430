#include "milters/common/milter_daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "milters/common/milter_counts.h"
#include "shared/service/daemon.h"
#include "shared/service/listen.h"
#include "shared/service/listen_given.h"
#include "shared/service/log.h"
#include "shared/service/metrics_http.h"
#include "shared/service/privs.h"

/* More than supervise_stop takes. */
enum { STOP_SECONDS = 10 };

static const char *const serving_names[MILTER_LISTEN_MAX] = {"serving", "serving-2",
    "serving-3", "serving-4", "serving-5", "serving-6", "serving-7", "serving-8"};
static const char metrics_name[] = "metrics";
static const char routing_user[] = "postshift";

static void
become_user(const struct milter_daemon *daemon)
{
    struct milter_settings settings = daemon->settings(daemon->argument);
    struct error error;

    privs_limits();
    if (!privs_become(settings.user, settings.group, &error))
        log_fatal(EXIT_FAILURE, "%s", error.text);
}

static int
run_serving(void *argument, int control)
{
    const struct milter_serving *serving = argument;
    struct milter_daemon *daemon = serving->daemon;

    become_user(daemon);
    return daemon->serve(daemon->argument, serving->fd, control);
}

/* What it had open is so no longer. */
static void
on_serving_gone(void *argument, pid_t pid)
{
    const struct milter_serving *serving = argument;

    metrics_add(serving->daemon->sessions, -milter_counts_left(pid));
}

static void
on_control(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    (void)event_base_loopbreak(argument);
}

/* A process of its own: what strangers can talk to shares nothing with the supervisor but
 * numbers. */
static int
run_metrics(void *argument, int control)
{
    struct milter_daemon *daemon = argument;
    struct milter_settings settings = daemon->settings(daemon->argument);
    struct event_base *base;
    struct event *told;
    struct metrics_http *http;

    become_user(daemon);
    base = event_base_new();
    if (base == NULL)
        return EXIT_FAILURE;
    if (daemon->gather != NULL)
        metrics_on_write(daemon->registry, daemon->gather, daemon->argument);
    told = event_new(base, control, EV_READ, on_control, base);
    http = metrics_http_new(base, settings.metrics, daemon->registry, daemon->healthy,
        NULL, daemon->argument);
    server_listen(metrics_http_server(http), daemon->metrics_fd);
    if (told == NULL || event_add(told, NULL) < 0)
        return EXIT_FAILURE;
    supervise_say_ready(control);
    (void)event_base_dispatch(base);
    return EXIT_SUCCESS;
}

/*
 * The folder is shared with policyd: who may write there could answer in its place.  So
 * it is policyd's user's, or root's where there is none; a milter that is started as root
 * opens its socket first, and systemd opens it where a unit starts the milter.
 */
static struct listen_owner
owner_of(const struct milter_settings *settings)
{
    return (struct listen_owner){settings->user, settings->group,
        getpwnam(routing_user) != NULL ? routing_user : "root"};
}

static struct milter_serving *
serving_of(struct milter_daemon *daemon, const struct supervise_role *role)
{
    for (size_t i = 0; i < daemon->fd_count; i++) {
        if (role->argument == &daemon->serving[i])
            return &daemon->serving[i];
    }
    return NULL;
}

/* Whether each socket has a process of the configuration read last. */
static bool
all_serve(const struct milter_daemon *daemon)
{
    for (size_t i = 0; i < daemon->fd_count; i++) {
        if (!daemon->serving[i].proven)
            return false;
    }
    return true;
}

static void
settle(struct milter_daemon *daemon, bool good)
{
    daemon->proving = false;
    daemon->settle(daemon->argument, good);
    metrics_reloaded(daemon->registry, good);
}

static void
on_ready(void *argument, const struct supervise_role *role)
{
    struct milter_daemon *daemon = argument;
    struct milter_serving *serving = serving_of(daemon, role);

    if (daemon->hooks.ready != NULL)
        daemon->hooks.ready(daemon->hooks.argument, role);
    if (serving == NULL)
        return;
    serving->proven = true;
    if (!daemon->proving || !all_serve(daemon))
        return;
    settle(daemon, true);
    log_say(LOG_LEVEL_INFO,
        "configuration read again: new processes serve, the old ones finish");
}

/* Sockets that are served with it already get a process of the one before. */
static void
give_up_proving(struct milter_daemon *daemon)
{
    settle(daemon, false);
    log_say(LOG_LEVEL_ERROR,
        "[%s] the configuration read again can't be served with (see above): the one "
        "before stays in force",
        daemon->section);
    for (size_t i = 0; i < daemon->fd_count; i++) {
        if (daemon->serving[i].proven)
            supervise_replace(daemon->supervise, serving_names[i]);
    }
}

static void
on_died(void *argument, const struct supervise_role *role, int status)
{
    struct milter_daemon *daemon = argument;
    const struct milter_serving *serving = serving_of(daemon, role);

    if (daemon->hooks.died != NULL)
        daemon->hooks.died(daemon->hooks.argument, role, status);
    if (daemon->proving && serving != NULL && !serving->proven)
        give_up_proving(daemon);
}

static void
on_stopped(void *argument)
{
    const struct milter_daemon *daemon = argument;

    if (daemon->hooks.stopped != NULL)
        daemon->hooks.stopped(daemon->hooks.argument);
}

static void
open_one(struct milter_daemon *daemon, const struct socket_address *address)
{
    struct milter_settings settings = daemon->settings(daemon->argument);
    struct listen_owner owner = owner_of(&settings);
    int fds[LISTEN_FDS_MAX];
    size_t count = 0;
    struct error error;

    if (!listen_open(address, &owner, fds, &count, &error))
        log_fatal(EXIT_FAILURE, "%s", error.text);
    for (size_t i = 0; i < count; i++) {
        if (daemon->fd_count == MILTER_LISTEN_MAX)
            log_fatal(
                EXIT_FAILURE, "more than %d sockets to listen on", MILTER_LISTEN_MAX);
        daemon->fds[daemon->fd_count++] = fds[i];
    }
}

/* Rather than to go on without the socket that Postfix connects to. */
static void
check_given(const struct milter_daemon *daemon, const struct milter_settings *settings)
{
    const struct socket_address *addresses[CONFIG_SOCKETS_MAX + 1];
    size_t count = 0;
    struct error error;

    for (size_t i = 0; i < settings->listen->count; i++)
        addresses[count++] = &settings->listen->items[i];
    addresses[count++] = settings->metrics;
    if (!listen_given_named(addresses, count, &error))
        log_fatal(EXIT_CONFIG, "[%s] listen, metrics: %s (ListenStream= in %s.socket)",
            daemon->section, error.text, daemon->program);
}

void
milter_daemon_listen(struct milter_daemon *daemon)
{
    struct milter_settings settings = daemon->settings(daemon->argument);
    struct listen_owner owner = owner_of(&settings);
    struct error error;
    int fds[LISTEN_FDS_MAX];
    size_t count = 0;

    check_given(daemon, &settings);
    /* Who finds the milter there may ask for its page. */
    daemon->metrics_fd = -1;
    if (settings.metrics->kind != SOCKET_NONE) {
        if (!listen_open(settings.metrics, &owner, fds, &count, &error))
            log_fatal(EXIT_FAILURE, "%s", error.text);
        daemon->metrics_fd = fds[0];
        for (size_t i = 1; i < count; i++)
            (void)close(fds[i]);
    }
    for (size_t i = 0; i < settings.listen->count; i++)
        open_one(daemon, &settings.listen->items[i]);
}

void
milter_daemon_start(struct milter_daemon *daemon, const struct supervise_hooks *hooks)
{
    const struct supervise_hooks ours = {
        .died = on_died, .ready = on_ready, .stopped = on_stopped, .argument = daemon};

    if (hooks != NULL)
        daemon->hooks = *hooks;
    milter_counts_share();
    privs_warn_of_root(daemon->settings(daemon->argument).user);
    daemon->base = event_base_new();
    if (daemon->base == NULL)
        log_fatal(EXIT_FAILURE, "no event loop");
    daemon->supervise = supervise_new(daemon->base, &ours);
    for (size_t i = 0; i < daemon->fd_count; i++) {
        struct supervise_role role = {
            .name = serving_names[i],
            .run = run_serving,
            .gone = on_serving_gone,
            .argument = &daemon->serving[i],
            .says_ready = true,
            .keep = {daemon->fds[i]},
            .keep_count = 1,
        };

        for (size_t k = 0; k < daemon->keep_count; k++)
            role.keep[role.keep_count++] = daemon->keep[k];
        daemon->serving[i] =
            (struct milter_serving){.daemon = daemon, .fd = daemon->fds[i]};
        supervise_add(daemon->supervise, &role);
    }
    if (daemon->metrics_fd >= 0) {
        struct supervise_role role = {
            .name = metrics_name,
            .run = run_metrics,
            .argument = daemon,
            .says_ready = true,
            .keep = {daemon->metrics_fd},
            .keep_count = 1,
        };

        supervise_add(daemon->supervise, &role);
    }
}

/* The sockets stay as they were opened. */
static void
warn_of_restart(const struct milter_daemon *daemon, const struct milter_settings *old,
    const struct milter_settings *new)
{
    bool listen = config_sockets_equal(old->listen, new->listen);
    bool metrics = socket_address_equal(old->metrics, new->metrics);

    if (!listen || !metrics)
        log_say(LOG_LEVEL_WARNING, "[%s] %s: changed, in force after a restart only",
            daemon->section,
            listen    ? "metrics"
            : metrics ? "listen"
                      : "listen, metrics");
}

static void
on_reload(void *argument)
{
    struct milter_daemon *daemon = argument;
    struct milter_settings old = daemon->settings(daemon->argument);
    struct milter_settings new;
    bool taken = daemon->reload(daemon->argument);

    if (!taken) {
        metrics_reloaded(daemon->registry, false);
        return;
    }
    daemon->proving = true;
    for (size_t i = 0; i < daemon->fd_count; i++)
        daemon->serving[i].proven = false;
    supervise_reload(daemon->supervise);
    new = daemon->settings(daemon->argument);
    warn_of_restart(daemon, &old, &new);
}

static void
on_stop(void *argument)
{
    struct milter_daemon *daemon = argument;

    supervise_stop(daemon->supervise);
}

void
milter_daemon_run(struct milter_daemon *daemon)
{
    struct daemon_run run = {
        .base = daemon->base,
        .reload = on_reload,
        .stop = on_stop,
        .argument = daemon,
        .stop_seconds = STOP_SECONDS,
    };
    struct milter_settings settings = daemon->settings(daemon->argument);

    metrics_reloaded(daemon->registry, true);
    daemon_run(&run);
    for (size_t i = 0; i < settings.listen->count && i < daemon->fd_count; i++)
        listen_close(&settings.listen->items[i], &daemon->fds[i], 1);
    supervise_free(daemon->supervise);
    event_base_free(daemon->base);
}
