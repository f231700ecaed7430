#include "policyd/cutover/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policyd/cutover/log_rotated.h"
#include "policyd/maillog/maillog_line.h"
#include "shared/base/allocate.h"
#include "shared/base/number.h"

enum { STEP = 64 << 10, TEXT_MAX = 800, PATH_LENGTH_MAX = 4096 };

struct log_file {
    char path[PATH_LENGTH_MAX];
    gzFile stream; /* plain files come through it as they are; NULL: none is open */
    char reading[PATH_LENGTH_MAX]; /* the file that is open */
    bool is_current;               /* it is FILE itself */
    struct log_identity identity;  /* of it */
    uint64_t offset;               /* of the line after the last one given */
    struct buffer text;            /* read and not given */
    size_t given;                  /* of `text`, to be consumed */
    bool is_cut;                   /* the rest of a line too long is passed over */
    char trouble[TEXT_MAX];
    char gap[TEXT_MAX];
    bool has_position; /* where it was left, not yet found again */
};

/* --- position --- */

static void
read_position(struct log_file *file, struct span position)
{
    uint64_t numbers[4];
    size_t count = 0;
    struct span word;

    while (count < 4 && span_word(&position, &word)) {
        if (!number_unsigned(word, UINT64_MAX, &numbers[count]))
            return;
        count++;
    }
    if (count < 4)
        return;
    file->identity = (struct log_identity){numbers[0], numbers[1], numbers[2]};
    file->offset = numbers[3];
    file->has_position = true;
}

void
log_file_position(const struct log_file *file, struct buffer *out)
{
    buffer_printf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
        file->identity.device, file->identity.inode, file->identity.digest, file->offset);
}

struct log_file *
log_file_new(const char *path, struct span position)
{
    struct log_file *file = allocate(sizeof(*file));

    (void)snprintf(file->path, sizeof(file->path), "%s", path);
    buffer_init(&file->text, MAILLOG_LINE_MAX + STEP);
    read_position(file, position);
    return file;
}

static void
close_stream(struct log_file *file)
{
    if (file->stream != NULL)
        (void)gzclose(file->stream);
    file->stream = NULL;
}

void
log_file_free(struct log_file *file)
{
    if (file == NULL)
        return;
    close_stream(file);
    buffer_clear(&file->text);
    free(file);
}

const char *
log_file_trouble(const struct log_file *file)
{
    return file->trouble;
}

const char *
log_file_take_gap(struct log_file *file)
{
    static char taken[TEXT_MAX];

    memcpy(taken, file->gap, sizeof(taken));
    file->gap[0] = '\0';
    return taken;
}

/* --- opening --- */

static void
tell_trouble(struct log_file *file, const char *path)
{
    int why = errno;

    if (why == EACCES)
        (void)snprintf(file->trouble, sizeof(file->trouble),
            "%.200s can't be read: %s (setfacl -m g:adm:r %.100s, or a default ACL on "
            "its "
            "folder, since a rotation makes it anew)",
            path, strerror(why), path);
    else
        (void)snprintf(file->trouble, sizeof(file->trouble), "%.300s can't be read: %s",
            path, strerror(why));
}

static bool
open_at(struct log_file *file, const char *path, uint64_t offset, bool is_current)
{
    struct log_identity identity;

    close_stream(file);
    errno = 0;
    file->stream = gzopen(path, "rb");
    if (file->stream == NULL || !log_identity_read(path, &identity)) {
        tell_trouble(file, path);
        close_stream(file);
        return false;
    }
    if (offset > 0 && gzseek(file->stream, (z_off_t)offset, SEEK_SET) < 0) {
        tell_trouble(file, path);
        close_stream(file);
        return false;
    }
    file->trouble[0] = '\0';
    (void)snprintf(file->reading, sizeof(file->reading), "%s", path);
    file->is_current = is_current;
    file->identity = identity;
    file->offset = offset;
    file->has_position = true;
    file->is_cut = false;
    file->given = 0;
    buffer_reset(&file->text);
    return true;
}

static bool
has_octets(const char *path, uint64_t offset)
{
    struct stat status;

    /* Of a compressed one the size says nothing; that it is a rotation says enough. */
    return span_ends(span_of(path), SPAN(".gz")) ||
           (stat(path, &status) == 0 && (uint64_t)status.st_size >= offset);
}

/* Among the earlier files; the latest that fits, since a copy may have been copied. */
static bool
find_earlier(const struct log_file *file, char path[PATH_LENGTH_MAX])
{
    struct log_rotated rotated;
    bool found = false;

    log_rotated_find(&rotated, file->path);
    for (size_t i = rotated.count; i > 0 && !found; i--) {
        struct log_identity identity;

        if (!log_identity_read(rotated.paths[i - 1], &identity) ||
            !log_identity_matches(&identity, &file->identity) ||
            !has_octets(rotated.paths[i - 1], file->offset))
            continue;
        (void)snprintf(path, PATH_LENGTH_MAX, "%s", rotated.paths[i - 1]);
        found = true;
    }
    log_rotated_clear(&rotated);
    return found;
}

