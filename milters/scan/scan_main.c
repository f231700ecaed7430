/*
 * postshift-scan - a milter that has messages scanned by libclamav and spamd.
 *
 * The order of start-up; see milter_daemon.h for its processes.
 */
#include <clamav.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "milters/common/milter_daemon.h"
#include "milters/common/milter_run.h"
#include "milters/scan/scan_keeper.h"
#include "milters/scan/scan_milter.h"
#include "milters/scan/scan_store.h"
#include "milters/scan/scan_temp.h"
#include "milters/scan/scan_watch.h"
#include "shared/service/log.h"

/* As many of the largest may be under way at a time. */
enum { MESSAGES_IN_MEMORY = 4 };
enum { MOST_SCANS = 5000, SPARES = 1, LAST_SWEEP_MS = 1000 };

static const char keeper_name[] = "keeper";

/* The supervisor's; children inherit it as it was when they were forked. */
struct scan {
    const char *file;
    bool file_given;
    bool debug;
    struct scan_config *config;
    struct scan_config *proven; /* the last one that a process served with */
    struct scan_metrics *metrics;
    struct scan_board *board;
    int jobs[2];      /* serving, workers */
    int long_jobs[2]; /* the same for the long lane */
    struct scan_keeper keeper;
    struct scan_watch *watch;
    struct milter_daemon daemon;
};

/* libclamav has a part more than once on its way through an archive. */
enum { TEMP_TIMES = 3 };

static uint64_t
memory_for_temp(const struct scan_config *config)
{
    uint64_t largest =
        config->max_scan > config->max_message ? config->max_scan : config->max_message;

    return config->temp_in_memory ? TEMP_TIMES * largest : 0;
}

/* The line on top of a message is none of its octets. */
static struct clam_limits
limits_of(const struct scan_config *config)
{
    return (struct clam_limits){
        .max_scan = config->max_scan + SCAN_MARK.length,
        .max_file = config->max_file + SCAN_MARK.length,
        .max_files = config->max_files,
        .max_recursion = config->max_recursion,
        .max_room = TEMP_TIMES * config->max_scan,
        .scan_ms = config->deadline / 5 * 4,
    };
}

static void
fill_keeper(struct scan *scan)
{
    const struct scan_config *config = scan->config;

    scan->keeper = (struct scan_keeper){
        .board = scan->board,
        .jobs = scan->jobs[1],
        .long_jobs = scan->long_jobs[1],
        .databases = config->databases,
        .temp = config->temp,
        .memory = memory_for_temp(config),
        .limits = limits_of(config),
        .allowed = config->allow_signatures,
        .workers = (unsigned)config->workers,
        .spares = SPARES,
        .most_scans = MOST_SCANS,
        .require_sandbox = config->require_sandbox,
        .user = config->uid,
        .group = config->gid,
    };
}

/* What is asked of the workers; the rest is for the answer's way. */
static uint64_t
within(uint64_t deadline)
{
    return deadline - (deadline / 20 < 500 ? deadline / 20 : 500);
}

static int
serve(void *argument, int fd, int control)
{
    struct scan *scan = argument;
    const struct scan_config *config = scan->config;
    uint64_t most = within(config->deadline);
    uint64_t patience = config->spamd_timeout < most ? config->spamd_timeout : most;
    static struct scan_service service;

    service = (struct scan_service){
        .config = config,
        .pool = {.board = scan->board,
                 .jobs = scan->jobs[0],
                 .long_jobs = scan->long_jobs[0],
                 .deadline_ms = most,
                 .spamd = {config->spamd, patience, (unsigned)config->spamd_connections,
                scan->board->spamd_places, config->spamd_user},
                 .spamd_max = config->spamd_max_message},
        .metrics = scan->metrics,
    };
    scan_store_set_ceiling(MESSAGES_IN_MEMORY * config->max_message);
    if (gethostname(service.host, sizeof(service.host) - 1) < 0)
        (void)snprintf(service.host, sizeof(service.host), "localhost");
    return scan_milter_serve(&service, fd, control);
}

