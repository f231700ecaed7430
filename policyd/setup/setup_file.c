#include "policyd/setup/setup_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define TEMPORARY ".postshift-tmp-"

enum { CHUNK = 16384, COPY_MAX = 16 << 20, RANDOM_OCTETS = 6 };

static bool
read_all(int fd, const char *path, struct buffer *text, struct error *error)
{
    char chunk[CHUNK];

    for (;;) {
        ssize_t got = read(fd, chunk, sizeof(chunk));

        if (got == 0)
            return true;
        if (got < 0 && errno != EINTR)
            return error_permanent(error, "%s: %s", path, strerror(errno));
        if (got > 0 && !buffer_append(text, span_make(chunk, (size_t)got)))
            return error_permanent(
                error, "%s is larger than %zu octets", path, text->ceiling);
    }
}

bool
setup_file_read(const char *path, struct buffer *text, struct error *error)
{
    bool is_input = strcmp(path, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    bool done;

    if (fd < 0)
        return error_permanent(error, "%s: %s", path, strerror(errno));
    done = read_all(fd, path, text, error);
    if (!is_input)
        (void)close(fd);
    return done;
}

static bool
write_all(int fd, struct span text)
{
    while (text.length > 0) {
        ssize_t put = write(fd, text.data, text.length);

        if (put < 0 && errno != EINTR)
            return false;
        if (put > 0)
            text = span_from(text, (size_t)put);
    }
    return true;
}

/* "." where the path names none. */
static void
folder_of(const char *path, char folder[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path);

    if (slash == NULL)
        (void)span_copy(SPAN("."), folder, PATH_MAX);
    else
        (void)span_copy(
            length == 0 ? SPAN("/") : span_make(path, length), folder, PATH_MAX);
}

/* A rename is lasting once its folder is on disk. */
static void
sync_folder(const char *path)
{
    char folder[PATH_MAX];
    int fd;

    folder_of(path, folder);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    (void)close(fd);
}

/* Where a link leads to; a file that isn't there yet is where it is said to be. */
static bool
resolve(const char *path, char resolved[PATH_MAX], struct error *error)
{
    if (realpath(path, resolved) != NULL)
        return true;
    if (errno != ENOENT || strlen(path) >= PATH_MAX)
        return error_permanent(error, "%s: %s", path, strerror(errno));
    memcpy(resolved, path, strlen(path) + 1);
    return true;
}

/* What goes into the temporary file, and to whom it belongs. */
static bool
fill(int fd, struct span text, const struct stat *like)
{
    /* Not root: the owner stays ours. */
    if (like != NULL && fchown(fd, like->st_uid, like->st_gid) != 0 && errno != EPERM)
        return false;
    return fchmod(fd, like != NULL ? like->st_mode & 07777 : 0644) == 0 &&
           write_all(fd, text) && fsync(fd) == 0;
}

static bool
pending_write(struct setup_pending *pending, const char *path, struct span text,
    const struct stat *like, struct error *error)
{
    int fd;
    bool done;

    pending->temporary[0] = '\0';
    if (!resolve(path, pending->path, error))
        return false;
    if (snprintf(pending->temporary, sizeof(pending->temporary), "%s" TEMPORARY "XXXXXX",
            pending->path) >= (int)sizeof(pending->temporary)) {
        pending->temporary[0] = '\0';
        return error_permanent(error, "%s: the path is too long", path);
    }
    fd = mkostemp(pending->temporary, O_CLOEXEC);
    if (fd < 0) {
        (void)error_permanent(error, "%s: %s", pending->temporary, strerror(errno));
        pending->temporary[0] = '\0';
        return false;
    }
    done = fill(fd, text, like);
    if (!done)
        (void)error_permanent(error, "%s: %s", pending->temporary, strerror(errno));
    if (close(fd) != 0 && done)
        done = error_permanent(error, "%s: %s", pending->temporary, strerror(errno));
    if (!done)
        setup_pending_drop(pending);
    return done;
}

bool
setup_file_replace(const char *path, struct span text, struct error *error)
{
    struct setup_pending pending;

    return setup_pending_write(&pending, path, text, error) &&
           setup_pending_commit(&pending, error);
}

bool
setup_file_copy(const char *from, const char *to, struct error *error)
{
    struct setup_pending pending;
    struct buffer text;
    struct stat status;
    bool done;

    if (stat(from, &status) != 0)
        return error_permanent(error, "%s: %s", from, strerror(errno));
    buffer_init(&text, COPY_MAX);
    done = setup_file_read(from, &text, error) &&
           pending_write(&pending, to, buffer_span(&text), &status, error) &&
           setup_pending_commit(&pending, error);
    buffer_clear(&text);
    return done;
}

bool
setup_pending_write(struct setup_pending *pending, const char *path, struct span text,
    struct error *error)
{
    struct stat status;

    return pending_write(
        pending, path, text, stat(path, &status) == 0 ? &status : NULL, error);
}

bool
setup_pending_commit(struct setup_pending *pending, struct error *error)
{
    if (rename(pending->temporary, pending->path) != 0) {
        (void)error_permanent(error, "%s: %s", pending->path, strerror(errno));
        setup_pending_drop(pending);
        return false;
    }
    pending->temporary[0] = '\0';
    sync_folder(pending->path);
    return true;
}

void
setup_pending_drop(struct setup_pending *pending)
{
    if (pending->temporary[0] != '\0')
        (void)unlink(pending->temporary);
    pending->temporary[0] = '\0';
}

void
setup_pending_sweep(const char *path)
{
    char resolved[PATH_MAX];
    char folder[PATH_MAX];
    char start[PATH_MAX];
    struct error ignored;
    struct dirent *entry;
    DIR *entries;

    if (!resolve(path, resolved, &ignored) ||
        snprintf(start, sizeof(start), "%s" TEMPORARY,
            strrchr(resolved, '/') != NULL ? strrchr(resolved, '/') + 1 : resolved) >=
            (int)sizeof(start))
        return;
    folder_of(resolved, folder);
    entries = opendir(folder);
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        struct span name = span_of(entry->d_name);

        if (span_starts(name, span_of(start)) &&
            name.length == strlen(start) + RANDOM_OCTETS)
            (void)unlinkat(dirfd(entries), entry->d_name, 0);
    }
    if (entries != NULL)
        (void)closedir(entries);
}

