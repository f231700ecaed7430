#include "policyd/undo/undo_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/allocate.h"

void
undo_files_add(struct undo_files *files, const struct copies_file *file)
{
    files->items =
        allocate_more(files->items, files->count, &files->room, sizeof(*files->items));
    files->items[files->count++] = *file;
}

bool
undo_files_read(int fd, struct undo_files *files, struct error *error)
{
    int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = again < 0 ? NULL : fdopendir(again);
    struct dirent *entry;

    if (folder == NULL) {
        int failed = errno;

        if (again >= 0)
            (void)close(again);
        return error_temporary(error, "undo_folder: %s", strerror(failed));
    }
    files->count = 0;
    while ((entry = readdir(folder)) != NULL && files->count < UNDO_FILES_MAX) {
        struct copies_file file = {.size = 0};
        struct stat status;

        if (!copies_name_read(span_of(entry->d_name), &file.name) ||
            fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(status.st_mode))
            continue;
        file.size = (uint64_t)status.st_size;
        undo_files_add(files, &file);
    }
    (void)closedir(folder);
    if (files->count > 1)
        qsort(files->items, files->count, sizeof(*files->items), copies_file_compare);
    return true;
}

void
undo_files_drop_first(struct undo_files *files, size_t count)
{
    if (count == 0)
        return;
    memmove(files->items, files->items + count,
        (files->count - count) * sizeof(*files->items));
    files->count -= count;
}

void
undo_files_clear(struct undo_files *files)
{
    free(files->items);
    *files = (struct undo_files){.items = NULL};
}

bool
undo_read_at(int fd, uint64_t place, void *octets, size_t length)
{
    size_t got = 0;

    while (got < length) {
        ssize_t count =
            pread(fd, (char *)octets + got, length - got, (off_t)(place + got));

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        got += (size_t)count;
    }
    return true;
}

enum undo_record
undo_record_head(int fd, uint64_t place, struct copies_head *head)
{
    char octets[COPIES_HEAD_SIZE];

    if (!undo_read_at(fd, place, octets, sizeof(octets)))
        return UNDO_RECORD_CUT;
    return copies_head_read(span_make(octets, sizeof(octets)), head)
               ? UNDO_RECORD_READ
               : UNDO_RECORD_FOREIGN;
}

enum undo_record
undo_record_read(int fd, uint64_t place, struct copies_seal *seal,
    struct copies_head *head, struct buffer *plain)
{
    enum undo_record result = undo_record_head(fd, place, head);
    size_t length;
    char *octets;

    if (result != UNDO_RECORD_READ)
        return result;
    length = (size_t)head->length + COPIES_TAG_SIZE;
    octets = allocate(length);
    if (!undo_read_at(fd, place + COPIES_HEAD_SIZE, octets, length))
        result = UNDO_RECORD_CUT;
    else if (!copies_seal_read(seal, head, span_make(octets, length), plain))
        result = UNDO_RECORD_FOREIGN;
    free(octets);
    return result;
}
