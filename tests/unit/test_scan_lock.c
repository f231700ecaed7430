/*
 * A scan worker that is locked in tries to get out: it really tries, in a process of its
 * own.
 */
#include "tests/unit/unit.h"

#include "milters/scan/scan_lock.h"
#include "shared/base/attributes.h"
#include "shared/service/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HELD = 40, ESCAPED = 41, NOT_LOCKED = 42 };

static char temp[] = "/tmp/postshift-lock.XXXXXX";

static int
held_if(bool held)
{
    return held ? HELD : ESCAPED;
}

static int
opens_passwd(void)
{
    return held_if(open("/etc/passwd", O_RDONLY) < 0);
}

static int
opens_upwards(void)
{
    return held_if(open("../../etc/passwd", O_RDONLY) < 0);
}

static int
writes_outside(void)
{
    return held_if(open("/tmp/postshift-escaped", O_WRONLY | O_CREAT, 0600) < 0);
}

static int
lists_root(void)
{
    return held_if(
        open("/", O_RDONLY | O_DIRECTORY) < 0 || openat(AT_FDCWD, "/etc", O_RDONLY) < 0);
}

static int
makes_a_socket(void)
{
    return held_if(socket(AF_INET, SOCK_STREAM, 0) < 0);
}

static int
executes(void)
{
    static char name[] = "/bin/true";
    char *const arguments[] = {name, NULL};

    (void)execv(name, arguments);
    return HELD;
}

static int
forks(void)
{
    return held_if(fork() < 0);
}

static int
maps_code(void)
{
    return held_if(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
}

static int
traces(void)
{
    return held_if(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0);
}

static int
signals_others(void)
{
    return held_if(kill(getppid(), 0) < 0);
}

/* What it may: or else the others prove nothing. */
static int
uses_its_folder(void)
{
    int fd = open("part", O_RDWR | O_CREAT | O_EXCL, 0600);

    if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) < 0 || unlink("part") < 0 ||
        mkdir("folder", 0700) < 0 || rmdir("folder") < 0)
        return ESCAPED;
    return HELD;
}

static int
locked_in(int (*attempt)(void), bool as_nobody)
{
    static struct scan_slot slot;
    struct error error;
    pid_t self = getpid();
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct scan_worker worker = {
            .slot = &slot,
            .temp = temp,
            .keeper = self,
            .user = as_nobody ? 65534 : 0,
            .group = as_nobody ? 65534 : 0,
            .require_sandbox = true,
            .max_file = 1 << 20,
        };

        if (!scan_lock_enter(&worker, &error)) {
            log_say(LOG_LEVEL_ERROR, "%s", error.text);
            _exit(NOT_LOCKED);
        }
        _exit(attempt());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGSYS ? HELD : -WTERMSIG(status);
    return WEXITSTATUS(status);
}

static void
nothing_outside_its_folder_can_be_reached(void **state)
{
    static const struct {
        const char *what;
        int (*attempt)(void);
    } rows[] = {
        {"it works in its folder",        uses_its_folder},
#ifndef POSTSHIFT_SANITIZED
        {"make a socket",                 makes_a_socket },
        {"execute",                       executes       },
        {"fork",                          forks          },
        {"map memory that runs",          maps_code      },
        {"trace",                         traces         },
        {"signal another process",        signals_others },
#endif
        {"open a file that all may read", opens_passwd   },
        {"the same by a relative path",   opens_upwards  },
        {"write into /tmp",               writes_outside },
        {"list folders",                  lists_root     },
    };
    bool both = getuid() == 0;

    (void)state;
#ifdef POSTSHIFT_SANITIZED
    (void)makes_a_socket;
    (void)executes;
    (void)forks;
    (void)maps_code;
    (void)traces;
    (void)signals_others;
#endif
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].what);
        assert_int_equal(locked_in(rows[i].attempt, false), HELD);
        if (both)
            assert_int_equal(locked_in(rows[i].attempt, true), HELD);
    }
}

static int
make_temp(void **state)
{
    (void)state;
    return mkdtemp(temp) == NULL || chmod(temp, 0777) < 0 ? -1 : 0;
}

static int
remove_temp(void **state)
{
    (void)state;
    return rmdir(temp);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_outside_its_folder_can_be_reached),
    };

    return cmocka_run_group_tests(tests, make_temp, remove_temp);
}
