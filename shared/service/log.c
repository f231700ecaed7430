#include "shared/service/log.h"

#include "shared/base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

enum {
    LINE_MAX_OCTETS = 4000, /* with all prefixes below PIPE_BUF: lines don't mix */
    ROOM_FOR_CUT = 6,       /* of the mark that something was left out */
};

static const struct {
    const char *prefix; /* what Postfix writes there, too */
    int priority;
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error: ",   LOG_ERR    },
    [LOG_LEVEL_WARNING] = {"warning: ", LOG_WARNING},
    [LOG_LEVEL_INFO] = {"",          LOG_INFO   },
    [LOG_LEVEL_DEBUG] = {"debug: ",   LOG_DEBUG  },
};

static struct {
    const char *program;
    bool to_syslog;
    bool to_journal;
    atomic_int level;
} sink = {.program = NULL, .level = LOG_LEVEL_INFO};

/* A line under construction; what does not fit changes nothing and gives false. */
struct line {
    char *out;
    size_t length;
    size_t ceiling; /* octets of text, the terminator not among them */
    size_t limit;   /* the same with the mark that something was left out */
};

static bool
put(struct line *line, struct span text)
{
    if (text.length > line->ceiling - line->length)
        return false;
    if (text.length > 0)
        memcpy(line->out + line->length, text.data, text.length);
    line->length += text.length;
    return true;
}

static bool
put_text(struct line *line, const char *text)
{
    return put(line, span_of(text));
}

/* In the room that is kept for it. */
static void
put_mark(struct line *line, const char *mark)
{
    line->ceiling = line->limit;
    (void)put_text(line, mark);
}

static bool put_number(struct line *line, const char *format, ...) ATTRIBUTE_PRINTF(2, 3);

static bool
put_number(struct line *line, const char *format, ...)
{
    char digits[48];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(digits, sizeof(digits), format, arguments);
    va_end(arguments);
    return put_text(line, digits);
}

/* Whether the character (one of UTF-8, or one octet of what is not) goes out as it is:
 * terminals obey U+0080 to U+009F as well. */
static bool
is_harmless(struct span character, const char *special)
{
    unsigned char first = (unsigned char)character.data[0];

    if (character.length == 1)
        return first >= 0x20 && first < 0x7f && strchr(special, first) == NULL;
    return first != 0xc2 || (unsigned char)character.data[1] >= 0xa0;
}

/* Text with all that is not harmless as \xNN, up to what fits: gives what did not. */
static struct span
put_escaped(struct line *line, struct span text, const char *special)
{
    bool is_utf8 = utf8_is_valid(text);

    while (text.length > 0) {
        struct span character = span_first(text, is_utf8 ? utf8_length(text) : 1);
        struct line before = *line;
        bool fits = true;

        if (is_harmless(character, special)) {
            fits = put(line, character);
        } else {
            for (size_t i = 0; i < character.length; i++)
                fits = fits && put_number(line, "\\x%02x",
                                   (unsigned)(unsigned char)character.data[i]);
        }
        if (!fits) {
            *line = before;
            break;
        }
        text = span_from(text, character.length);
    }
    return text;
}

static bool
needs_quotes(struct span value)
{
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] != '\0' && strchr(" \t,\"=()", value.data[i]) != NULL)
            return true;
    }
    return value.length == 0;
}

static bool
put_value(struct line *line, struct span value)
{
    const char *quote = needs_quotes(value) ? "\"" : "";

    return put_text(line, quote) && put_escaped(line, value, "\"\\").length == 0 &&
           put_text(line, quote);
}

static bool
put_hundredths(struct line *line, int64_t number)
{
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    const char *sign = number < 0 ? "-" : "";

    if (size % 100 == 0)
        return put_number(line, "%s%" PRIu64, sign, size / 100);
    if (size % 10 == 0)
        return put_number(
            line, "%s%" PRIu64 ".%" PRIu64, sign, size / 100, size / 10 % 10);
    return put_number(line, "%s%" PRIu64 ".%02" PRIu64, sign, size / 100, size % 100);
}

static bool
put_milliseconds(struct line *line, int64_t number)
{
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    return put_number(line, "%s%" PRIu64 ".%03" PRIu64, number < 0 ? "-" : "",
        size / 1000, size % 1000);
}

