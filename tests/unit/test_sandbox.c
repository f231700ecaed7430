/*
 * What a program may still do in its sandbox, and what not.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "shared/service/log.h"
#include "shared/service/metrics_process.h"
#include "shared/service/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/postshift-test-sandbox-XXXXXX";

static int
make_test_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int
remove_test_folder(void **state)
{
    (void)state;
    (void)unlink("a");
    (void)unlink("b");
    return rmdir(folder);
}

/* The deeds: true where they could be done. */

static bool
allocates(void)
{
    char *memory = malloc(64 << 20);

    if (memory == NULL)
        return false;
    memset(memory, 1, 64 << 20);
    memory = realloc(memory, 1000);
    free(memory);
    return memory != NULL;
}

static bool
writes_a_file(void)
{
    FILE *file = fopen("a", "w+");
    bool done = file != NULL && fputs("text", file) >= 0 && fflush(file) == 0;

    if (file != NULL)
        done = fclose(file) == 0 && done;
    return done;
}

static bool
replaces_a_file(void)
{
    int fd = open("b", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool done = fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 &&
                fchmod(fd, 0640) == 0 && rename("b", "a") == 0;

    if (fd >= 0)
        (void)close(fd);
    return done && unlink("a") == 0;
}

static bool
connects(void)
{
    static const int families[] = {AF_UNIX, AF_INET, AF_INET6};
    int ends[2];

    for (size_t i = 0; i < ARRAY_LENGTH(families); i++) {
        int fd = socket(families[i], SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0 && errno == EPERM)
            return false;
        if (fd >= 0)
            (void)close(fd);
    }
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return false;
    (void)close(ends[0]);
    (void)close(ends[1]);
    return true;
}

static bool
knows_its_addresses(void)
{
    struct ifaddrs *addresses = NULL;

    if (getifaddrs(&addresses) != 0)
        return false;
    freeifaddrs(addresses);
    return true;
}

static void
end_loop(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    (void)event_base_loopbreak(argument);
}

static bool
runs_a_loop(void)
{
    struct event_base *base = event_base_new();
    struct timeval soon = {.tv_usec = 1000};
    struct event *signal_event =
        base == NULL ? NULL : evsignal_new(base, SIGHUP, end_loop, base);
    bool done;

    if (signal_event == NULL)
        return false;
    done = event_add(signal_event, NULL) == 0 &&
           event_base_once(base, -1, EV_TIMEOUT, end_loop, base, &soon) == 0 &&
           event_base_dispatch(base) == 0 && kill(getpid(), SIGHUP) == 0 &&
           event_base_dispatch(base) == 0;
    event_free(signal_event);
    event_base_free(base);
    return done;
}

static bool
watches_files(void)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    bool done = fd >= 0 && timer >= 0 && inotify_add_watch(fd, ".", IN_MOVED_TO) >= 0;

    (void)close(fd);
    (void)close(timer);
    return done;
}

static bool
keeps_a_message_in_memory(void)
{
    int fd = memfd_create("message", MFD_CLOEXEC);
    bool done = fd >= 0 && write(fd, "x", 1) == 1;

    (void)close(fd);
    return done;
}

static bool
tells_of_itself(void)
{
    struct buffer out;
    bool done;

    buffer_init(&out, 1 << 16);
    metrics_process_write(&out);
    done = span_find_text(buffer_span(&out), SPAN("process_start_time_seconds")) !=
               SPAN_NONE &&
           span_find_text(buffer_span(&out), SPAN("process_open_fds")) != SPAN_NONE;
    buffer_clear(&out);
    return done;
}

static bool
logs(void)
{
    log_open("sandbox", false, LOG_LEVEL_DEBUG);
    log_debug("sandbox", log_text("alive", "yes"));
    return true;
}

static bool
forks(void)
{
    pid_t child = fork();
    int status;

    if (child == 0)
        _exit(7);
    return child > 0 && waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7;
}

static void *
do_nothing(void *argument)
{
    return argument;
}

static bool
makes_threads(void)
{
    pthread_t thread;

    return pthread_create(&thread, NULL, do_nothing, NULL) == 0 &&
           pthread_join(thread, NULL) == 0;
}

static bool
executes(void)
{
    (void)execl("/bin/true", "true", (char *)NULL);
    return errno != EPERM;
}

