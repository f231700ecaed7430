#include "shared/service/daemon.h"

#include "shared/base/allocate.h"
#include "shared/service/log.h"
#include "shared/service/privs.h"

#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { STOP_SECONDS = 5 };

/* What a running loop has of ours on it. */
struct runner {
    const struct daemon_run *run;
    struct event *terminate;
    struct event *interrupt;
    struct event *hangup;
    struct event *watchdog;
    struct event *guard;
    struct event *deadline;
    bool stopping;
};

static void usage_failed(const struct daemon_usage *usage, const char *format, ...)
    ATTRIBUTE_PRINTF(2, 3) ATTRIBUTE_NO_RETURN;

static void
usage_failed(const struct daemon_usage *usage, const char *format, ...)
{
    va_list arguments;

    (void)fprintf(stderr, "%s: ", usage->program);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, " (-h shows the options)\n");
    exit(EXIT_CONFIG);
}

static void
print_help(const struct daemon_usage *usage)
{
    (void)printf("usage: %s [-tvVh] [-c FILE]\n"
                 "%s\n\n"
                 "  -c FILE  configuration (default %s)\n"
                 "  -t       check the configuration and exit\n"
                 "  -v       log at level debug\n"
                 "  -V       print the version and those of the libraries (--version)\n"
                 "  -h       print this (--help)\n\n"
                 "It stays in the foreground; see %s.\n",
        usage->program, usage->summary, DAEMON_CONFIG_FILE, usage->manual);
}

static void
print_version(const struct daemon_usage *usage)
{
    size_t length = usage->versions == NULL ? 0 : strlen(usage->versions);

    (void)printf("%s %s\n", usage->program, POSTSHIFT_VERSION);
    if (length > 0)
        (void)printf(
            "%s%s", usage->versions, usage->versions[length - 1] == '\n' ? "" : "\n");
}

static void
end_after_printing(void)
{
    exit(fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Of the signals that daemon_run hears; what comes before is heard then. */
static void
hold_signals(int how)
{
    sigset_t held;

    (void)sigemptyset(&held);
    (void)sigaddset(&held, SIGTERM);
    (void)sigaddset(&held, SIGINT);
    (void)sigaddset(&held, SIGHUP);
    (void)sigprocmask(how, &held, NULL);
}

struct daemon_options
daemon_options_read(int argc, char **argv, const struct daemon_usage *usage)
{
    static const struct option long_options[] = {
        {"help", no_argument, NULL, 'h'},
        {"version",  no_argument, NULL, 'V'},
        {NULL     }
    };
    struct daemon_options options = {.config_file = DAEMON_CONFIG_FILE};
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, ":c:tVhv", long_options, NULL)) != -1) {
        switch (option) {
        case 'c':
            options.config_file = optarg;
            options.config_given = true;
            break;
        case 't':
            options.check_only = true;
            break;
        case 'v':
            options.debug = true;
            break;
        case 'V':
            print_version(usage);
            end_after_printing();
            break;
        case 'h':
            print_help(usage);
            end_after_printing();
            break;
        case ':':
            usage_failed(usage, "option -%c needs a value", optopt);
        default:
            if (strncmp(argv[optind - 1], "--", 2) == 0)
                usage_failed(usage, "unknown option %s", argv[optind - 1]);
            usage_failed(usage, "unknown option -%c", optopt);
        }
    }
    if (optind < argc)
        usage_failed(usage, "unexpected argument \"%s\"", argv[optind]);
    /* An order to end that comes while sockets are being opened is an orderly end, too.
     */
    if (!options.check_only)
        hold_signals(SIG_BLOCK);
    return options;
}

void
daemon_log_open(const char *program, const struct daemon_log *log,
    const struct daemon_options *options)
{
    log_open(program, log->target == 1,
        options->debug ? LOG_LEVEL_DEBUG : (enum log_level)log->level);
    log_set_json(log->format == 1 && !options->check_only);
}

/* The address systemd gave; "@" stands for the NUL of an abstract one. */
static socklen_t
notify_address(struct sockaddr_un *address)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t length = path == NULL ? 0 : strlen(path);

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length < 2 || length >= sizeof(address->sun_path) ||
        (path[0] != '/' && path[0] != '@'))
        return 0;
    memcpy(address->sun_path, path, length);
    if (path[0] == '@')
        address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

void
daemon_notify(const char *state)
{
    struct sockaddr_un address;
    socklen_t length = notify_address(&address);
    int fd;

    if (length == 0)
        return;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL,
                      (const struct sockaddr *)&address, length) < 0)
        log_say(LOG_LEVEL_WARNING, "can't tell the service manager: %s", strerror(errno));
    if (fd >= 0)
        (void)close(fd);
}

void
daemon_drop_privileges(const char *option, const char *user, const char *group)
{
    struct error error;

    privs_warn_of_root(user);
    if (!privs_become(user, group, &error))
        log_fatal(EXIT_FAILURE, "%s: %s", option, error.text);
}

void
daemon_config_report(const struct buffer *errors)
{
    struct span rest = buffer_span(errors);
    struct span line;

    while (span_split(&rest, '\n', &line)) {
        if (line.length > 0)
            log_say(LOG_LEVEL_ERROR, "%.*s", (int)line.length, line.data);
    }
}

void
daemon_config_failed(const struct buffer *errors)
{
    struct span rest = buffer_span(errors);
    struct span line;

    while (span_split(&rest, '\n', &line)) {
        if (line.length > 0)
            log_bare(LOG_LEVEL_ERROR, line);
    }
    exit(EXIT_CONFIG);
}

