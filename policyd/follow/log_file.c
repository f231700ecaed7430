#include "policyd/follow/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "policyd/follow/log_earlier.h"
#include "policyd/maillog/maillog_line.h"
#include "shared/base/allocate.h"
#include "shared/base/number.h"
#include "shared/service/clock.h"

enum {
    STEP = 64 << 10,
    FIRST_LOOK = 4096,
    PASSED_AT_ONCE = 64 << 20, /* octets of a .gz, on the way to where it was left */
    TEXT_MAX = 800,
    QUIET_SECONDS = 2, /* so long after its last line a renamed file may get another */
    MISSING_MS = 5000, /* longer than a rotation leaves FILE without a name */
};

struct log_file {
    char path[LOG_PATH_MAX];
    gzFile stream; /* plain files come through it as they are; NULL: none is open */
    int fd;        /* of the stream, which closes it */
    char reading[LOG_PATH_MAX]; /* the name of what is open, when it was opened */
    bool is_current;            /* it is FILE itself */
    bool is_compressed;
    struct log_identity identity;
    uint64_t offset;    /* of the line after the last one given */
    bool is_cut;        /* there stands the rest of a line too long, to be passed over */
    uint64_t ahead;     /* octets of a .gz still to be passed over */
    struct buffer text; /* read and not given */
    size_t given;       /* of `text`, to be consumed */
    char trouble[TEXT_MAX];
    char gap[TEXT_MAX];
    uint64_t missing_ms; /* since when FILE is not there, steady clock; 0: it is */
    bool has_position;   /* identity and offset are of a file that was read */
    int64_t saved_at;    /* when the position was saved, 0: not known */
};

/* --- position --- */

static void
read_position(struct log_file *file, struct span position)
{
    uint64_t numbers[6] = {0};
    size_t count = 0;
    struct span word;

    while (count < 6 && span_word(&position, &word)) {
        if (!number_unsigned(word, UINT64_MAX, &numbers[count]))
            return;
        count++;
    }
    if (count < 5)
        return;
    file->identity = (struct log_identity){numbers[0], numbers[1], numbers[2]};
    file->offset = numbers[3];
    file->is_cut = numbers[4] != 0;
    file->saved_at = (int64_t)(numbers[5] & INT64_MAX);
    file->has_position = true;
}

void
log_file_position(const struct log_file *file, struct buffer *out)
{
    if (!file->has_position)
        return;
    buffer_printf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %d %" PRId64,
        file->identity.device, file->identity.inode, file->identity.digest, file->offset,
        file->is_cut, (int64_t)time(NULL));
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

void
log_file_free(struct log_file *file)
{
    if (file == NULL)
        return;
    if (file->stream != NULL)
        (void)gzclose(file->stream);
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

static bool
tell_trouble(struct log_file *file, const char *path, int why)
{
    if (why == EACCES)
        (void)snprintf(file->trouble, sizeof(file->trouble),
            "%.200s can't be read: %s (setfacl -m g:adm:r %.100s, or a default ACL on "
            "its "
            "folder, since a rotation makes it anew)",
            path, strerror(why), path);
    else if (why == ESPIPE)
        (void)snprintf(file->trouble, sizeof(file->trouble),
            "%.300s can't be read: it is a pipe or a device, no file (log = - reads "
            "standard input)",
            path);
    else
        (void)snprintf(file->trouble, sizeof(file->trouble), "%.300s can't be read: %s",
            path, strerror(why));
    return false;
}

/* False: what was open stays so. */
static bool
open_at(struct log_file *file, const char *path, uint64_t offset)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool is_compressed = span_ends(span_of(path), SPAN(".gz"));
    struct log_identity identity;
    gzFile stream = NULL;
    int why;

    if (fd >= 0 && log_identity_of(fd, &identity) &&
        (is_compressed || lseek(fd, (off_t)offset, SEEK_SET) >= 0))
        stream = gzdopen(fd, "rb");
    if (stream == NULL) {
        why = errno;
        if (fd >= 0)
            (void)close(fd);
        return tell_trouble(file, path, why);
    }
    if (file->stream != NULL)
        (void)gzclose(file->stream);
    file->stream = stream;
    file->fd = fd;
    file->is_compressed = is_compressed;
    file->ahead = is_compressed ? offset : 0;
    file->trouble[0] = '\0';
    (void)snprintf(file->reading, sizeof(file->reading), "%s", path);
    file->is_current = strcmp(path, file->path) == 0;
    file->identity = identity;
    file->is_cut = file->is_cut && offset > 0 && offset == file->offset;
    file->offset = offset;
    file->has_position = true;
    file->given = 0;
    buffer_reset(&file->text);
    return true;
}

