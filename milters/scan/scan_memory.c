#include "milters/scan/scan_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

bool
scan_memory_holds(const char *path)
{
    struct statfs about;

    return statfs(path, &about) == 0 &&
           (about.f_type == TMPFS_MAGIC || about.f_type == RAMFS_MAGIC);
}

static bool
set(int context, const char *key, uint64_t number)
{
    char value[32];

    (void)snprintf(value, sizeof(value), "%" PRIu64, number);
    return fsconfig(context, FSCONFIG_SET_STRING, key, value, 0) == 0;
}

static int
mount_nowhere(uint64_t size, uid_t user, gid_t group)
{
    int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
    int folder = -1;
    int reason;

    if (context < 0)
        return -1;
    if (set(context, "size", size) && set(context, "uid", user) &&
        set(context, "gid", group) &&
        fsconfig(context, FSCONFIG_SET_STRING, "mode", "0700", 0) == 0 &&
        fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        folder = fsmount(context, FSMOUNT_CLOEXEC,
            MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    reason = errno;
    (void)close(context);
    errno = reason;
    return folder;
}

/* A profile (AppArmor) may allow the mount and then no path in it. */
static bool
is_usable(int folder)
{
    static const char name[] = "try";
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    return fd >= 0 && close(fd) == 0 && unlinkat(folder, name, 0) == 0;
}

int
scan_memory_make(uint64_t size, uid_t user, gid_t group, struct error *error)
{
    int folder = mount_nowhere(size, user, group);

    if (folder >= 0 && is_usable(folder))
        return folder;
    (void)error_permanent(error, "no file system in memory: %s", strerror(errno));
    if (folder >= 0)
        (void)close(folder);
    return -1;
}
