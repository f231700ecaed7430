#include "milters/scan/scan_temp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/number.h"
#include "shared/service/clock.h"

static const char prefix[] = "postshift-scan.";

enum { DEPTH_MAX = 64, ASIDE_MS = 600 * 1000 };

static const char *
temp_or_default(const char *temp)
{
    const char *from_environment = getenv("TMPDIR");

    if (temp[0] != '\0')
        return temp;
    return from_environment != NULL && from_environment[0] == '/' ? from_environment
                                                                  : "/tmp";
}

static bool
fits(int length)
{
    if (length >= 0 && length < SCAN_TEMP_MAX)
        return true;
    errno = ENAMETOOLONG;
    return false;
}

/* By descriptor: whoever owns the folder around it could put a link in its place. */
static bool
give(int folder, uid_t user, gid_t group)
{
    return getuid() != 0 || user == 0 || fchown(folder, user, group) == 0;
}

static int
open_folder(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The name carries the keeper's pid, so that a later one knows whose it was. */
bool
scan_temp_make_base(
    const char *temp, uid_t user, gid_t group, char out[SCAN_TEMP_MAX], int *lock)
{
    int length = snprintf(out, SCAN_TEMP_MAX, "%s/%s%ld.XXXXXX", temp_or_default(temp),
        prefix, (long)getpid());

    if (!fits(length) || mkdtemp(out) == NULL)
        return false;
    if (*lock >= 0)
        (void)close(*lock);
    *lock = open_folder(out);
    if (*lock < 0)
        return false;
    (void)flock(*lock, LOCK_EX | LOCK_NB);
    return fchmod(*lock, 0711) == 0 && give(*lock, user, group);
}

bool
scan_temp_make(
    const char *base, int number, uid_t user, gid_t group, char out[SCAN_TEMP_MAX])
{
    bool given;
    int folder;

    if (!fits(snprintf(out, SCAN_TEMP_MAX, "%s/%d", base, number)))
        return false;
    scan_temp_remove(out);
    if (mkdir(out, 0700) < 0)
        return false;
    folder = open_folder(out);
    given = folder >= 0 && give(folder, user, group);
    if (folder >= 0)
        (void)close(folder);
    return given;
}

/* NOLINTBEGIN(misc-no-recursion): DEPTH_MAX bounds it */

static void remove_entry(int folder, const char *name, unsigned depth);

/* Takes the descriptor. */
static void
empty(int fd, unsigned depth)
{
    DIR *entries = fdopendir(fd);
    const struct dirent *entry;

    if (entries == NULL) {
        (void)close(fd);
        return;
    }
    while ((entry = readdir(entries)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_entry(dirfd(entries), entry->d_name, depth);
    }
    (void)closedir(entries);
}

static void
remove_entry(int folder, const char *name, unsigned depth)
{
    int fd;

    if (unlinkat(folder, name, 0) == 0 || depth == 0)
        return;
    fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    empty(fd, depth - 1);
    (void)unlinkat(folder, name, AT_REMOVEDIR);
}

/* NOLINTEND(misc-no-recursion) */

void
scan_temp_remove(const char *path)
{
    if (path[0] != '\0')
        remove_entry(AT_FDCWD, path, DEPTH_MAX);
}

static bool
is_empty(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    bool found = entries == NULL;

    while (!found && (entry = readdir(entries)) != NULL)
        found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    if (entries != NULL)
        (void)closedir(entries);
    else if (fd >= 0)
        (void)close(fd);
    return !found;
}

bool
scan_temp_empty(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0)
        empty(fd, DEPTH_MAX);
    return is_empty(folder);
}

static bool
is_left_over(const char *name)
{
    struct span rest = span_of(name);
    struct span pid;
    uint64_t number;

    if (!span_starts(rest, span_of(prefix)))
        return false;
    rest = span_from(rest, sizeof(prefix) - 1);
    if (!span_split(&rest, '.', &pid) || !number_unsigned(pid, 1 << 30, &number))
        return false;
    return kill((pid_t)number, 0) < 0 && errno == ESRCH;
}

/* Its keeper may live where other process numbers count: the lock tells.  A file, a
 * link, somebody else's folder has no keeper. */
static bool
is_abandoned(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool abandoned = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;

    if (fd >= 0)
        (void)close(fd);
    return abandoned;
}

void
scan_temp_sweep(const char *temp, uint64_t most_ms)
{
    DIR *entries = opendir(temp_or_default(temp));
    uint64_t until = clock_now_ms() + most_ms;
    const struct dirent *entry;

    if (entries == NULL)
        return;
    while ((entry = readdir(entries)) != NULL && clock_now_ms() < until) {
        if (is_left_over(entry->d_name) && is_abandoned(dirfd(entries), entry->d_name))
            remove_entry(dirfd(entries), entry->d_name, DEPTH_MAX);
    }
    (void)closedir(entries);
}

void
scan_temp_sweep_aside(const char *temp, uid_t user, gid_t group)
{
    pid_t self = getpid();

    if (fork() != 0)
        return;
    if (getuid() == 0 && user != 0 &&
        (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 ||
            setresuid(user, user, user) < 0))
        _exit(EXIT_FAILURE);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setpriority(PRIO_PROCESS, 0, 10);
    if (getppid() == self)
        scan_temp_sweep(temp, ASIDE_MS);
    _exit(EXIT_SUCCESS);
}
