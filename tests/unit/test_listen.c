/*
 * Listening sockets: their modes, stale ones, live ones, folders.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/service/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/postshift-test-listen-XXXXXX";

static int
make_test_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || chmod(folder, 0755) != 0;
}

static int
remove_test_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static struct socket_address
unix_in(const char *name)
{
    struct socket_address address = {.kind = SOCKET_UNIX};

    (void)snprintf(address.path, sizeof(address.path), "%s/%s", folder, name);
    return address;
}

static int
connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result;

    (void)span_copy(span_of(path), address.sun_path, sizeof(address.sun_path));
    result = connect(fd, (const struct sockaddr *)&address, sizeof(address));
    (void)close(fd);
    return result;
}

static void
makes_a_socket_of_the_right_mode(void **state)
{
    struct socket_address address = unix_in("a.sock");
    mode_t before = umask(0077);
    struct error error = {.text = ""};
    int fds[LISTEN_FDS_MAX];
    size_t count;
    struct stat status;

    (void)state;
    assert_true(listen_open(&address, NULL, fds, &count, &error));
    assert_int_equal(umask(before), 0077);
    assert_int_equal(count, 1);
    assert_int_equal(lstat(address.path, &status), 0);
    assert_true(S_ISSOCK(status.st_mode));
    assert_int_equal(status.st_mode & 07777, 0660);
    assert_true((fcntl(fds[0], F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fds[0], F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(connect_to(address.path), 0);
    listen_close(&address, fds, count);
    assert_int_equal(access(address.path, F_OK), -1);
}

static void
replaces_what_an_earlier_run_left(void **state)
{
    struct socket_address address = unix_in("stale.sock");
    struct error error = {.text = ""};
    int fds[LISTEN_FDS_MAX];
    size_t count;

    (void)state;
    assert_true(listen_open(&address, NULL, fds, &count, &error));
    (void)close(fds[0]);
    assert_int_equal(connect_to(address.path), -1);
    assert_true(listen_open(&address, NULL, fds, &count, &error));
    assert_int_equal(connect_to(address.path), 0);
    listen_close(&address, fds, count);
}

static void
leaves_a_live_one_alone(void **state)
{
    struct socket_address address = unix_in("live.sock");
    struct error error = {.text = ""};
    int fds[LISTEN_FDS_MAX];
    int others[LISTEN_FDS_MAX];
    size_t count;
    size_t other_count;

    (void)state;
    assert_true(listen_open(&address, NULL, fds, &count, &error));
    assert_false(listen_open(&address, NULL, others, &other_count, &error));
    assert_non_null(strstr(error.text, "another process listens there"));
    assert_true(span_starts(span_of(error.text), SPAN("unix:/tmp/")));
    assert_int_equal(other_count, 0);
    assert_int_equal(connect_to(address.path), 0);

    /* One that another daemon has put in our place stays as well. */
    assert_int_equal(unlink(address.path), 0);
    assert_true(listen_open(&address, NULL, others, &other_count, &error));
    listen_close(&address, fds, count);
    assert_int_equal(connect_to(address.path), 0);
    listen_close(&address, others, other_count);
}

