/*
 * What all daemons share: command line, readiness, signals, watchdog, guard.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/service/daemon.h"
#include "shared/service/log.h"

#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { DEADLINE_MS = 20000 };

static const struct daemon_usage usage = {
    "postshift-x", "answers questions", "postshift-x(8)", "libevent 2.1\nhiredis 0.14"};

/* Runs `act` in a child; gives its wait status, and what it wrote to stdout and stderr.
 */
static int
run(void (*act)(void *argument), void *argument, char *said, size_t size)
{
    int ends[2];
    size_t length = 0;
    ssize_t count;
    pid_t child;
    int status;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        act(argument);
        _exit(0);
    }
    (void)close(ends[1]);
    while ((count = read(ends[0], said + length, size - 1 - length)) > 0)
        length += (size_t)count;
    said[length] = '\0';
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

struct command {
    const char *words[6];
};

static void
read_options(void *argument)
{
    const struct command *command = argument;
    char *words[8] = {NULL};
    int count = 0;
    struct daemon_options options;

    for (; command->words[count] != NULL; count++)
        words[count] = strdup(command->words[count]);
    options = daemon_options_read(count, words, &usage);
    (void)printf("%s %d %d %d\n", options.config_file, options.config_given,
        options.check_only, options.debug);
    (void)fflush(stdout);
    for (int i = 0; i < count; i++)
        free(words[i]);
}

static void
reads_its_command_line(void **state)
{
    struct {
        const char *what;
        struct command command;
        int status;
        const char *said; /* how it begins */
    } rows[] = {
        {"nothing", {{"x"}}, 0, "/etc/postshift/postshift.conf 0 0 0\n"},
        {"a file", {{"x", "-c", "a.conf"}}, 0, "a.conf 1 0 0\n"},
        {"all at once", {{"x", "-tvca.conf"}}, 0, "a.conf 1 1 1\n"},
        {"version", {{"x", "-V"}}, 0,
            "postshift-x " POSTSHIFT_VERSION "\nlibevent 2.1\nhiredis 0.14\n"},
        {"help", {{"x", "-h"}}, 0,
            "usage: postshift-x [-tvVh] [-c FILE]\nanswers questions\n"},
        {"an unknown option", {{"x", "-x"}}, 78,
            "postshift-x: unknown option -x (-h shows the options)\n"},
        {"no value", {{"x", "-c"}}, 78,
            "postshift-x: option -c needs a value (-h shows the options)\n"},
        {"an argument", {{"x", "start"}}, 78,
            "postshift-x: unexpected argument \"start\" (-h shows the options)\n"},
        {"help in full", {{"x", "--help"}}, 0,
            "usage: postshift-x [-tvVh] [-c FILE]\nanswers questions\n"},
        {"version in full", {{"x", "--version"}}, 0,
            "postshift-x " POSTSHIFT_VERSION "\nlibevent 2.1\nhiredis 0.14\n"},
        {"a long option", {{"x", "--nonsense"}}, 78,
            "postshift-x: unknown option --nonsense (-h shows the options)\n"},
        {"a long option with a value", {{"x", "--help=me"}}, 78,
            "postshift-x: unknown option --help=me (-h shows the options)\n"},
        {"an unknown option behind another", {{"x", "-tx"}}, 78,
            "postshift-x: unknown option -x (-h shows the options)\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char said[4096];
        int status = run(read_options, &rows[i].command, said, sizeof(said));

        print_message("# %s: %s\n", rows[i].what, said);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), rows[i].status);
        assert_true(span_starts(span_of(said), span_of(rows[i].said)));
    }
}

static void
fail_config(void *argument)
{
    struct buffer errors;

    (void)argument;
    log_open("postshift-x", false, LOG_LEVEL_INFO);
    buffer_init(&errors, 4096);
    buffer_append_text(&errors, "a.conf:1: [log] level: bad\na.conf:2: x\x1b\n");
    daemon_config_report(&errors);
    daemon_config_failed(&errors);
}

