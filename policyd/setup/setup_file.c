#include "policyd/setup/setup_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 16384, COPY_MAX = 16 << 20 };

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

/* A rename is lasting once its folder is on disk. */
static void
sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int fd;

    if (slash == NULL ||
        !span_copy(span_make(path, (size_t)(slash - path)), folder, sizeof(folder)))
        return;
    fd = open(folder[0] == '\0' ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    (void)close(fd);
}

static bool
replace(const char *path, struct span text, const struct stat *like, struct error *error)
{
    char temporary[PATH_MAX];
    int fd;

    if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >=
        (int)sizeof(temporary))
        return error_permanent(error, "%s: the path is too long", path);
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return error_permanent(error, "%s: %s", temporary, strerror(errno));
    /* Not root: the owner stays ours. */
    if (like != NULL && fchown(fd, like->st_uid, like->st_gid) != 0 && errno != EPERM)
        goto failed;
    if (fchmod(fd, like != NULL ? like->st_mode & 07777 : 0644) != 0 ||
        !write_all(fd, text) || fsync(fd) != 0 || close(fd) != 0)
        goto failed;
    if (rename(temporary, path) != 0) {
        (void)error_permanent(error, "%s: %s", path, strerror(errno));
        (void)unlink(temporary);
        return false;
    }
    sync_folder(path);
    return true;
failed:
    (void)error_permanent(error, "%s: %s", temporary, strerror(errno));
    (void)close(fd);
    (void)unlink(temporary);
    return false;
}

bool
setup_file_replace(const char *path, struct span text, struct error *error)
{
    struct stat status;

    return replace(path, text, stat(path, &status) == 0 ? &status : NULL, error);
}

bool
setup_file_copy(const char *from, const char *to, struct error *error)
{
    struct buffer text;
    struct stat status;
    bool done;

    if (stat(from, &status) != 0)
        return error_permanent(error, "%s: %s", from, strerror(errno));
    buffer_init(&text, COPY_MAX);
    done = setup_file_read(from, &text, error) &&
           replace(to, buffer_span(&text), &status, error);
    buffer_clear(&text);
    return done;
}