static void
leaves_other_files_alone(void **state)
{
    struct socket_address address = unix_in("file");
    struct error error = {.text = ""};
    int fds[LISTEN_FDS_MAX];
    size_t count;
    int fd = open(address.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    (void)state;
    assert_true(fd >= 0);
    (void)close(fd);
    assert_false(listen_open(&address, NULL, fds, &count, &error));
    assert_non_null(strstr(error.text, "a file is there that is no socket"));
    assert_int_equal(unlink(address.path), 0);
    assert_int_equal(symlink("/nowhere", address.path), 0);
    assert_false(listen_open(&address, NULL, fds, &count, &error));
    assert_int_equal(unlink(address.path), 0);
}

/* What listen_open says to a user who isn't root. */
static void
names_the_command_for_a_missing_folder(void **state)
{
    struct socket_address address = unix_in("none/a.sock");
    char said[400] = "";
    char wanted[400];
    int ends[2];
    pid_t child;
    int status;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        struct error error = {.text = ""};
        int fds[LISTEN_FDS_MAX];
        size_t count;

        if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
            _exit(1);
        if (listen_open(&address, NULL, fds, &count, &error) ||
            write(ends[1], error.text, strlen(error.text)) < 0)
            _exit(2);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(read(ends[0], said, sizeof(said) - 1) > 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
    (void)snprintf(wanted, sizeof(wanted),
        "unix:%s: no folder: install -d -o postshift -g postfix -m 2710 %s/none",
        address.path, folder);
    assert_string_equal(said, wanted);
}

static void
makes_the_folder_as_root(void **state)
{
    const struct passwd *user = getpwnam("nobody");
    const struct group *group = getgrnam("postfix");
    struct listen_owner owner = {"nobody", NULL, NULL};
    struct socket_address address = unix_in("made/a.sock");
    struct error error = {.text = ""};
    int fds[LISTEN_FDS_MAX];
    size_t count;
    char made[200];
    struct stat status;

    (void)state;
    if (geteuid() != 0) {
        print_message("# only root may give folders away\n");
        skip();
    }
    assert_non_null(user);
    assert_non_null(group);
    (void)snprintf(made, sizeof(made), "%s/made", folder);
    assert_true(listen_open(&address, &owner, fds, &count, &error));
    assert_int_equal(stat(made, &status), 0);
    assert_int_equal(status.st_mode & 07777, 02710);
    assert_int_equal(status.st_uid, user->pw_uid);
    assert_int_equal(status.st_gid, group->gr_gid);
    assert_int_equal(stat(address.path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0660);
    assert_int_equal(status.st_uid, user->pw_uid);
    assert_int_equal(status.st_gid, group->gr_gid);
    listen_close(&address, fds, count);
    assert_int_equal(rmdir(made), 0);

    /* A milter's user has its socket, and no right to put another's name beside it. */
    owner = (struct listen_owner){"nobody", NULL, "root"};
    assert_true(listen_open(&address, &owner, fds, &count, &error));
    assert_int_equal(stat(made, &status), 0);
    assert_int_equal(status.st_uid, 0);
    assert_int_equal(stat(address.path, &status), 0);
    assert_int_equal(status.st_uid, user->pw_uid);
    listen_close(&address, fds, count);
    assert_int_equal(rmdir(made), 0);

    owner = (struct listen_owner){"no-such-user", NULL, NULL};
    assert_false(listen_open(&address, &owner, fds, &count, &error));
    assert_non_null(strstr(error.text, "there is no user no-such-user"));
    owner = (struct listen_owner){NULL, "no-such-group", NULL};
    assert_false(listen_open(&address, &owner, fds, &count, &error));
    assert_non_null(strstr(error.text, "there is no group no-such-group"));
    assert_int_equal(access(made, F_OK), -1);
}

static void
listens_on_tcp(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    struct error error = {.text = ""};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++) {
        struct socket_address address = {.kind = SOCKET_INET, .port = 24391};
        int fds[LISTEN_FDS_MAX];
        int others[LISTEN_FDS_MAX];
        size_t count;
        size_t other_count;

        (void)span_copy(span_of(hosts[i]), address.host, sizeof(address.host));
        assert_true(listen_open(&address, NULL, fds, &count, &error));
        assert_true(count >= 1 && count <= LISTEN_FDS_MAX);
        assert_true((fcntl(fds[0], F_GETFL) & O_NONBLOCK) != 0);
        assert_false(listen_open(&address, NULL, others, &other_count, &error));
        assert_int_equal(other_count, 0);
        assert_non_null(strstr(error.text, strerror(EADDRINUSE)));
        listen_close(&address, fds, count);
        assert_true(listen_open(&address, NULL, fds, &count, &error));
        listen_close(&address, fds, count);
    }
}

static void
says_what_is_wrong_with_an_address(void **state)
{
    struct socket_address address = {
        .kind = SOCKET_INET, .port = 24391, .host = "192.0.2.1"};
    struct error error = {.text = ""};
    int fds[LISTEN_FDS_MAX];
    size_t count;

    (void)state;
    assert_false(listen_open(&address, NULL, fds, &count, &error));
    assert_string_equal(
        error.text, "inet:192.0.2.1:24391: Cannot assign requested address");
    address = (struct socket_address){.kind = SOCKET_NONE};
    assert_true(listen_open(&address, NULL, fds, &count, &error));
    assert_int_equal(count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_a_socket_of_the_right_mode),
        cmocka_unit_test(replaces_what_an_earlier_run_left),
        cmocka_unit_test(leaves_a_live_one_alone),
        cmocka_unit_test(leaves_other_files_alone),
        cmocka_unit_test(names_the_command_for_a_missing_folder),
        cmocka_unit_test(makes_the_folder_as_root),
        cmocka_unit_test(listens_on_tcp),
        cmocka_unit_test(says_what_is_wrong_with_an_address),
    };

    return cmocka_run_group_tests_name(
        "listen", tests, make_test_folder, remove_test_folder);
}