static bool
put_field(struct line *line, const struct log_field *field)
{
    if (!put_text(line, field->key) || !put_text(line, "="))
        return false;
    switch (field->kind) {
    case LOG_FIELD_TEXT:
        return put_value(line, field->text);
    case LOG_FIELD_ADDRESS:
        return put_text(line, "<") &&
               put_escaped(line, field->text, "\"\\<>").length == 0 &&
               put_text(line, ">");
    case LOG_FIELD_NUMBER:
        return put_number(line, "%" PRId64, field->number);
    case LOG_FIELD_HUNDREDTHS:
        return put_hundredths(line, field->number);
    case LOG_FIELD_MILLISECONDS:
        return put_milliseconds(line, field->number);
    case LOG_FIELD_NOTHING:
    case LOG_FIELD_NOTE:
    case LOG_FIELD_END:
        break;
    }
    return true;
}

/* A note is a sentence: its start is worth more than nothing. */
static void
put_note(struct line *line, struct span note, const char *before)
{
    if (!put_text(line, before) || !put_text(line, "("))
        return;
    if (put_escaped(line, note, "\\").length > 0)
        put_mark(line, "...");
    (void)put_text(line, ")");
}

static bool
put_fields(struct line *line, const struct log_field *fields, bool *any)
{
    for (; fields->kind != LOG_FIELD_END; fields++) {
        struct line before = *line;

        if (fields->kind == LOG_FIELD_NOTHING || fields->kind == LOG_FIELD_NOTE)
            continue;
        if (!put_text(line, *any ? ", " : "") || !put_field(line, fields)) {
            *line = before;
            return false;
        }
        *any = true;
    }
    return true;
}

static struct line
line_on(char *out, size_t size)
{
    size_t ceiling = size - 1 < LINE_MAX_OCTETS ? size - 1 : LINE_MAX_OCTETS;

    return (struct line){
        out, 0, ceiling > ROOM_FOR_CUT ? ceiling - ROOM_FOR_CUT : 0, ceiling};
}

static void
put_head(struct line *line, enum log_level level, const char *queue_id, const char *word)
{
    (void)put_text(line, levels[level].prefix);
    if (queue_id != NULL && queue_id[0] != '\0') {
        (void)put_escaped(line, span_of(queue_id), " :,=\"\\");
        (void)put_text(line, ": ");
    }
    if (word != NULL && word[0] != '\0') {
        (void)put_text(line, word);
        (void)put_text(line, ": ");
    }
}

static size_t
line_end(struct line *line)
{
    while (line->length > 0 && line->out[line->length - 1] == ' ')
        line->length--;
    line->out[line->length] = '\0';
    return line->length;
}

/* One write a line: lines of several threads and processes don't mix.  A reader that is
 * gone, or slow on a pipe that does not block, costs the line and nothing else. */
static void
send_line(enum log_level level, const char *text, size_t length, bool with_name)
{
    int saved_errno = errno;
    char head[80] = "";
    struct iovec parts[3];
    ssize_t written;

    if (sink.to_syslog) {
        syslog(levels[level].priority, "%s", text);
        errno = saved_errno;
        return;
    }
    if (sink.to_journal)
        (void)snprintf(head, sizeof(head), "<%d>", levels[level].priority);
    else if (with_name && sink.program != NULL)
        (void)snprintf(head, sizeof(head), "%.60s[%ld]: ", sink.program, (long)getpid());
    parts[0] = (struct iovec){head, strlen(head)};
    parts[1] = (struct iovec){(void *)(uintptr_t)text, length};
    parts[2] = (struct iovec){(void *)(uintptr_t) "\n", 1};
    do {
        written = writev(STDERR_FILENO, parts, ARRAY_LENGTH(parts));
    } while (written < 0 && errno == EINTR);
    errno = saved_errno;
}

/* JOURNAL_STREAM names device and inode of the journal's stream; it is inherited, so it
 * may not be about our stderr. */
static bool
stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char own[64];
    struct stat status;

    if (stream == NULL || fstat(STDERR_FILENO, &status) != 0)
        return false;
    (void)snprintf(
        own, sizeof(own), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    return span_is(span_of(stream), own);
}