/* FILE was truncated, or another file has its name. */
static bool
go_on_elsewhere(struct log_file *file, const char *what)
{
    char path[LOG_PATH_MAX];

    switch (log_earlier_find(file->path, &file->identity, file->offset, true, path)) {
    case LOG_EARLIER_FOUND:
        return open_at(file, path, file->offset);
    case LOG_EARLIER_SHORT:
        return open_at(file, path, 0);
    case LOG_EARLIER_NONE:
    default:
        /* What followed it may be there. */
        log_earlier_since(file->path, file->saved_at, path);
        if (!open_at(file, path, 0))
            return false;
        (void)snprintf(file->gap, sizeof(file->gap), "%s", what);
        return true;
    }
}

/* From where it was left. */
static bool
find_again(struct log_file *file)
{
    struct log_identity now;
    char earlier[LOG_PATH_MAX];
    char what[TEXT_MAX];

    if (!log_identity_read(file->path, &now)) {
        if (errno == ENOENT && log_earlier_find(file->path, &file->identity, file->offset,
                                   true, earlier) == LOG_EARLIER_FOUND)
            return open_at(file, earlier, file->offset);
        return tell_trouble(file, file->path, errno == 0 ? ENOENT : errno);
    }
    /* Where all files begin alike, the one that was read is known by its inode. */
    if (!log_identity_is(&now, &file->identity) &&
        log_earlier_find(file->path, &file->identity, file->offset, false, earlier) ==
            LOG_EARLIER_FOUND)
        return open_at(file, earlier, file->offset);
    if (log_identity_matches(&now, &file->identity) &&
        log_earlier_has_octets(file->path, file->offset))
        return open_at(file, file->path, file->offset);
    (void)snprintf(what, sizeof(what),
        "what was read last, up to octet %" PRIu64 ", is neither %.200s nor one of its "
        "rotated files",
        file->offset, file->path);
    return go_on_elsewhere(file, what);
}

static bool
open_next(struct log_file *file)
{
    char path[LOG_PATH_MAX];

    log_earlier_behind(file->path, &file->identity, file->fd, path);
    return open_at(file, path, 0);
}

/* --- at the end of what is open --- */

/* Who writes it may not yet know that it has another name. */
static bool
is_quiet(const struct log_file *file)
{
    struct stat status;
    time_t now = time(NULL);

    return file->is_compressed || fstat(file->fd, &status) != 0 ||
           status.st_mtime + QUIET_SECONDS < now || status.st_mtime > now + QUIET_SECONDS;
}

static bool
leave_rotated(struct log_file *file)
{
    int error = Z_OK;

    if (!is_quiet(file))
        return false;
    (void)gzerror(file->stream, &error);
    if (error != Z_OK && error != Z_STREAM_END)
        (void)snprintf(file->gap, sizeof(file->gap),
            "%.200s is damaged: what follows octet %" PRIu64 " can't be read",
            file->reading, file->offset);
    return open_next(file);
}

/* It can't be read, or is between two names; but not for long: then what is logged now is
 * not known. */
static void
is_missing(struct log_file *file, int why)
{
    uint64_t now_ms = clock_now_ms();

    if (file->missing_ms == 0)
        file->missing_ms = now_ms;
    if (why != ENOENT || now_ms >= file->missing_ms + MISSING_MS)
        (void)tell_trouble(file, file->path, why);
}

/* FILE is another one now, by rename or by truncation: true when there is more to read.
 */