int
daemon_config_right(const struct daemon_options *options)
{
    bool is_there = access(options->config_file, F_OK) == 0;

    (void)printf("%s: the configuration is right%s\n", options->config_file,
        is_there ? "" : " (no such file: all defaults)");
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static struct timeval
seconds(unsigned count)
{
    return (struct timeval){.tv_sec = (time_t)count};
}

static void
end_loop(evutil_socket_t fd, short what, void *argument)
{
    const struct runner *runner = argument;

    (void)fd;
    (void)what;
    (void)event_base_loopbreak(runner->run->base);
}

/* A second signal means now. */
static void
begin_stop(evutil_socket_t fd, short what, void *argument)
{
    struct runner *runner = argument;
    unsigned given = runner->run->stop_seconds;
    struct timeval limit = seconds(given > 0 ? given : STOP_SECONDS);

    if (runner->stopping || runner->run->stop == NULL) {
        end_loop(fd, what, argument);
        return;
    }
    runner->stopping = true;
    daemon_notify("STOPPING=1");
    (void)event_add(runner->deadline, &limit);
    runner->run->stop(runner->run->argument);
}

static void
reload(evutil_socket_t fd, short what, void *argument)
{
    const struct runner *runner = argument;
    struct timespec now;
    char state[64];

    (void)fd;
    (void)what;
    if (runner->run->reload == NULL || runner->stopping)
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
        (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    daemon_notify(state);
    runner->run->reload(runner->run->argument);
    daemon_notify("READY=1");
}

static void
feed_watchdog(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    (void)argument;
    daemon_notify("WATCHDOG=1");
}

/* Set when the guard's alarm has rung and the loop hasn't come round since. */
static volatile sig_atomic_t guard_rang;

/* The timer comes round every second, so this and the second of grace allow a turn its
 * full time. */
static void
rearm_guard(evutil_socket_t fd, short what, void *argument)
{
    const struct runner *runner = argument;

    (void)fd;
    (void)what;
    guard_rang = 0;
    (void)alarm(runner->run->stuck_seconds);
}

/*
 * Only what a signal handler may do.  A process that was stopped, or whose machine slept,
 * finds its alarm due at once: the loop has a second to come round before it counts as
 * stuck.
 */
static void
end_stuck(int number)
{
    static const char line[] = "error: the event loop is stuck: ended by its guard\n";

    if (guard_rang == 0) {
        guard_rang = 1;
        (void)alarm(1);
        return;
    }
    (void)!write(STDERR_FILENO, line, sizeof(line) - 1);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
    _exit(EXIT_FAILURE);
}

/* Half the time systemd waits, 0 when it doesn't. */
static struct timeval
watchdog_interval(void)
{
    const char *interval = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    unsigned long long microseconds = interval == NULL ? 0 : strtoull(interval, NULL, 10);

    if (pid != NULL && strtoll(pid, NULL, 10) != (long long)getpid())
        microseconds = 0;
    return (struct timeval){.tv_sec = (time_t)(microseconds / 2 / 1000000),
        .tv_usec = (suseconds_t)(microseconds / 2 % 1000000)};
}

static void
runner_start(struct runner *runner)
{
    struct event_base *base = runner->run->base;
    struct sigaction on_alarm = {
        .sa_handler = end_stuck, .sa_flags = SA_NODEFER | SA_RESTART};
    struct timeval watchdog = watchdog_interval();
    struct timeval second = seconds(1);

    runner->terminate = allocated(evsignal_new(base, SIGTERM, begin_stop, runner));
    runner->interrupt = allocated(evsignal_new(base, SIGINT, begin_stop, runner));
    runner->hangup = allocated(evsignal_new(base, SIGHUP, reload, runner));
    runner->deadline = allocated(evtimer_new(base, end_loop, runner));
    runner->watchdog = allocated(event_new(base, -1, EV_PERSIST, feed_watchdog, runner));
    runner->guard = allocated(event_new(base, -1, EV_PERSIST, rearm_guard, runner));
    if (event_add(runner->terminate, NULL) != 0 ||
        event_add(runner->interrupt, NULL) != 0 || event_add(runner->hangup, NULL) != 0)
        abort();
    hold_signals(SIG_UNBLOCK);
    if (evutil_timerisset(&watchdog))
        (void)event_add(runner->watchdog, &watchdog);
    if (runner->run->stuck_seconds > 0) {
        (void)sigaction(SIGALRM, &on_alarm, NULL);
        (void)event_add(runner->guard, &second);
        rearm_guard(-1, 0, runner);
    }
}

static void
runner_clear(struct runner *runner)
{
    (void)alarm(0);
    event_free(runner->terminate);
    event_free(runner->interrupt);
    event_free(runner->hangup);
    event_free(runner->deadline);
    event_free(runner->watchdog);
    event_free(runner->guard);
}

/* What libevent has to say goes where all else goes. */
static void
log_library(int severity, const char *message)
{
    log_say(severity >= EVENT_LOG_WARN ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG,
        "libevent: %s", message);
}

void
daemon_run(const struct daemon_run *run)
{
    struct runner runner = {.run = run};

    event_set_log_callback(log_library);
    (void)signal(SIGPIPE, SIG_IGN);
    runner_start(&runner);
    daemon_notify("READY=1");
    if (event_base_dispatch(run->base) < 0)
        log_say(LOG_LEVEL_ERROR, "the event loop failed: %s", strerror(errno));
    if (!runner.stopping)
        daemon_notify("STOPPING=1");
    runner_clear(&runner);
}