static void say(enum log_level level, const char *format, va_list arguments)
    ATTRIBUTE_PRINTF(2, 0);

static void
say(enum log_level level, const char *format, va_list arguments)
{
    char sentence[LINE_MAX_OCTETS + 1];
    char text[LINE_MAX_OCTETS + 1];
    struct line line = line_on(text, sizeof(text));
    int length = vsnprintf(sentence, sizeof(sentence), format, arguments);

    put_head(&line, level, NULL, NULL);
    if (put_escaped(&line, span_of(sentence), "").length > 0 ||
        length >= (int)sizeof(sentence))
        put_mark(&line, "...");
    send_line(level, text, line_end(&line), true);
}

struct log_field
log_text(const char *key, const char *value)
{
    return value == NULL ? log_nothing() : log_span(key, span_of(value));
}

struct log_field
log_span(const char *key, struct span value)
{
    return (struct log_field){LOG_FIELD_TEXT, key, value, 0};
}

struct log_field
log_address(const char *key, struct span value)
{
    return (struct log_field){LOG_FIELD_ADDRESS, key, value, 0};
}

struct log_field
log_number(const char *key, int64_t value)
{
    return (struct log_field){
        LOG_FIELD_NUMBER, key, {NULL, 0},
          value
    };
}

struct log_field
log_hundredths(const char *key, int64_t value)
{
    return (struct log_field){
        LOG_FIELD_HUNDREDTHS, key, {NULL, 0},
          value
    };
}

struct log_field
log_milliseconds(const char *key, int64_t value)
{
    return (struct log_field){
        LOG_FIELD_MILLISECONDS, key, {NULL, 0},
          value
    };
}

struct log_field
log_note(const char *value)
{
    if (value == NULL || value[0] == '\0')
        return log_nothing();
    return (struct log_field){LOG_FIELD_NOTE, NULL, span_of(value), 0};
}

struct log_field
log_nothing(void)
{
    return (struct log_field){
        LOG_FIELD_NOTHING, NULL, {NULL, 0},
          0
    };
}

void
log_open(const char *program, bool to_syslog, enum log_level level)
{
    sink.program = program;
    sink.to_syslog = to_syslog;
    sink.to_journal = stderr_is_journal();
    log_set_level(level);
    /* Connected while we still may, whatever root or sandbox comes later. */
    if (to_syslog)
        openlog(program, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

void
log_set_level(enum log_level level)
{
    atomic_store(&sink.level, (int)level);
}

bool
log_would(enum log_level level)
{
    return (int)level <= atomic_load(&sink.level);
}

size_t
log_format(char *out, size_t size, enum log_level level, const char *queue_id,
    const char *word, const struct log_field *fields)
{
    struct line line = line_on(out, size);
    bool any = false;
    bool all;

    put_head(&line, level, queue_id, word);
    all = put_fields(&line, fields, &any);
    if (!all) {
        put_mark(&line, any ? ", ..." : "...");
        return line_end(&line);
    }
    for (; fields->kind != LOG_FIELD_END; fields++) {
        if (fields->kind == LOG_FIELD_NOTE)
            put_note(&line, fields->text, any ? " " : "");
    }
    return line_end(&line);
}

void
log_write(enum log_level level, const char *queue_id, const char *word,
    const struct log_field *fields)
{
    char text[LINE_MAX_OCTETS + 1];
    size_t length;

    if (!log_would(level))
        return;
    length = log_format(text, sizeof(text), level, queue_id, word, fields);
    send_line(level, text, length, true);
}

void
log_say(enum log_level level, const char *format, ...)
{
    va_list arguments;

    if (!log_would(level))
        return;
    va_start(arguments, format);
    say(level, format, arguments);
    va_end(arguments);
}

void
log_bare(enum log_level level, struct span text)
{
    char out[LINE_MAX_OCTETS + 1];
    struct line line = line_on(out, sizeof(out));

    (void)put_escaped(&line, text, "");
    send_line(level, out, line_end(&line), false);
}

void
log_fatal(int status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(LOG_LEVEL_ERROR, format, arguments);
    va_end(arguments);
    exit(status);
}