/* Signatures that are loaded in place: the old keeper goes first and messages wait. */
static void
set_reload(struct scan *scan)
{
    bool replace = scan->config->reload == SCAN_RELOAD_REPLACE;

    supervise_set_drain_first(scan->daemon.supervise, keeper_name, replace);
    if (replace)
        atomic_store(&scan->board->swapping, true);
}

static void
use_config(struct scan *scan, struct scan_config *config)
{
    scan->config = config;
    fill_keeper(scan);
    set_reload(scan);
    scan_watch_set(
        scan->watch, config->databases, config->reload_check, config->reload_quiet);
}

static bool
reload(void *argument)
{
    struct scan *scan = argument;
    struct scan_config *config;
    struct buffer errors;

    buffer_init(&errors, 1 << 20);
    config = scan_config_load(scan->file, scan->file_given, &errors);
    if (config == NULL) {
        daemon_config_report(&errors);
        buffer_clear(&errors);
        atomic_store(&scan->board->refused, true);
        return false;
    }
    buffer_clear(&errors);
    config->former = scan->config;
    use_config(scan, config);
    return true;
}

static void
settle(void *argument, bool good)
{
    struct scan *scan = argument;

    atomic_store(&scan->board->refused, !good);
    if (good)
        scan->proven = scan->config;
    else
        use_config(scan, scan->proven);
}

static struct milter_settings
settings(void *argument)
{
    const struct scan *scan = argument;

    return (struct milter_settings){&scan->config->listen, &scan->config->metrics,
        scan->config->user, scan->config->group};
}

/* 503 is for a scanner that scans nothing: one that goes on with what it had says so. */
static bool
healthy(void *argument, struct buffer *why)
{
    const struct scan *scan = argument;

    if (!atomic_load(&scan->board->ready))
        buffer_append_text(why, "no signatures loaded\n");
    else if (!scan_board_has_workers(scan->board))
        buffer_append_text(why, "no scan worker is fit to work\n");
    if (why->length > 0)
        return false;
    if (atomic_load(&scan->board->load_failed))
        buffer_append_text(
            why, "the last reload of signatures failed: the former ones are in use\n");
    if (atomic_load(&scan->board->refused))
        buffer_append_text(why,
            "the last reload of the configuration failed: the former one is in force\n");
    return true;
}

static void
gather(void *argument)
{
    struct scan *scan = argument;

    scan_metrics_gather(scan->metrics, scan->board);
}

static void
on_ready(void *argument, const struct supervise_role *role)
{
    struct scan *scan = argument;

    if (strcmp(role->name, keeper_name) != 0)
        return;
    atomic_store(&scan->board->swapping, false);
    atomic_store(&scan->board->load_failed, false);
    scan_metrics_reload(scan->metrics, true);
    scan_watch_result(scan->watch, true);
}

static void
on_died(void *argument, const struct supervise_role *role, int status)
{
    struct scan *scan = argument;

    scan_metrics_died(scan->metrics, role->name);
    if (strcmp(role->name, keeper_name) != 0)
        return;
    if (WIFEXITED(status) && WEXITSTATUS(status) == KEEPER_EXIT_NO_SIGNATURES) {
        atomic_store(&scan->board->load_failed, true);
        scan_metrics_reload(scan->metrics, false);
        scan_watch_result(scan->watch, false);
    }
    scan_temp_sweep_aside(scan->config->temp, scan->config->uid, scan->config->gid);
    atomic_store(&scan->board->swapping, false);
    /* Another keeper's workers may be at work, or it may still be loading. */
    atomic_store(
        &scan->board->ready, supervise_is_running(scan->daemon.supervise, keeper_name) &&
                                 scan_board_has_workers(scan->board));
}

/* The folder of signatures has changed and been quiet for a while.  A load under way is
 * not disturbed, or changes that come often would keep the old signatures for ever. */
static bool
on_new_signatures(void *argument)
{
    struct scan *scan = argument;

    if (supervise_is_starting(scan->daemon.supervise, keeper_name))
        return false;
    log_say(LOG_LEVEL_INFO, "the signatures in %s have changed: loading them",
        scan->config->databases);
    scan_temp_sweep_aside(scan->config->temp, scan->config->uid, scan->config->gid);
    set_reload(scan);
    supervise_replace(scan->daemon.supervise, keeper_name);
    return true;
}

