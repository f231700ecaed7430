/*
 * Sockets that systemd opened: taken by where they are bound, none left over unnoticed.
 */
#include "tests/unit/unit.h"

#include "shared/service/listen_given.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST_FD = 3, UNIX_FD = FIRST_FD, INET_FD, GIVEN };

static char path[] = "/tmp/postshift-test-given-XXXXXX";
static unsigned port;

/* As systemd hands them over: blocking, inherited, the numbers from 3 on. */
static void
give_sockets(pid_t to)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in inet = {.sin_family = AF_INET};
    socklen_t length = sizeof(inet);
    int unix_fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int inet_fd = socket(AF_INET, SOCK_STREAM, 0);
    char text[16];

    (void)span_copy(span_of(path), local.sun_path, sizeof(local.sun_path));
    (void)unlink(path);
    inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(unix_fd, (struct sockaddr *)&local, sizeof(local)) != 0 ||
        listen(unix_fd, 5) != 0 ||
        bind(inet_fd, (struct sockaddr *)&inet, sizeof(inet)) != 0 ||
        listen(inet_fd, 5) != 0 ||
        getsockname(inet_fd, (struct sockaddr *)&inet, &length) != 0)
        _exit(90);
    port = ntohs(inet.sin_port);
    inet_fd = fcntl(inet_fd, F_DUPFD, 20);
    unix_fd = fcntl(unix_fd, F_DUPFD, 20);
    if (dup2(unix_fd, UNIX_FD) < 0 || dup2(inet_fd, INET_FD) < 0)
        _exit(91);
    (void)snprintf(text, sizeof(text), "%d", (int)to);
    (void)setenv("LISTEN_PID", text, 1);
    (void)setenv("LISTEN_FDS", "2", 1);
}

static struct socket_address
unix_address(const char *where)
{
    struct socket_address address = {.kind = SOCKET_UNIX};

    (void)span_copy(span_of(where), address.path, sizeof(address.path));
    return address;
}

static struct socket_address
inet_address(const char *host)
{
    struct socket_address address = {.kind = SOCKET_INET, .port = port};

    (void)span_copy(span_of(host), address.host, sizeof(address.host));
    return address;
}

/* What is read of the environment is read once: each case has a process of its own. */
static int
in_child(void (*run)(void))
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        run();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

#define MUST(condition)                                                                  \
    if (!(condition))                                                                    \
    _exit(__LINE__ % 89 + 1)

static void
take_both(void)
{
    const struct socket_address *named[2];
    struct socket_address address;
    struct socket_address other;
    struct error error = {.text = ""};
    int fds[LISTEN_FDS_MAX];
    size_t count = 0;

    give_sockets(getpid());
    address = inet_address("localhost");
    named[0] = &address;
    MUST(!listen_given_named(named, 1, &error));
    MUST(strstr(error.text, path) != NULL);
    address = unix_address(path);
    MUST(!listen_given_named(named, 1, &error));
    MUST(strstr(error.text, "systemd opened inet:127.0.0.1:") != NULL);
    other = inet_address("*");
    named[1] = &other;
    MUST(!listen_given_named(named, 2, &error));
    other = inet_address("localhost");
    MUST(listen_given_named(named, 2, &error));
    MUST(listen_open(&address, NULL, fds, &count, &error));
    MUST(count == 1 && fds[0] == UNIX_FD);
    MUST((fcntl(UNIX_FD, F_GETFD) & FD_CLOEXEC) != 0);
    MUST((fcntl(UNIX_FD, F_GETFL) & O_NONBLOCK) != 0);
    MUST(getenv("LISTEN_FDS") == NULL && getenv("LISTEN_PID") == NULL);
    MUST(listen_open(&other, NULL, fds, &count, &error));
    MUST(count == 1 && fds[0] == INET_FD);
    /* Each once: the second time somebody listens there. */
    address = unix_address(path);
    MUST(listen_given_take(&address, fds) == 0);
}

static void
take_none_of_another_process(void)
{
    struct socket_address address;
    struct error error = {.text = ""};
    int fds[LISTEN_FDS_MAX];

    give_sockets(getppid());
    address = unix_address(path);
    MUST(listen_given_take(&address, fds) == 0);
    MUST(listen_given_named(NULL, 0, &error));
}

static void
leave_the_file_to_systemd(void)
{
    struct socket_address address;
    struct error error = {.text = ""};
    int fds[LISTEN_FDS_MAX];
    size_t count;
    int systemds_own;

    give_sockets(getpid());
    systemds_own = fcntl(UNIX_FD, F_DUPFD, 30);
    address = unix_address(path);
    MUST(listen_open(&address, NULL, fds, &count, &error));
    listen_close(&address, fds, count);
    MUST(access(path, F_OK) == 0);
    (void)close(systemds_own);
}

static void
takes_what_is_bound_where_the_configuration_says(void **state)
{
    (void)state;
    assert_int_equal(in_child(take_both), 0);
}

static void
takes_nothing_that_was_meant_for_another_process(void **state)
{
    (void)state;
    assert_int_equal(in_child(take_none_of_another_process), 0);
}

static void
leaves_the_socket_file_to_systemd(void **state)
{
    (void)state;
    assert_int_equal(in_child(leave_the_file_to_systemd), 0);
}

static int
make_name(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 || close(fd) != 0;
}

static int
remove_name(void **state)
{
    (void)state;
    return unlink(path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_bound_where_the_configuration_says),
        cmocka_unit_test(takes_nothing_that_was_meant_for_another_process),
        cmocka_unit_test(leaves_the_socket_file_to_systemd),
    };

    return cmocka_run_group_tests_name("listen_given", tests, make_name, remove_name);
}