static void
prints_what_is_wrong_with_a_file(void **state)
{
    char said[4096];
    int status = run(fail_config, NULL, said, sizeof(said));

    (void)state;
    assert_int_equal(WEXITSTATUS(status), EXIT_CONFIG);
    assert_non_null(strstr(said, "]: error: a.conf:1: [log] level: bad\npostshift-x["));
    assert_non_null(strstr(said, "\na.conf:1: [log] level: bad\na.conf:2: x\\x1b\n"));
}

/* What a service manager hears, and a daemon on the other side. */
struct manager {
    int fd;
    pid_t child;
    char said[256];
};

struct behaviour {
    const char *watchdog_usec;
    unsigned stuck_seconds;
    bool hangs;
    bool stops_by_itself;
    bool never_stops;
};

static void
on_reload(void *argument)
{
    (void)argument;
    daemon_notify("STATUS=reloaded");
}

static void
on_stop(void *argument)
{
    struct timeval soon = {.tv_usec = 100000};

    daemon_notify("STATUS=stopping");
    (void)event_base_loopexit(argument, &soon);
}

static void
on_stop_never(void *argument)
{
    (void)argument;
    daemon_notify("STATUS=stopping");
}

static void
hang(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    (void)argument;
    for (;;)
        (void)poll(NULL, 0, 1000);
}

static void
be_daemon(const struct behaviour *behaviour)
{
    struct event_base *base = event_base_new();
    struct daemon_run daemon = {.base = base,
        .reload = on_reload,
        .argument = base,
        .stuck_seconds = behaviour->stuck_seconds};
    struct timeval now = {.tv_usec = 1000};

    if (behaviour->watchdog_usec != NULL)
        (void)setenv("WATCHDOG_USEC", behaviour->watchdog_usec, 1);
    if (behaviour->stops_by_itself)
        daemon.stop = on_stop;
    if (behaviour->never_stops)
        daemon.stop = on_stop_never;
    if (behaviour->hangs)
        (void)event_base_once(base, -1, EV_TIMEOUT, hang, NULL, &now);
    daemon_run(&daemon);
    event_base_free(base);
    _exit(3);
}

static void
manager_start(struct manager *manager, const struct behaviour *behaviour)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    size_t length;

    /* An abstract address: no file to clear away. */
    (void)snprintf(name, sizeof(name), "@postshift-test-daemon-%ld", (long)getpid());
    length = strlen(name);
    memcpy(address.sun_path, name, length);
    address.sun_path[0] = '\0';
    manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(manager->fd, (const struct sockaddr *)&address,
                         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
        0);
    manager->child = fork();
    if (manager->child == 0) {
        (void)setenv("NOTIFY_SOCKET", name, 1);
        be_daemon(behaviour);
    }
}

static const char *
manager_hear(struct manager *manager)
{
    struct pollfd heard = {.fd = manager->fd, .events = POLLIN};
    ssize_t length;

    assert_int_equal(poll(&heard, 1, DEADLINE_MS), 1);
    length = recv(manager->fd, manager->said, sizeof(manager->said) - 1, 0);
    assert_true(length >= 0);
    manager->said[length] = '\0';
    return manager->said;
}

static int
manager_end(struct manager *manager)
{
    int status;

    assert_int_equal(waitpid(manager->child, &status, 0), manager->child);
    (void)close(manager->fd);
    return status;
}

