#include "policyd/cutover/log_rotated.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shared/base/allocate.h"
#include "shared/base/hash.h"
#include "shared/base/octet.h"

enum { FILES_MAX = 10000, FIRST_LINE_MAX = 128 << 10 };

struct found {
    char *path;
    struct timespec written;
};

static bool
is_digits(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!octet_is_digit(text.data[i]))
            return false;
    }
    return text.length > 0;
}

/* ".1", "-20261129", ".20261129-041500", each perhaps with ".gz" behind it. */
static bool
is_rotation(struct span ending)
{
    struct span date;

    if (span_ends(ending, SPAN(".gz")))
        ending = span_first(ending, ending.length - 3);
    if (ending.length < 2)
        return false;
    date = span_from(ending, 1);
    if (ending.data[0] == '-')
        return is_digits(date) && date.length >= 8;
    if (ending.data[0] != '.')
        return false;
    if (is_digits(date))
        return true;
    return date.length == 15 && date.data[8] == '-' && is_digits(span_first(date, 8)) &&
           is_digits(span_from(date, 9));
}

static int
compare_found(const void *left, const void *right)
{
    const struct found *a = left;
    const struct found *b = right;

    if (a->written.tv_sec != b->written.tv_sec)
        return a->written.tv_sec < b->written.tv_sec ? -1 : 1;
    if (a->written.tv_nsec != b->written.tv_nsec)
        return a->written.tv_nsec < b->written.tv_nsec ? -1 : 1;
    return strcmp(a->path, b->path);
}

static char *
join(struct span folder, const char *name)
{
    char *path = allocated(malloc(folder.length + strlen(name) + 1));

    memcpy(path, folder.data, folder.length);
    memcpy(path + folder.length, name, strlen(name) + 1);
    return path;
}

void
log_rotated_find(struct log_rotated *rotated, const char *path)
{
    struct span whole = span_of(path);
    size_t slash = span_find_last(whole, '/');
    struct span folder = slash == SPAN_NONE ? SPAN("./") : span_first(whole, slash + 1);
    struct span name = slash == SPAN_NONE ? whole : span_from(whole, slash + 1);
    struct found *found = allocate_array(FILES_MAX, sizeof(*found));
    char *folder_path = join(folder, "");
    DIR *directory = opendir(folder_path);
    struct dirent *entry;
    size_t count = 0;

    *rotated = (struct log_rotated){.count = 0};
    while (
        directory != NULL && count < FILES_MAX && (entry = readdir(directory)) != NULL) {
        struct stat status;

        if (!span_starts(span_of(entry->d_name), name) ||
            !is_rotation(span_from(span_of(entry->d_name), name.length)))
            continue;
        found[count].path = join(folder, entry->d_name);
        if (stat(found[count].path, &status) == 0 && S_ISREG(status.st_mode))
            found[count++].written = status.st_mtim;
        else
            free(found[count].path);
    }
    if (directory != NULL)
        (void)closedir(directory);
    free(folder_path);
    if (count > 0) {
        qsort(found, count, sizeof(*found), compare_found);
        rotated->paths = allocate_array(count, sizeof(*rotated->paths));
    }
    for (size_t i = 0; i < count; i++)
        rotated->paths[rotated->count++] = found[i].path;
    free(found);
}

void
log_rotated_clear(struct log_rotated *rotated)
{
    for (size_t i = 0; i < rotated->count; i++)
        free(rotated->paths[i]);
    free(rotated->paths);
    *rotated = (struct log_rotated){.count = 0};
}

static uint64_t
digest_of(struct span line)
{
    static const struct hash_key key = {0x6c6f672d66697273, 0x742d6c696e652121};
    uint64_t digest = hash_of(line, key);

    /* 0 stands for none. */
    return digest == 0 ? 1 : digest;
}

bool
log_identity_read(const char *path, struct log_identity *identity)
{
    char *line = allocate(FIRST_LINE_MAX);
    gzFile file = gzopen(path, "rb");
    struct stat status;
    int length = 0;

    *identity = (struct log_identity){.digest = 0};
    /* gzread gives what isn't compressed as it is. */
    if (file == NULL || stat(path, &status) != 0) {
        free(line);
        if (file != NULL)
            (void)gzclose(file);
        return false;
    }
    identity->device = (uint64_t)status.st_dev;
    identity->inode = (uint64_t)status.st_ino;
    length = gzread(file, line, FIRST_LINE_MAX);
    (void)gzclose(file);
    if (length > 0) {
        struct span text = span_make(line, (size_t)length);
        size_t end = span_find(text, '\n');

        if (end != SPAN_NONE || length == FIRST_LINE_MAX)
            identity->digest = digest_of(span_first(text, end));
    }
    free(line);
    return true;
}

bool
log_identity_matches(const struct log_identity *left, const struct log_identity *right)
{
    if (left->digest != 0 || right->digest != 0)
        return left->digest == right->digest;
    return left->device == right->device && left->inode == right->inode;
}