/* From where it was left. */
static bool
find_again(struct log_file *file)
{
    struct log_identity now;
    char earlier[PATH_LENGTH_MAX];
    bool is_there = log_identity_read(file->path, &now);

    if (is_there && log_identity_matches(&now, &file->identity) &&
        has_octets(file->path, file->offset))
        return open_at(file, file->path, file->offset, true);
    if (find_earlier(file, earlier))
        return open_at(file, earlier, file->offset, false);
    if (!is_there) {
        errno = errno == 0 ? ENOENT : errno;
        tell_trouble(file, file->path);
        return false;
    }
    (void)snprintf(file->gap, sizeof(file->gap),
        "the file that was read last, up to octet %" PRIu64 ", is not among the rotated "
        "ones of %.200s",
        file->offset, file->path);
    return open_at(file, file->path, 0, true);
}

/* The one that was written after the file that is open: the next rotated, or FILE. */
static bool
open_next(struct log_file *file)
{
    struct log_rotated rotated;
    char next[PATH_LENGTH_MAX];
    bool is_current = true;

    (void)snprintf(next, sizeof(next), "%s", file->path);
    log_rotated_find(&rotated, file->path);
    for (size_t i = 0; i < rotated.count; i++) {
        if (strcmp(rotated.paths[i], file->reading) == 0 && i + 1 < rotated.count) {
            (void)snprintf(next, sizeof(next), "%s", rotated.paths[i + 1]);
            is_current = false;
        }
    }
    log_rotated_clear(&rotated);
    return open_at(file, next, 0, is_current);
}

/* --- at the end of what is open --- */

/* FILE is another one now, by rename or by truncation: true when there is more to read.
 */
static bool
follow_rotation(struct log_file *file)
{
    struct log_identity now;
    struct stat status;
    char earlier[PATH_LENGTH_MAX];

    if (!file->is_current)
        return open_next(file);
    if (stat(file->path, &status) != 0)
        return false; /* between two names */
    if (!log_identity_read(file->path, &now)) {
        tell_trouble(file, file->path);
        return false;
    }
    if (now.device == file->identity.device && now.inode == file->identity.inode) {
        /* The first line came after it was opened. */
        if (file->identity.digest == 0)
            file->identity.digest = now.digest;
        if (now.digest == file->identity.digest &&
            (uint64_t)status.st_size >= file->offset)
            return false;
        /* Copied and truncated: what was not read is in the copy. */
        if (find_earlier(file, earlier))
            return open_at(file, earlier, file->offset, false);
        (void)snprintf(file->gap, sizeof(file->gap),
            "%.200s was truncated, and no copy of it holds what followed octet %" PRIu64,
            file->path, file->offset);
        return open_at(file, file->path, 0, true);
    }
    /* Renamed: the name it has now says which comes next. */
    if (find_earlier(file, earlier))
        (void)snprintf(file->reading, sizeof(file->reading), "%s", earlier);
    file->is_current = false;
    return open_next(file);
}

static bool
read_more(struct log_file *file)
{
    int count;

    buffer_consume(&file->text, file->given);
    file->given = 0;
    if (!buffer_reserve(&file->text, STEP))
        return false;
    count = gzread(file->stream, file->text.data + file->text.length, STEP);
    if (count <= 0) {
        gzclearerr(file->stream); /* the end is not for ever */
        return false;
    }
    file->text.length += (size_t)count;
    return true;
}

/* --- lines --- */

static bool
take_line(struct log_file *file, struct span *line)
{
    struct span rest = span_from(buffer_span(&file->text), file->given);
    size_t end = span_find(rest, '\n');

    if (end == SPAN_NONE && rest.length < MAILLOG_LINE_MAX)
        return false;
    *line = span_first(rest, end);
    if (end == SPAN_NONE) {
        /* Too long: its start is the line, the rest is passed over. */
        file->given += rest.length;
        file->offset += rest.length;
        if (file->is_cut)
            line->length = 0;
        file->is_cut = true;
        return true;
    }
    file->given += end + 1;
    file->offset += end + 1;
    if (file->is_cut)
        line->length = 0;
    file->is_cut = false;
    if (line->length > 0 && line->data[line->length - 1] == '\r')
        line->length--;
    return true;
}

bool
log_file_next(struct log_file *file, struct span *line)
{
    if (file->stream == NULL &&
        !(file->has_position ? find_again(file) : open_at(file, file->path, 0, true)))
        return false;
    for (;;) {
        if (take_line(file, line))
            return true;
        if (read_more(file))
            continue;
        if (file->stream == NULL || !follow_rotation(file))
            return false;
    }
}

uint64_t
log_file_behind(const struct log_file *file)
{
    struct stat status;

    if (!file->is_current || stat(file->path, &status) != 0 ||
        (uint64_t)status.st_size <= file->offset)
        return 0;
    return (uint64_t)status.st_size - file->offset;
}