/* chattr(1): neither root may write, rename or remove it. */
static bool
is_immutable(const char *path)
{
    int flags = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool found;

    if (fd < 0)
        return false;
    found = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 &&
            (flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) != 0;
    (void)close(fd);
    return found;
}

static bool
is_mount(const char *path)
{
    struct statx status;

    return statx(AT_FDCWD, path, 0, 0, &status) == 0 &&
           (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

static bool
is_read_only(const char *path)
{
    struct statvfs status;

    return statvfs(path, &status) == 0 && (status.f_flag & ST_RDONLY) != 0;
}

bool
setup_file_may_change(const char *path, struct error *error)
{
    char resolved[PATH_MAX];
    char folder[PATH_MAX];

    if (!resolve(path, resolved, error))
        return false;
    folder_of(resolved, folder);
    if (is_read_only(folder))
        return error_permanent(
            error, "%s lies on a file system that is mounted read-only", resolved);
    if (is_mount(resolved))
        return error_permanent(error,
            "%s is a mount of its own (a bind mount): it can't be replaced in one piece; "
            "unmount it, or change the file that is mounted there",
            resolved);
    if (is_immutable(resolved) || is_immutable(folder))
        return error_permanent(error, "%s is immutable or append-only (chattr -ia %s)",
            resolved, is_immutable(resolved) ? resolved : folder);
    if (access(folder, W_OK | X_OK) != 0)
        return error_permanent(error, "%s: %s", folder, strerror(errno));
    return true;
}
