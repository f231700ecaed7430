#include "policyd/store/state_record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policyd/state/domain_fields.h"
#include "shared/base/allocate.h"
#include "shared/base/cursor.h"

enum {
    HEADER_SIZE = 16, /* u64 length, u64 number */
    HALF_LEAST = 8 * 1024,
    RECORD_MAX = 64 * 1024 * 1024,
};

struct half {
    uint64_t length;
    uint64_t number;
};

static void
write_name(const char *snapshot, const char *suffix, char name[PATH_MAX + 16])
{
    snprintf(name, PATH_MAX + 16, "%s.states%s", snapshot, suffix);
}

static bool
into_buffer(void *argument, struct span octets)
{
    return buffer_append(argument, octets);
}

/* Room for the header, then the domains. */
static bool
make_record(const struct replica *replica, const struct snapshot_extra *extra,
    struct buffer *record)
{
    buffer_append_u64(record, 0);
    buffer_append_u64(record, 0);
    return snapshot_wire_write_domains(replica, extra, into_buffer, record) &&
           buffer_ok(record);
}

/* 0 or errno. */
static int
write_at(int fd, struct span octets, off_t at)
{
    while (octets.length > 0) {
        ssize_t count = pwrite(fd, octets.data, octets.length, at);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count == 0 ? EIO : errno;
        octets = span_from(octets, (size_t)count);
        at += count;
    }
    return 0;
}

static int
sync_data(int fd)
{
    return fdatasync(fd) == 0 ? 0 : errno;
}

static struct half
read_header(int fd, off_t at)
{
    char octets[HEADER_SIZE];
    struct half half = {.number = 0};
    struct cursor cursor;

    if (pread(fd, octets, sizeof(octets), at) == (ssize_t)sizeof(octets)) {
        cursor = cursor_on(span_make(octets, sizeof(octets)));
        half.length = cursor_u64(&cursor);
        half.number = cursor_u64(&cursor);
    }
    return half;
}

/* The header comes last: until it is there, the half has the number before. */
static int
write_half(int fd, off_t at, struct buffer *record, uint64_t number)
{
    struct span whole = buffer_span(record);
    struct buffer header;
    int failure = write_at(fd, span_from(whole, HEADER_SIZE), at + HEADER_SIZE);

    if (failure == 0)
        failure = sync_data(fd);
    if (failure != 0)
        return failure;
    buffer_init(&header, HEADER_SIZE);
    buffer_append_u64(&header, whole.length - HEADER_SIZE);
    buffer_append_u64(&header, number);
    failure = write_at(fd, buffer_span(&header), at);
    buffer_clear(&header);
    return failure != 0 ? failure : sync_data(fd);
}

/* A new file with room for twice as much, filled to its end so that it has its blocks. */
static int
make_file(const char *snapshot, struct buffer *record, uint64_t number)
{
    char name[PATH_MAX + 16];
    char temporary[PATH_MAX + 16];
    size_t half = HALF_LEAST;
    char *zeros;
    int failure;
    int fd;

    while (half < 2 * record->length)
        half *= 2;
    write_name(snapshot, "", name);
    write_name(snapshot, ".new", temporary);
    (void)unlink(temporary);
    fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return errno;
    zeros = allocate_array(2, half);
    failure = write_at(fd, span_make(zeros, 2 * half), 0);
    free(zeros);
    if (failure == 0)
        failure = write_half(fd, 0, record, number);
    if (failure == 0 && rename(temporary, name) != 0)
        failure = errno;
    if (failure != 0)
        (void)unlink(temporary);
    close(fd);
    return failure;
}

int
state_record_write(const char *snapshot, const struct replica *replica,
    const struct snapshot_extra *extra)
{
    char name[PATH_MAX + 16];
    struct buffer record;
    struct stat status;
    struct half halves[2] = {{.number = 0}, {.number = 0}};
    size_t half = 0;
    size_t next;
    int failure;
    int fd;

    write_name(snapshot, "", name);
    fd = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0)
        half = (size_t)status.st_size / 2;
    for (size_t i = 0; i < 2 && half > 0; i++)
        halves[i] = read_header(fd, (off_t)(i * half));
    next = halves[0].number > halves[1].number ? 1 : 0;
    buffer_init(&record, RECORD_MAX);
    if (!make_record(replica, extra, &record))
        failure = EFBIG;
    else if (record.length > half)
        failure = make_file(snapshot, &record, halves[1 - next].number + 1);
    else
        failure =
            write_half(fd, (off_t)(next * half), &record, halves[1 - next].number + 1);
    buffer_clear(&record);
    if (fd >= 0)
        close(fd);
    return failure;
}

/* NULL: nothing, or nothing that is whole. */
static struct replica *
read_half(int fd, off_t at, uint64_t length, const struct replica_rules *rules,
    struct snapshot_extra *extra)
{
    struct snapshot_reader reader;
    struct error error;
    struct buffer octets;
    struct span rest;
    bool whole = false;

    if (length == 0 || length > RECORD_MAX)
        return NULL;
    snapshot_reader_init(&reader, replica_new(), rules);
    buffer_init(&octets, RECORD_MAX);
    if (buffer_reserve(&octets, length) &&
        pread(fd, octets.data, length, at + HEADER_SIZE) == (ssize_t)length) {
        rest = span_make(octets.data, length);
        whole = snapshot_reader_take(&reader, &rest, &error) &&
                snapshot_reader_end(&reader, rest, &error);
    }
    buffer_clear(&octets);
    *extra = reader.extra;
    if (whole)
        return reader.replica;
    replica_free(reader.replica);
    return NULL;
}

static void
copy_domains(const struct replica *from, struct replica *to)
{
    struct replica_domain domain;
    struct span name;
    uint64_t cursor = 0;

    while (replica_next_domain(from, &cursor, &name, &domain)) {
        if (domain.state != NULL)
            replica_put_domain(to, name, domain_fields_copy(domain.state), domain.rev);
    }
}

bool
state_record_read(const char *snapshot, const struct replica_rules *rules,
    struct replica *replica, int64_t *written)
{
    char name[PATH_MAX + 16];
    struct stat status;
    uint64_t newest = 0;
    bool taken = false;
    int fd;

    write_name(snapshot, "", name);
    fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    for (off_t i = 0; i < 2 && fstat(fd, &status) == 0; i++) {
        off_t at = i * (status.st_size / 2);
        struct half half = read_header(fd, at);
        struct snapshot_extra extra = {.written = 0};
        struct replica *record = NULL;

        if (half.number > newest)
            record = read_half(fd, at, half.length, rules, &extra);
        if (record != NULL && extra.written > *written) {
            copy_domains(record, replica);
            newest = half.number;
            taken = true;
            *written = extra.written;
        }
        replica_free(record);
    }
    close(fd);
    return taken;
}
