#include "policyd/cutover/hook_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/span.h"

static bool
check_one(const char *path, bool is_file, struct error *error)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return error_permanent(error, "%s: %s", path, strerror(errno));
    if (status.st_uid != 0)
        return error_permanent(error, "%s does not belong to root", path);
    /* A folder where each may only remove his own is as good. */
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 &&
        (is_file || (status.st_mode & S_ISVTX) == 0))
        return error_permanent(error, "%s may be written by others than root", path);
    if (is_file && !S_ISREG(status.st_mode))
        return error_permanent(error, "%s is no file", path);
    return true;
}

bool
hook_check(const char *path, char found[PATH_MAX], struct error *error)
{
    char folder[PATH_MAX];
    char *slash;

    if (path[0] != '/')
        return error_permanent(error, "%s is no absolute path", path);
    if (realpath(path, found) == NULL)
        return error_permanent(error, "%s: %s", path, strerror(errno));
    if (!check_one(found, true, error))
        return false;
    (void)span_copy(span_of(found), folder, sizeof(folder));
    while ((slash = strrchr(folder, '/')) != NULL && folder[1] != '\0') {
        slash[slash == folder] = '\0';
        if (!check_one(folder, false, error))
            return false;
    }
    return access(found, X_OK) == 0 ||
           error_permanent(error, "%s can't be executed: %s", found, strerror(errno));
}