static void
on_stopped(void *argument)
{
    struct scan *scan = argument;

    scan_temp_sweep(scan->config->temp, LAST_SWEEP_MS);
    (void)event_base_loopexit(scan->daemon.base, NULL);
}

static void
start_keeper(struct scan *scan)
{
    struct supervise_role role = {
        .name = keeper_name,
        .run = scan_keeper_run,
        .argument = &scan->keeper,
        .says_ready = true,
        .starts_long = true,
        .drain_first = scan->config->reload == SCAN_RELOAD_REPLACE,
        .stops_last = true,
        .keep = {scan->jobs[1], scan->long_jobs[1]},
        .keep_count = 2,
    };

    fill_keeper(scan);
    supervise_add(scan->daemon.supervise, &role);
}

/* For what passes before there are signatures: on_fail = accept. */
static void
set_first_version(struct scan_board *board)
{
    char version[SCAN_VERSION_MAX];

    (void)snprintf(version, sizeof(version), "%s/0", cl_retver());
    scan_board_set_version(board, version);
}

/* Ends the process where it is wrong. */
static void
read_config(struct scan *scan, const struct daemon_options *given)
{
    struct buffer errors;

    scan->file = given->config_file;
    scan->file_given = given->config_given;
    buffer_init(&errors, 1 << 20);
    scan->config = scan_config_load(scan->file, scan->file_given, &errors);
    if (scan->config == NULL)
        daemon_config_failed(&errors);
    daemon_log_open("postshift-scan", &scan->config->log, given);
    if (given->check_only)
        scan_config_check_access(scan->config, given, &errors);
    if (errors.length > 0)
        daemon_config_failed(&errors);
    scan->proven = scan->config;
    buffer_clear(&errors);
}

int
main(int argc, char **argv)
{
    static char versions[128];
    static struct scan scan;
    struct daemon_usage usage = {"postshift-scan",
        "Has mail scanned by libclamav and spamd, as a milter.", "postshift-scan(8)",
        versions};
    struct daemon_options given;

    (void)snprintf(versions, sizeof(versions), "libclamav %s\nmilter protocol: %s",
        cl_retver(), milter_run_engine);
    given = daemon_options_read(argc, argv, &usage);
    read_config(&scan, &given);
    if (given.check_only)
        return daemon_config_right(&given);

    /* What all processes share. */
    scan.metrics = scan_metrics_new();
    scan.board = scan_board_new();
    set_first_version(scan.board);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, scan.jobs) < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, scan.long_jobs) < 0)
        log_fatal(EXIT_FAILURE, "no socket for the workers: %s", strerror(errno));
    scan_temp_sweep_aside(scan.config->temp, scan.config->uid, scan.config->gid);

    scan.daemon = (struct milter_daemon){
        .program = "postshift-scan",
        .section = "scan",
        .registry = scan_metrics_registry(scan.metrics),
        .sessions = scan_metrics_sessions(scan.metrics),
        .serve = serve,
        .reload = reload,
        .settle = settle,
        .settings = settings,
        .healthy = healthy,
        .gather = gather,
        .argument = &scan,
        .keep = {scan.jobs[0], scan.long_jobs[0]},
        .keep_count = 2,
    };
    milter_daemon_listen(&scan.daemon);
    if (scan.config->spamd.kind == SOCKET_NONE)
        log_say(LOG_LEVEL_INFO, "no spamd is named: spam is not looked for");
    milter_daemon_start(&scan.daemon, &(struct supervise_hooks){.died = on_died,
                                          .ready = on_ready,
                                          .stopped = on_stopped,
                                          .argument = &scan});
    /* Watched before it is read: a change in between is seen. */
    scan.watch = scan_watch_new(scan.daemon.base, scan.config->databases,
        scan.config->reload_check, scan.config->reload_quiet, on_new_signatures, &scan);
    start_keeper(&scan);
    milter_daemon_run(&scan.daemon);
    scan_watch_free(scan.watch);
    scan_config_free(scan.config);
    return EXIT_SUCCESS;
}
