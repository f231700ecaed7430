#include "milters/scan/scan_temp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/number.h"

static const char prefix[] = "postshift-scan.";

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
scan_temp_make_base(const char *temp, uid_t user, gid_t group, char out[SCAN_TEMP_MAX])
{
    int length = snprintf(out, SCAN_TEMP_MAX, "%s/%s%ld.XXXXXX", temp_or_default(temp),
        prefix, (long)getpid());

    if (!fits(length) || mkdtemp(out) == NULL)
        return false;
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

static int
remove_one(const char *path, const struct stat *status, int kind, struct FTW *position)
{
    (void)status;
    (void)kind;
    (void)position;
    (void)remove(path);
    return 0;
}

void
scan_temp_remove(const char *path)
{
    if (path[0] != '\0')
        (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
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

void
scan_temp_sweep(const char *temp)
{
    const char *folder = temp_or_default(temp);
    DIR *entries = opendir(folder);
    const struct dirent *entry;

    if (entries == NULL)
        return;
    while ((entry = readdir(entries)) != NULL) {
        char path[SCAN_TEMP_MAX + 256];

        if (!is_left_over(entry->d_name))
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        scan_temp_remove(path);
    }
    (void)closedir(entries);
}
