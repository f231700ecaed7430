#include "policyd/undo/undo_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "shared/base/allocate.h"

enum { RECORD_MAX = COPIES_PLAIN_MAX + COPIES_HEAD_SIZE + COPIES_TAG_SIZE };

static bool
fail(struct undo_file *file, struct error *error)
{
    int failed = errno;

    file->has_failed = true;
    (void)!ftruncate(file->fd, (off_t)file->place);
    return error_temporary(error, "undo_folder: can't be written: %s", strerror(failed));
}

static bool
write_at(int fd, uint64_t place, struct span octets)
{
    size_t done = 0;

    while (done < octets.length) {
        ssize_t count =
            pwrite(fd, octets.data + done, octets.length - done, (off_t)(place + done));

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        done += (size_t)count;
    }
    return true;
}

static bool
write_span(struct undo_file *file, enum copies_kind kind, const struct copies_span *span,
    struct error *error)
{
    struct buffer plain;
    bool done;

    buffer_init(&plain, 64);
    copies_span_write(&plain, span);
    done = undo_file_write(file, kind, 0, buffer_span(&plain), error);
    buffer_clear(&plain);
    return done;
}

/* The name becomes that of the file. */
static int
create(int folder, struct copies_name *name)
{
    int fd = -1;

    for (; fd < 0 && name->part <= COPIES_PARTS_MAX; name->part++) {
        char text[COPIES_NAME_SIZE];

        copies_name_write(name, text);
        fd = openat(
            folder, text, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0 || errno != EEXIST)
            break;
    }
    return fd;
}

static bool
make_begin(struct undo_file *file, const uint8_t key[COPIES_KEY_SIZE],
    const struct copies_span *span, struct error *error)
{
    struct copies_begin begin = {.hour = file->name.hour};

    if (getrandom(begin.salt, sizeof(begin.salt), 0) != (ssize_t)sizeof(begin.salt))
        return error_temporary(error, "no random octets");
    file->seal = copies_seal_new(key, &begin);
    copies_begin_write(&file->record, &begin);
    if (!write_at(file->fd, 0, buffer_span(&file->record)))
        return fail(file, error);
    file->place = file->record.length;
    return write_span(file, COPIES_OPEN, span, error);
}

struct undo_file *
undo_file_begin(int folder, const struct copies_name *name,
    const uint8_t key[COPIES_KEY_SIZE], const struct copies_span *span,
    struct error *error)
{
    struct copies_name made = *name;
    int fd = create(folder, &made);
    struct undo_file *file;
    char text[COPIES_NAME_SIZE];

    if (fd < 0) {
        (void)error_temporary(
            error, "undo_folder: no file can be made: %s", strerror(errno));
        return NULL;
    }
    file = allocate(sizeof(*file));
    file->name = made;
    file->fd = fd;
    buffer_init(&file->record, RECORD_MAX);
    if (make_begin(file, key, span, error))
        return file;
    copies_name_write(&made, text);
    (void)unlinkat(folder, text, 0);
    undo_file_free(file);
    return NULL;
}

bool
undo_file_write(struct undo_file *file, enum copies_kind kind, uint64_t message,
    struct span plain, struct error *error)
{
    const struct copies_head head = {
        .kind = kind, .number = file->number, .message = message};

    buffer_reset(&file->record);
    copies_seal_write(file->seal, &head, plain, &file->record);
    if (!write_at(file->fd, file->place, buffer_span(&file->record)))
        return fail(file, error);
    file->place += file->record.length;
    file->number++;
    file->is_dirty = true;
    return true;
}

bool
undo_file_sync(struct undo_file *file, struct error *error)
{
    bool done = !file->is_dirty || fdatasync(file->fd) == 0;

    file->is_dirty = false;
    return done || fail(file, error);
}

bool
undo_file_end(struct undo_file *file, const struct copies_span *span, struct error *error)
{
    return write_span(file, COPIES_CLOSE, span, error);
}

void
undo_file_free(struct undo_file *file)
{
    if (file == NULL)
        return;
    (void)fdatasync(file->fd);
    copies_seal_free(file->seal);
    buffer_clear(&file->record);
    (void)close(file->fd);
    free(file);
}