static bool
makes_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool
makes_its_memory_code(void)
{
    void *memory =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory != MAP_FAILED && mprotect(memory, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool
traces(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static bool
opens_raw_sockets(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) >= 0;
}

static bool
makes_namespaces(void)
{
    return unshare(CLONE_NEWUSER) == 0;
}

static bool
raises_limits(void)
{
    struct rlimit limit = {1, 1};

    return setrlimit(RLIMIT_CORE, &limit) == 0;
}

static bool
opens_a_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static bool
changes_its_root(void)
{
    return chroot("/") == 0;
}

static bool
scans_in_its_folder(void)
{
    return writes_a_file() && chmod("a", 0600) == 0 && mkdir("d", 0700) == 0 &&
           rmdir("d") == 0 && unlink("a") == 0;
}

static bool
answers_over_its_socket(void)
{
    struct msghdr message = {
        .msg_iov = &(struct iovec){(char[]){"x"}, 1}, .msg_iovlen = 1};

    /* Descriptor 9 was put there before. */
    return sendmsg(9, &message, MSG_NOSIGNAL) == 1;
}

enum outcome { CAN, CAN_NOT, DIES };

struct deed {
    const char *what;
    bool (*act)(void);
    enum outcome wanted;
};

static enum outcome
try_deed(enum sandbox_list list, const struct deed *deed)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct error error = {.text = ""};
        int ends[2];

        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || dup2(ends[0], 9) != 9)
            _exit(2);
        if (!sandbox_enter(list, &error)) {
            (void)fprintf(stderr, "%s\n", error.text);
            _exit(2);
        }
        _exit(deed->act() ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return DIES;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 2);
    return WEXITSTATUS(status) == 0 ? CAN : CAN_NOT;
}

static void
try_deeds(enum sandbox_list list, const struct deed *deeds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_message("# %s\n", deeds[i].what);
        assert_int_equal(try_deed(list, &deeds[i]), deeds[i].wanted);
    }
}

static bool
is_compiled_out(void)
{
#ifdef POSTSHIFT_SANITIZED
    print_message("# sanitizers need more calls than a sandbox has\n");
    return true;
#else
    return false;
#endif
}

#define SERVING_DEEDS                                                                    \
    {"allocates", allocates, CAN}, {"writes a file", writes_a_file, CAN},                \
        {"replaces a file", replaces_a_file, CAN}, {"connects", connects, CAN},          \
        {"knows its addresses", knows_its_addresses, CAN},                               \
        {"runs a loop", runs_a_loop, CAN}, {"watches files", watches_files, CAN},        \
        {"keeps a message", keeps_a_message_in_memory, CAN},                             \
        {"tells of itself", tells_of_itself, CAN}, {"logs", logs, CAN},                  \
        {"makes threads", makes_threads, CAN}, {"executes", executes, CAN_NOT},          \
        {"makes code", makes_code, CAN_NOT},                                             \
        {"makes its memory code", makes_its_memory_code, CAN_NOT},                       \
        {"traces", traces, CAN_NOT}, {"opens raw sockets", opens_raw_sockets, CAN_NOT},  \
        {"makes namespaces", makes_namespaces, CAN_NOT},                                 \
        {"raises limits", raises_limits, CAN_NOT},                                       \
    {                                                                                    \
        "changes its root", changes_its_root, CAN_NOT                                    \
    }

static void
lets_an_event_daemon_serve(void **state)
{
    static const struct deed deeds[] = {SERVING_DEEDS, {"forks", forks, CAN}};

    (void)state;
    if (is_compiled_out())
        skip();
    try_deeds(SANDBOX_EVENT_DAEMON, deeds, ARRAY_LENGTH(deeds));
}

static void
lets_a_milter_serve(void **state)
{
    static const struct deed deeds[] = {SERVING_DEEDS, {"forks", forks, CAN_NOT}};

    (void)state;
    if (is_compiled_out())
        skip();
    try_deeds(SANDBOX_MILTER, deeds, ARRAY_LENGTH(deeds));
}

static void
lets_a_worker_scan_and_no_more(void **state)
{
    static const struct deed deeds[] = {
        {"allocates", allocates, CAN},
        {"scans in its folder", scans_in_its_folder, CAN},
        {"answers over its socket", answers_over_its_socket, CAN},
        {"logs", logs, CAN},
        {"opens a socket", opens_a_socket, DIES},
        {"executes", executes, DIES},
        {"forks", forks, DIES},
        {"makes threads", makes_threads, DIES},
        {"makes code", makes_code, DIES},
        {"makes its memory code", makes_its_memory_code, DIES},
        {"traces", traces, DIES},
        {"makes namespaces", makes_namespaces, DIES},
        {"changes its root", changes_its_root, DIES},
    };

    (void)state;
    if (is_compiled_out())
        skip();
    try_deeds(SANDBOX_SCAN_WORKER, deeds, ARRAY_LENGTH(deeds));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_an_event_daemon_serve),
        cmocka_unit_test(lets_a_milter_serve),
        cmocka_unit_test(lets_a_worker_scan_and_no_more),
    };

    return cmocka_run_group_tests_name(
        "sandbox", tests, make_test_folder, remove_test_folder);
}
