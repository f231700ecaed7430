#include "milters/scan/scan_temp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/number.h"

static const char prefix[] = "postshift-scan.";

enum { DEPTH_MAX = 64 };

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

static bool
give(const char *path, uid_t user, gid_t group)
{
    return getuid() != 0 || user == 0 || chown(path, user, group) == 0;
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
    *lock = open(out, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*lock >= 0)
        (void)flock(*lock, LOCK_EX | LOCK_NB);
    return chmod(out, 0711) == 0 && give(out, user, group);
}

bool
scan_temp_make(
    const char *base, int number, uid_t user, gid_t group, char out[SCAN_TEMP_MAX])
{
    if (!fits(snprintf(out, SCAN_TEMP_MAX, "%s/%d", base, number)))
        return false;
    scan_temp_remove(out);
    if (mkdir(out, 0700) < 0)
        return false;
    return give(out, user, group);
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

/* Its keeper may live where other process numbers count: the lock tells. */
static bool
is_locked(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;

    if (fd >= 0)
        (void)close(fd);
    return locked;
}

void
scan_temp_sweep(const char *temp)
{
    DIR *entries = opendir(temp_or_default(temp));
    const struct dirent *entry;

    if (entries == NULL)
        return;
    while ((entry = readdir(entries)) != NULL) {
        if (is_left_over(entry->d_name) && !is_locked(dirfd(entries), entry->d_name))
            remove_entry(dirfd(entries), entry->d_name, DEPTH_MAX);
    }
    (void)closedir(entries);
}