static bool
follow_rotation(struct log_file *file)
{
    struct log_identity now;
    char what[TEXT_MAX];

    if (!file->is_current)
        return leave_rotated(file);
    if (!log_identity_read(file->path, &now)) {
        is_missing(file, errno);
        return false;
    }
    file->trouble[0] = '\0';
    file->missing_ms = 0;
    if (now.device != file->identity.device || now.inode != file->identity.inode) {
        file->is_current = false;
        return leave_rotated(file);
    }
    /* The first line came after it was opened. */
    if (file->identity.digest == 0 && file->offset == 0)
        file->identity.digest = now.digest;
    if (log_identity_matches(&now, &file->identity) &&
        log_earlier_has_octets(file->path, file->offset))
        return false;
    (void)snprintf(what, sizeof(what),
        "%.200s was truncated, and no copy of it holds what followed octet %" PRIu64,
        file->path, file->offset);
    return go_on_elsewhere(file, what);
}

/* --- octets --- */

/* False: not yet there. */
static bool
pass_ahead(struct log_file *file)
{
    static char passed[STEP];

    for (size_t octets = 0; file->ahead > 0 && octets < PASSED_AT_ONCE; octets += STEP) {
        unsigned step = file->ahead < STEP ? (unsigned)file->ahead : STEP;
        int count = gzread(file->stream, passed, step);

        if (count <= 0)
            file->ahead = 0; /* it has no more: its end is met next */
        else
            file->ahead -= (uint64_t)count;
    }
    return file->ahead == 0;
}

/* False: it was truncated since it was opened, whatever has been written to it then. */
static bool
begins_as_before(const struct log_file *file)
{
    static char first[MAILLOG_LINE_MAX];
    size_t wanted = FIRST_LOOK;
    ssize_t count;
    size_t end;

    for (;; wanted = sizeof(first)) {
        count = pread(file->fd, first, wanted, 0);
        end = count > 0 ? span_find(span_make(first, (size_t)count), '\n') : SPAN_NONE;
        if (end != SPAN_NONE || (size_t)count < wanted || wanted == sizeof(first))
            break;
    }
    if (count < 0 || (end == SPAN_NONE && (size_t)count < sizeof(first)))
        return false;
    return log_identity_digest(span_first(span_make(first, (size_t)count), end)) ==
           file->identity.digest;
}

/* What was read counts only if the file is still the same behind it: else it may be what
 * now stands where we were. */
static bool
read_more(struct log_file *file)
{
    int count;

    buffer_consume(&file->text, file->given);
    file->given = 0;
    if (!buffer_reserve(&file->text, STEP))
        return false;
    if (!file->is_compressed)
        gzclearerr(file->stream); /* the end is not for ever */
    count = gzread(file->stream, file->text.data + file->text.length, STEP);
    if (count <= 0 ||
        (!file->is_compressed && file->identity.digest != 0 && !begins_as_before(file)))
        return false;
    file->text.length += (size_t)count;
    return true;
}

/* --- lines --- */

static void
give(struct log_file *file, size_t octets)
{
    file->given += octets;
    file->offset += octets;
}

/* A file's first line says what it is known by, as soon as there is one. */
static void
know_by(struct log_file *file, struct span line)
{
    if (file->offset == 0 && file->identity.digest == 0 && line.length < MAILLOG_LINE_MAX)
        file->identity.digest = log_identity_digest(line);
}

/* `is_last`: no more comes, so what has no end of line is a line as well. */
static bool
take_line(struct log_file *file, bool is_last, struct span *line)
{
    for (;;) {
        struct span rest = span_from(buffer_span(&file->text), file->given);
        size_t end = span_find(rest, '\n');
        bool was_cut = file->is_cut;

        *line = span_first(rest, end);
        if (end != SPAN_NONE) {
            know_by(file, *line);
            give(file, end + 1);
            file->is_cut = false;
        } else if (rest.length >= MAILLOG_LINE_MAX || (is_last && rest.length > 0)) {
            give(file, rest.length);
            file->is_cut = !is_last;
        } else {
            return false;
        }
        if (was_cut)
            continue;
        return true;
    }
}

bool
log_file_next(struct log_file *file, struct span *line)
{
    if (file->stream == NULL &&
        !(file->has_position ? find_again(file) : open_at(file, file->path, 0)))
        return false;
    for (;;) {
        if (!pass_ahead(file))
            return false;
        if (take_line(file, false, line))
            return true;
        if (read_more(file))
            continue;
        if (!file->is_current && is_quiet(file) && take_line(file, true, line))
            return true;
        if (!follow_rotation(file))
            return false;
    }
}
