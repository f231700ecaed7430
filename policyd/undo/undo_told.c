#include "policyd/undo/undo_told.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "policyd/copies/copies_entry.h"
#include "policyd/undo/undo_folder.h"
#include "shared/base/json.h"

void
undo_told_prepare(struct undo_told *told, int folder)
{
    told->fd =
        openat(folder, UNDO_TOLD_NAME, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
}

void
undo_told_write(struct undo_told *told, int folder)
{
    struct buffer out;
    struct json json;

    if (told->fd < 0)
        undo_told_prepare(told, folder);
    if (told->fd < 0)
        return;
    buffer_init(&out, UNDO_TOLD_SIZE);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    json_integer(&json, "since", told->since_ms / 1000);
    json_integer(&json, "time", told->now_ms / 1000);
    json_integer(&json, "bytes", (int64_t)told->octets);
    json_integer(&json, "files", (int64_t)told->files);
    json_integer(&json, "copies", (int64_t)told->copies);
    json_integer(&json, "refused", (int64_t)told->refused);
    json_integer(&json, "refused_at", told->refused_ms / 1000);
    json_object_end(&json);
    while (out.length + 1 < UNDO_TOLD_SIZE)
        buffer_append_octet(&out, ' ');
    buffer_append_octet(&out, '\n');
    (void)!pwrite(told->fd, out.data, out.length, 0);
    buffer_clear(&out);
}

void
undo_told_close(struct undo_told *told)
{
    if (told->fd >= 0)
        (void)close(told->fd);
    told->fd = -1;
}

void
undo_told_look(struct undo_told *told, int folder, const char *name,
    const uint8_t key[COPIES_KEY_SIZE])
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char octets[COPIES_BEGIN_SIZE];
    struct copies_begin begin;
    struct copies_head head;
    struct copies_span span;
    struct copies_seal *seal;
    struct buffer plain;

    if (fd < 0)
        return;
    if (undo_read_at(fd, 0, octets, sizeof(octets)) &&
        copies_begin_read(span_make(octets, sizeof(octets)), &begin)) {
        seal = copies_seal_new(key, &begin);
        buffer_init(&plain, COPIES_PLAIN_MAX);
        if (undo_record_read(fd, COPIES_BEGIN_SIZE, seal, &head, &plain) ==
                UNDO_RECORD_READ &&
            head.kind == COPIES_OPEN && copies_span_read(buffer_span(&plain), &span))
            told->since_ms = span.time_ms;
        buffer_clear(&plain);
        copies_seal_free(seal);
    }
    (void)close(fd);
}
