#include "policyd/follow/log_rotated.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "shared/base/allocate.h"
#include "shared/base/hash.h"

enum { FILES_MAX = 10000, FIRST_LINE_MAX = 128 << 10 };

struct found {
    char *path;
    size_t name; /* where what follows FILE begins */
    struct timespec written;
};

static bool
is_digits(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
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
compare_written(const struct found *a, const struct found *b)
{
    if (a->written.tv_sec != b->written.tv_sec)
        return a->written.tv_sec < b->written.tv_sec ? -1 : 1;
    if (a->written.tv_nsec != b->written.tv_nsec)
        return a->written.tv_nsec < b->written.tv_nsec ? -1 : 1;
    return 0;
}

/* The digits behind FILE's point; 0 where that is a date. */
static unsigned long
rotation_number(const struct found *found)
{
    const char *ending = found->path + found->name;
    size_t digits = ending[0] == '.' ? strspn(ending + 1, "0123456789") : 0;

    return digits > 0 && digits < 8 ? strtoul(ending + 1, NULL, 10) : 0;
}

/* Oldest first: by number or date of the name, which a copy or a restored file keeps; by
 * when they were written where the names are of two kinds. */
static int
compare_found(const void *left, const void *right)
{
    const struct found *a = left;
    const struct found *b = right;
    unsigned long a_number = rotation_number(a);
    unsigned long b_number = rotation_number(b);
    int written = compare_written(a, b);

    if (a_number > 0 && b_number > 0 && a_number != b_number)
        return a_number > b_number ? -1 : 1;
    if (a_number == 0 && b_number == 0 && a->path[a->name] == b->path[b->name])
        return strcmp(a->path, b->path);
    return written != 0 ? written : strcmp(a->path, b->path);
}

static char *
join(struct span folder, const char *name)
{
    char *path = allocate(folder.length + strlen(name) + 1);

    memcpy(path, folder.data, folder.length);
    memcpy(path + folder.length, name, strlen(name) + 1);
    return path;
}

/* What stands beside the .gz that is being made of it is the one to read. */
static void
drop_compressed_twins(struct log_rotated *rotated)
{
    size_t kept = 0;

    for (size_t i = 0; i < rotated->count; i++) {
        struct span path = span_of(rotated->paths[i]);
        bool is_twin = false;

        for (size_t j = 0; j < rotated->count && span_ends(path, SPAN(".gz")); j++)
            is_twin = is_twin ||
                      (rotated->paths[j] != NULL &&
                          span_is(span_first(path, path.length - 3), rotated->paths[j]));
        if (!is_twin)
            continue;
        free(rotated->paths[i]);
        rotated->paths[i] = NULL;
    }
    for (size_t i = 0; i < rotated->count; i++) {
        if (rotated->paths[i] != NULL)
            rotated->paths[kept++] = rotated->paths[i];
    }
    rotated->count = kept;
}

static void
look_at(struct found *found, size_t *count, struct span folder, struct span name,
    const char *entry)
{
    struct stat status;

    if (!span_starts(span_of(entry), name) ||
        !is_rotation(span_from(span_of(entry), name.length)))
        return;
    found[*count].path = join(folder, entry);
    found[*count].name = folder.length + name.length;
    if (stat(found[*count].path, &status) == 0 && S_ISREG(status.st_mode))
        found[(*count)++].written = status.st_mtim;
    else
        free(found[*count].path);
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
    while (directory != NULL && count < FILES_MAX && (entry = readdir(directory)) != NULL)
        look_at(found, &count, folder, name, entry->d_name);
    if (directory != NULL)
        (void)closedir(directory);
    free(folder_path);
    qsort(found, count, sizeof(*found), compare_found);
    rotated->paths = allocate_array(count + 1, sizeof(*rotated->paths));
    for (size_t i = 0; i < count; i++)
        rotated->paths[rotated->count++] = found[i].path;
    free(found);
    drop_compressed_twins(rotated);
}

void
log_rotated_clear(struct log_rotated *rotated)
{
    for (size_t i = 0; i < rotated->count; i++)
        free(rotated->paths[i]);
    free(rotated->paths);
    *rotated = (struct log_rotated){.count = 0};
}

uint64_t
log_identity_digest(struct span first_line)
{
    static const struct hash_key key = {0x6c6f672d66697273, 0x742d6c696e652121};
    uint64_t digest = hash_of(first_line, key);

    /* 0 stands for none. */
    return digest == 0 ? 1 : digest;
}

static uint64_t
read_digest(gzFile file)
{
    char *line = allocate(FIRST_LINE_MAX);
    uint64_t digest = 0;
    int length;

    /* gzread gives what isn't compressed as it is. */
    length = gzread(file, line, FIRST_LINE_MAX);
    if (length > 0) {
        struct span text = span_make(line, (size_t)length);
        size_t end = span_find(text, '\n');

        if (end != SPAN_NONE || length == FIRST_LINE_MAX)
            digest = log_identity_digest(span_first(text, end));
    }
    free(line);
    return digest;
}

bool
log_identity_of(int fd, struct log_identity *identity)
{
    struct stat status;
    gzFile file;
    int other;

    *identity = (struct log_identity){.digest = 0};
    if (fstat(fd, &status) != 0)
        return false;
    if (!S_ISREG(status.st_mode)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : ESPIPE;
        return false;
    }
    other = dup(fd);
    file = other < 0 ? NULL : gzdopen(other, "rb");
    if (file == NULL) {
        if (other >= 0)
            (void)close(other);
        return false;
    }
    if (lseek(fd, 0, SEEK_SET) < 0) {
        (void)gzclose(file);
        return false;
    }
    identity->device = (uint64_t)status.st_dev;
    identity->inode = (uint64_t)status.st_ino;
    identity->digest = read_digest(file);
    (void)gzclose(file);
    return lseek(fd, 0, SEEK_SET) == 0;
}

bool
log_identity_read(const char *path, struct log_identity *identity)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool done = fd >= 0 && log_identity_of(fd, identity);
    int why = errno;

    if (fd >= 0)
        (void)close(fd);
    errno = why;
    return done;
}

bool
log_identity_matches(const struct log_identity *left, const struct log_identity *right)
{
    if (left->digest != 0 && right->digest != 0)
        return left->digest == right->digest;
    return left->device == right->device && left->inode == right->inode;
}

bool
log_identity_is(const struct log_identity *left, const struct log_identity *right)
{
    return left->device == right->device && left->inode == right->inode &&
           left->digest == right->digest;
}
