#include "policyd/store/snapshot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/service/log.h"

enum { READ_OCTETS = 256 * 1024 };

/* --- reading --- */

static void
log_refused(void *argument, struct span domain, const struct domain_problem *problem)
{
    (void)argument;
    log_warning("", log_span("domain", domain), log_text("field", problem->field),
        log_text("value", problem->value), log_text("source", "snapshot"),
        log_note(problem->text));
}

static bool
feed(struct snapshot_reader *reader, int fd, struct buffer *octets, struct error *error)
{
    for (;;) {
        struct span rest;
        ssize_t count;

        if (!buffer_reserve(octets, READ_OCTETS))
            return error_permanent(error, "damaged");
        count = read(fd, octets->data + octets->length, READ_OCTETS);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_temporary(error, "%s", strerror(errno));
        if (count == 0)
            return snapshot_reader_end(reader, buffer_span(octets), error);
        octets->length += (size_t)count;
        rest = buffer_span(octets);
        if (!snapshot_reader_take(reader, &rest, error))
            return false;
        buffer_consume(octets, octets->length - rest.length);
    }
}

struct replica *
snapshot_file_read(const char *path, const struct replica_rules *rules,
    struct snapshot_extra *extra, struct error *error)
{
    struct snapshot_reader reader;
    struct buffer octets;
    bool complete;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    *error = (struct error){.kind = ERROR_NONE};
    if (fd < 0) {
        if (errno != ENOENT)
            (void)error_temporary(error, "%s", strerror(errno));
        return NULL;
    }
    snapshot_reader_init(&reader, replica_new(), rules);
    reader.refused = log_refused;
    buffer_init(&octets, (size_t)2 * (SNAPSHOT_BLOCK_MAX + READ_OCTETS));
    complete = feed(&reader, fd, &octets, error);
    buffer_clear(&octets);
    close(fd);
    *extra = reader.extra;
    if (complete)
        return reader.replica;
    replica_free(reader.replica);
    return NULL;
}

/* --- writing --- */

struct output {
    int fd;
    size_t used;
    char octets[READ_OCTETS];
};

static bool
flush(struct output *output)
{
    size_t done = 0;

    while (done < output->used) {
        ssize_t count = write(output->fd, output->octets + done, output->used - done);

        if (count < 0 && errno != EINTR)
            return false;
        done += count > 0 ? (size_t)count : 0;
    }
    output->used = 0;
    return true;
}

static bool
into_file(void *argument, struct span octets)
{
    struct output *output = argument;

    if (output->used + octets.length > sizeof(output->octets) && !flush(output))
        return false;
    memcpy(output->octets + output->used, octets.data, octets.length);
    output->used += octets.length;
    return true;
}

/* The name is on the disk too, or the file before is. */
static bool
sync_folder(const char *path)
{
    char folder[PATH_MAX];
    char *slash;
    int fd;
    bool done;

    snprintf(folder, sizeof(folder), "%s", path);
    slash = strrchr(folder, '/');
    if (slash == NULL)
        return true;
    slash[slash == folder] = '\0';
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    done = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return done;
}

static void
write_temporary_name(const char *path, char temporary[PATH_MAX + 8])
{
    snprintf(temporary, PATH_MAX + 8, "%s.new", path);
}

/* 0, or the errno of what failed. */
int
snapshot_file_write(
    const char *path, const struct replica *replica, const struct snapshot_extra *extra)
{
    static struct output output;
    char temporary[PATH_MAX + 8];

    write_temporary_name(path, temporary);
    (void)unlink(temporary);
    output.used = 0;
    output.fd =
        open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (output.fd < 0)
        return errno;
    if (!snapshot_wire_write(replica, extra, into_file, &output) || !flush(&output) ||
        fsync(output.fd) != 0 || close(output.fd) != 0 || rename(temporary, path) != 0 ||
        !sync_folder(path)) {
        int failure = errno == 0 ? EIO : errno;

        (void)unlink(temporary);
        return failure;
    }
    return 0;
}

void
snapshot_file_remove_temporary(const char *path)
{
    char temporary[PATH_MAX + 8];

    write_temporary_name(path, temporary);
    (void)unlink(temporary);
}
