/*
 * A scan worker that is locked in tries to get out: it really tries, in a process of its
 * own.
 */
#include "tests/unit/unit.h"

#include "milters/scan/scan_lock.h"
#include "milters/scan/scan_memory.h"
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

enum { HELD = 40, ESCAPED = 41, NOT_LOCKED = 42, MEMORY_SIZE = 1 << 20 };

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

/* In memory there is an end to it that on disk there is not. */
static int
fills_its_folder(void)
{
    static const char block[4096];
    int fd = open("part", O_RDWR | O_CREAT | O_EXCL, 0600);
    size_t written = 0;

    while (written < sizeof(block) * 1024 && write(fd, block, sizeof(block)) > 0)
        written += sizeof(block);
    return held_if(fd >= 0 && errno == ENOSPC && written > 0 && written <= MEMORY_SIZE);
}

static int memory_folder;

static int
uses_the_keepers_descriptor(void)
{
    struct stat about;

    return held_if(fstat(memory_folder, &about) < 0);
}

static int
locked_in(int (*attempt)(void), bool as_nobody, bool in_memory)
{
    static struct scan_slot slot;
    struct scan_folder folder = {.memory = -1};
    struct error error;
    pid_t self = getpid();
    pid_t child;
    int status;

    (void)memcpy(folder.path, temp, sizeof(temp));
    if (in_memory) {
        uid_t user = as_nobody ? 65534 : 0;

        folder.memory = scan_memory_make(MEMORY_SIZE, user, user, &error);
        folder.path[0] = '\0';
        assert_true(folder.memory >= 0);
    }
    memory_folder = folder.memory;
    child = fork();
    if (child == 0) {
        struct scan_worker worker = {
            .slot = &slot,
            .folder = &folder,
            .keeper = self,
            .user = as_nobody ? 65534 : 0,
            .group = as_nobody ? 65534 : 0,
            .require_sandbox = true,
            .max_file = 1 << 24,
        };

        if (!scan_lock_enter(&worker, &error)) {
            log_say(LOG_LEVEL_ERROR, "%s", error.text);
            _exit(NOT_LOCKED);
        }
        _exit(attempt());
    }
    if (in_memory)
        (void)close(folder.memory);
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
        {"it works in its folder", uses_its_folder},
#ifndef POSTSHIFT_SANITIZED
        {"make a socket", makes_a_socket},
        {"execute", executes},
        {"fork", forks},
        {"map memory that runs", maps_code},
        {"trace", traces},
        {"signal another process", signals_others},
#endif
        {"open a file that all may read", opens_passwd},
        {"the same by a relative path", opens_upwards},
        {"write into /tmp", writes_outside},
        {"list folders", lists_root},
    };
    const bool *in_memory = *state;
    bool both = getuid() == 0;

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
        assert_int_equal(locked_in(rows[i].attempt, false, *in_memory), HELD);
        if (both)
            assert_int_equal(locked_in(rows[i].attempt, true, *in_memory), HELD);
    }
}

static void
nor_from_a_folder_in_memory(void **state)
{
    static bool yes = true;
    void *in_memory = &yes;
    struct error error;
    int folder = scan_memory_make(MEMORY_SIZE, getuid(), getgid(), &error);

    (void)state;
    if (folder < 0) {
        print_message("# %s\n", error.text);
        skip();
    }
    (void)close(folder);
    nothing_outside_its_folder_can_be_reached(&in_memory);
    assert_int_equal(locked_in(fills_its_folder, true, true), HELD);
    assert_int_equal(locked_in(uses_the_keepers_descriptor, true, true), HELD);
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
    static bool no = false;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(nothing_outside_its_folder_can_be_reached, &no),
        cmocka_unit_test(nor_from_a_folder_in_memory),
    };

    return cmocka_run_group_tests(tests, make_temp, remove_temp);
}
