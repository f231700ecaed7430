#include "policyd/undo/undo_progress.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { TEXT_MAX = 1 << 30, PIECE = 1 << 16, LINE_MAX_OCTETS = 100 };

static bool
read_all(int fd, struct buffer *text, struct error *error)
{
    for (;;) {
        ssize_t count;

        if (!buffer_reserve(text, PIECE))
            return error_permanent(error, "the file of its progress is too large");
        count = read(fd, text->data + text->length, PIECE);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_temporary(error, "progress: %s", strerror(errno));
        if (count == 0)
            return true;
        text->length += (size_t)count;
    }
}

static bool
write_all(int fd, struct span text)
{
    while (text.length > 0) {
        ssize_t count = write(fd, text.data, text.length);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        text = span_from(text, (size_t)count);
    }
    return true;
}

static bool
take_up(struct undo_progress *progress, struct error *error)
{
    struct buffer text;
    bool done;

    buffer_init(&text, TEXT_MAX);
    done = read_all(progress->fd, &text, error);
    if (done)
        progress->known = copies_progress_read(buffer_span(&text));
    if (done && text.length > 0 && text.data[text.length - 1] != '\n' &&
        !write_all(progress->fd, SPAN("\n")))
        done = error_temporary(error, "progress: %s", strerror(errno));
    buffer_clear(&text);
    return done;
}

/* A run that only looks: what there is, where it may be read. */
static bool
look(struct undo_progress *progress, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct buffer text;
    struct error ignored;

    buffer_init(&text, TEXT_MAX);
    if (fd >= 0) {
        (void)read_all(fd, &text, &ignored);
        (void)close(fd);
    }
    progress->known = copies_progress_read(buffer_span(&text));
    buffer_clear(&text);
    return true;
}

bool
undo_progress_open(struct undo_progress *progress, const char *folder, const char *domain,
    bool may_write, struct error *error)
{
    char path[PATH_MAX];

    *progress = (struct undo_progress){.fd = -1};
    (void)snprintf(path, sizeof(path), "%s/%s.progress", folder, domain);
    if (!may_write)
        return look(progress, path);
    progress->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (progress->fd < 0)
        return error_permanent(error, "%s: %s", path, strerror(errno));
    if (flock(progress->fd, LOCK_EX | LOCK_NB) != 0)
        return error_permanent(error, "another undo of %s is under way", domain);
    return take_up(progress, error);
}

void
undo_progress_close(struct undo_progress *progress)
{
    copies_progress_free(progress->known);
    if (progress->fd >= 0)
        (void)close(progress->fd);
    *progress = (struct undo_progress){.fd = -1};
}

bool
undo_progress_note(struct undo_progress *progress, const struct copies_digest *digest,
    enum copies_step step, struct error *error)
{
    struct buffer line;
    bool done;

    buffer_init(&line, LINE_MAX_OCTETS);
    copies_progress_write(&line, step, digest);
    done = write_all(progress->fd, buffer_span(&line)) && fdatasync(progress->fd) == 0;
    buffer_clear(&line);
    copies_progress_put(progress->known, digest, step);
    return done || error_temporary(error, "progress: %s", strerror(errno));
}
