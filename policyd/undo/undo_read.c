#include "policyd/undo/undo_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/undo/undo_folder.h"
#include "shared/base/allocate.h"

enum { ARENA_MAX = 16 << 20 };

struct undo_reader {
    int folder;
    uint8_t key[COPIES_KEY_SIZE];
    int64_t from_ms;
    struct undo_files files;
    size_t next_file;
    int fd; /* -1: none is open */
    struct copies_seal *seal;
    uint64_t place;
    uint64_t number;
    uint64_t message; /* of the entry given last */
    bool is_closed;   /* the file's last record was met */
    struct buffer plain;
    struct arena *arena;
    struct undo_coverage coverage;
};

static void
close_file(struct undo_reader *reader)
{
    if (reader->fd >= 0)
        (void)close(reader->fd);
    copies_seal_free(reader->seal);
    reader->fd = -1;
    reader->seal = NULL;
}

/* Its begin and its first record; CUT where it has none yet. */
static enum undo_record
open_file(struct undo_reader *reader, const struct copies_file *file)
{
    char octets[COPIES_BEGIN_SIZE];
    char name[COPIES_NAME_SIZE];
    struct copies_begin begin;
    struct copies_span span;
    struct copies_head head;
    enum undo_record result;

    copies_name_write(&file->name, name);
    reader->fd = openat(reader->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (reader->fd < 0 || !undo_read_at(reader->fd, 0, octets, sizeof(octets)))
        return UNDO_RECORD_CUT;
    if (!copies_begin_read(span_make(octets, sizeof(octets)), &begin))
        return UNDO_RECORD_FOREIGN;
    reader->seal = copies_seal_new(reader->key, &begin);
    buffer_reset(&reader->plain);
    result = undo_record_read(
        reader->fd, COPIES_BEGIN_SIZE, reader->seal, &head, &reader->plain);
    if (result != UNDO_RECORD_READ)
        return result;
    if (head.kind != COPIES_OPEN || head.number != 0 ||
        !copies_span_read(buffer_span(&reader->plain), &span))
        return UNDO_RECORD_FOREIGN;
    reader->place = COPIES_BEGIN_SIZE + copies_record_size(&head);
    reader->number = 1;
    reader->is_closed = false;
    reader->coverage.refused += span.refused;
    if (reader->coverage.since_ms == 0)
        reader->coverage.since_ms = span.time_ms;
    return UNDO_RECORD_READ;
}

static void
give_up_file(struct undo_reader *reader, enum undo_record result)
{
    /* The newest one is being written, perhaps. */
    if (result == UNDO_RECORD_FOREIGN)
        reader->coverage.foreign++;
    else if (!reader->is_closed && reader->next_file < reader->files.count)
        reader->coverage.cut++;
    close_file(reader);
}

/* The next record that is an entry; else what ended the file. */
static enum undo_record
next_entry(struct undo_reader *reader, struct copies_entry *entry)
{
    struct copies_head head;
    enum undo_record result;

    for (;;) {
        result = undo_record_head(reader->fd, reader->place, &head);
        if (result != UNDO_RECORD_READ)
            return result;
        if (head.number != reader->number)
            return UNDO_RECORD_FOREIGN;
        if (head.kind != COPIES_CHUNK) {
            buffer_reset(&reader->plain);
            result = undo_record_read(
                reader->fd, reader->place, reader->seal, &head, &reader->plain);
            if (result != UNDO_RECORD_READ)
                return result;
        }
        reader->place += copies_record_size(&head);
        reader->number++;
        reader->is_closed = head.kind == COPIES_CLOSE;
        if (head.kind != COPIES_ENTRY)
            continue;
        reader->message = head.message;
        arena_reset(reader->arena);
        return copies_entry_read(buffer_span(&reader->plain), entry, reader->arena)
                   ? UNDO_RECORD_READ
                   : UNDO_RECORD_FOREIGN;
    }
}

bool
undo_reader_next(struct undo_reader *reader, struct copies_entry *entry)
{
    for (;;) {
        const struct copies_file *file;
        enum undo_record result;

        if (reader->fd >= 0) {
            result = next_entry(reader, entry);
            if (result == UNDO_RECORD_READ) {
                reader->coverage.copies++;
                if (entry->time_ms > reader->coverage.until_ms)
                    reader->coverage.until_ms = entry->time_ms;
                return true;
            }
            give_up_file(reader, result);
        }
        if (reader->next_file == reader->files.count)
            return false;
        file = &reader->files.items[reader->next_file++];
        if ((file->name.hour + COPIES_HOUR_S) * 1000 < reader->from_ms)
            continue;
        result = open_file(reader, file);
        if (result != UNDO_RECORD_READ)
            give_up_file(reader, result);
    }
}

bool
undo_reader_chunk(struct undo_reader *reader, const struct copies_entry *entry, size_t at,
    struct buffer *out)
{
    struct copies_head head;

    return undo_record_read(reader->fd, entry->chunks[at], reader->seal, &head, out) ==
               UNDO_RECORD_READ &&
           head.kind == COPIES_CHUNK && head.message == reader->message;
}

const struct undo_coverage *
undo_reader_coverage(const struct undo_reader *reader)
{
    return &reader->coverage;
}

/* Whether any file is of this key, or there is none; and since when there are copies. */
static bool
check_key(struct undo_reader *reader, const char *folder, struct error *error)
{
    bool has_foreign = false;

    for (size_t i = 0; i < reader->files.count; i++) {
        enum undo_record result = open_file(reader, &reader->files.items[i]);
        struct undo_coverage *coverage = &reader->coverage;

        close_file(reader);
        coverage->refused = 0;
        if (result == UNDO_RECORD_READ)
            return true;
        has_foreign = has_foreign || result == UNDO_RECORD_FOREIGN;
    }
    return !has_foreign ||
           error_permanent(error,
               "undo_key is not the key that the copies in %s were written by", folder);
}

struct undo_reader *
undo_reader_open(const char *folder, const uint8_t key[COPIES_KEY_SIZE], int64_t from_ms,
    struct error *error)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct undo_reader *reader;

    if (fd < 0) {
        (void)error_permanent(error, "undo_folder %s: %s", folder, strerror(errno));
        return NULL;
    }
    reader = allocate(sizeof(*reader));
    reader->folder = fd;
    reader->fd = -1;
    reader->from_ms = from_ms;
    memcpy(reader->key, key, sizeof(reader->key));
    buffer_init(&reader->plain, COPIES_PLAIN_MAX);
    reader->arena = arena_new(ARENA_MAX);
    if (!undo_files_read(fd, &reader->files, error) ||
        !check_key(reader, folder, error)) {
        undo_reader_close(reader);
        return NULL;
    }
    reader->coverage.files = reader->files.count;
    for (size_t i = 0; i < reader->files.count; i++)
        reader->coverage.octets += reader->files.items[i].size;
    return reader;
}

void
undo_reader_close(struct undo_reader *reader)
{
    if (reader == NULL)
        return;
    close_file(reader);
    undo_files_clear(&reader->files);
    buffer_clear(&reader->plain);
    arena_free(reader->arena);
    explicit_bzero(reader->key, sizeof(reader->key));
    (void)close(reader->folder);
    free(reader);
}