static void
is_ready_reloads_and_stops(void **state)
{
    static const struct behaviour behaviour = {.stops_by_itself = true};
    struct manager manager;
    int status;

    (void)state;
    manager_start(&manager, &behaviour);
    assert_string_equal(manager_hear(&manager), "READY=1");
    assert_int_equal(kill(manager.child, SIGPIPE), 0);
    assert_int_equal(kill(manager.child, SIGHUP), 0);
    assert_true(span_starts(
        span_of(manager_hear(&manager)), SPAN("RELOADING=1\nMONOTONIC_USEC=")));
    assert_string_equal(manager_hear(&manager), "STATUS=reloaded");
    assert_string_equal(manager_hear(&manager), "READY=1");
    assert_int_equal(kill(manager.child, SIGTERM), 0);
    assert_string_equal(manager_hear(&manager), "STOPPING=1");
    assert_string_equal(manager_hear(&manager), "STATUS=stopping");
    status = manager_end(&manager);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

static void
stops_at_once_without_work_in_hand(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(signals); i++) {
        static const struct behaviour behaviour = {.stuck_seconds = 5};
        struct manager manager;
        int status;

        manager_start(&manager, &behaviour);
        assert_string_equal(manager_hear(&manager), "READY=1");
        assert_int_equal(kill(manager.child, signals[i]), 0);
        assert_string_equal(manager_hear(&manager), "STOPPING=1");
        status = manager_end(&manager);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    }
}

static time_t
monotonic_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void
ends_what_does_not_end_by_itself(void **state)
{
    static const struct behaviour behaviour = {.never_stops = true};
    struct manager manager;
    time_t start;
    int status;

    (void)state;
    manager_start(&manager, &behaviour);
    assert_string_equal(manager_hear(&manager), "READY=1");
    start = monotonic_seconds();
    assert_int_equal(kill(manager.child, SIGTERM), 0);
    assert_string_equal(manager_hear(&manager), "STOPPING=1");
    status = manager_end(&manager);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    assert_true(monotonic_seconds() - start >= 4 && monotonic_seconds() - start <= 8);
}

static void
feeds_the_watchdog(void **state)
{
    static const struct behaviour behaviour = {.watchdog_usec = "200000"};
    struct manager manager;

    (void)state;
    manager_start(&manager, &behaviour);
    assert_string_equal(manager_hear(&manager), "READY=1");
    for (int i = 0; i < 3; i++)
        assert_string_equal(manager_hear(&manager), "WATCHDOG=1");
    assert_int_equal(kill(manager.child, SIGKILL), 0);
    (void)manager_end(&manager);
}

static void
ends_itself_when_stuck(void **state)
{
    static const struct behaviour behaviour = {.hangs = true, .stuck_seconds = 1};
    struct manager manager;
    int status;

    (void)state;
    manager_start(&manager, &behaviour);
    assert_string_equal(manager_hear(&manager), "READY=1");
    status = manager_end(&manager);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
}

static void
was_only_stopped_for_a_while(void **state)
{
    static const struct behaviour behaviour = {.stuck_seconds = 1};
    struct manager manager;
    int status;

    (void)state;
    manager_start(&manager, &behaviour);
    assert_string_equal(manager_hear(&manager), "READY=1");
    assert_int_equal(kill(manager.child, SIGSTOP), 0);
    (void)poll(NULL, 0, 2500);
    assert_int_equal(kill(manager.child, SIGCONT), 0);
    (void)poll(NULL, 0, 1500);
    assert_int_equal(kill(manager.child, SIGTERM), 0);
    assert_string_equal(manager_hear(&manager), "STOPPING=1");
    status = manager_end(&manager);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

static void
says_nothing_without_a_manager(void **state)
{
    static const char *const bad[] = {"", "@", "relative", NULL};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        if (bad[i] == NULL)
            (void)unsetenv("NOTIFY_SOCKET");
        else
            (void)setenv("NOTIFY_SOCKET", bad[i], 1);
        daemon_notify("READY=1");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_its_command_line),
        cmocka_unit_test(prints_what_is_wrong_with_a_file),
        cmocka_unit_test(is_ready_reloads_and_stops),
        cmocka_unit_test(stops_at_once_without_work_in_hand),
        cmocka_unit_test(ends_what_does_not_end_by_itself),
        cmocka_unit_test(feeds_the_watchdog),
        cmocka_unit_test(ends_itself_when_stuck),
        cmocka_unit_test(was_only_stopped_for_a_while),
        cmocka_unit_test(says_nothing_without_a_manager),
    };

    return cmocka_run_group_tests_name("daemon", tests, NULL, NULL);
}
