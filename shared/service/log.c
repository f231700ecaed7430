#include "shared/service/log.h"

#include "shared/service/clock.h"
#include "shared/service/log_json.h"
#include "shared/service/log_line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

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
    atomic_bool as_json;
} sink = {.program = NULL, .level = LOG_LEVEL_INFO};

static bool
needs_quotes(struct span value)
{
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] != '\0' && strchr(" \t,\"=()%", value.data[i]) != NULL)
            return true;
    }
    return value.length == 0;
}

static bool
put_value(struct log_line *line, struct span value)
{
    const char *quote = needs_quotes(value) ? "\"" : "";

    return log_line_text(line, quote) &&
           log_line_escaped(line, value, "\"\\").length == 0 &&
           log_line_text(line, quote);
}

static bool
put_hundredths(struct log_line *line, int64_t number)
{
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    const char *sign = number < 0 ? "-" : "";

    if (size % 100 == 0)
        return log_line_printf(line, "%s%" PRIu64, sign, size / 100);
    if (size % 10 == 0)
        return log_line_printf(
            line, "%s%" PRIu64 ".%" PRIu64, sign, size / 100, size / 10 % 10);
    return log_line_printf(
        line, "%s%" PRIu64 ".%02" PRIu64, sign, size / 100, size % 100);
}

static bool
put_milliseconds(struct log_line *line, int64_t number)
{
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    return log_line_printf(line, "%s%" PRIu64 ".%03" PRIu64, number < 0 ? "-" : "",
        size / 1000, size % 1000);
}

static bool
put_field(struct log_line *line, const struct log_field *field)
{
    if (!log_line_text(line, field->key) || !log_line_text(line, "="))
        return false;
    switch (field->kind) {
    case LOG_FIELD_TEXT:
        return put_value(line, field->text);
    case LOG_FIELD_ADDRESS:
        return log_line_text(line, "<") &&
               log_line_escaped(line, field->text, "\"\\<>").length == 0 &&
               log_line_text(line, ">");
    case LOG_FIELD_NUMBER:
        return log_line_printf(line, "%" PRId64, field->number);
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
put_note(struct log_line *line, struct span note, const char *before)
{
    if (!log_line_text(line, before) || !log_line_text(line, "("))
        return;
    if (log_line_escaped(line, note, "\\").length > 0)
        log_line_mark(line, "...");
    (void)log_line_text(line, ")");
}

static bool
put_fields(struct log_line *line, const struct log_field *fields, bool *any)
{
    for (; fields->kind != LOG_FIELD_END; fields++) {
        struct log_line before = *line;

        if (fields->kind == LOG_FIELD_NOTHING || fields->kind == LOG_FIELD_NOTE)
            continue;
        if (!log_line_text(line, *any ? ", " : "") || !put_field(line, fields)) {
            *line = before;
            return false;
        }
        *any = true;
    }
    return true;
}

static void
put_head(
    struct log_line *line, enum log_level level, const char *queue_id, const char *word)
{
    (void)log_line_text(line, levels[level].prefix);
    if (queue_id != NULL && queue_id[0] != '\0') {
        (void)log_line_escaped(line, span_of(queue_id), " :,=\"\\");
        (void)log_line_text(line, ": ");
    }
    if (word != NULL && word[0] != '\0') {
        (void)log_line_text(line, word);
        (void)log_line_text(line, ": ");
    }
}

/* One write a line: lines of several threads and processes don't mix.  A reader that is
 * gone, or slow on a pipe that does not block, costs the line and nothing else. */
static void
send_line(enum log_level level, const char *text, size_t length, bool with_name)
{
    int saved_errno = errno;
    char out[80 + LOG_LINE_MAX + 1] = "";
    size_t used;
    ssize_t written;

    if (sink.to_syslog) {
        syslog(levels[level].priority, "%s", text);
        errno = saved_errno;
        return;
    }
    if (sink.to_journal)
        (void)snprintf(out, 80, "<%d>", levels[level].priority);
    else if (with_name && sink.program != NULL)
        (void)snprintf(out, 80, "%.60s[%ld]: ", sink.program, (long)getpid());
    used = strlen(out);
    memcpy(out + used, text, length);
    out[used + length] = '\n';
    do {
        written = write(STDERR_FILENO, out, used + length + 1);
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

/* The same line as JSON, where that is wanted. */
static bool
send_json(enum log_level level, const char *queue_id, const char *word,
    const struct log_field *fields, struct span message)
{
    struct log_json_head head = {.level = level,
        .program = sink.program,
        .pid = (long)getpid(),
        .queue_id = queue_id,
        .word = word,
        .message = message};
    int saved_errno = errno;
    struct buffer out;

    if (!atomic_load(&sink.as_json))
        return false;
    head.time_ms = clock_wall_ms();
    buffer_init(&out, (size_t)16 * LOG_JSON_MAX);
    log_json_write(&out, &head, fields);
    send_line(level, buffer_text(&out), out.length, false);
    buffer_clear(&out);
    errno = saved_errno;
    return true;
}

static void say(enum log_level level, const char *format, va_list arguments)
    ATTRIBUTE_PRINTF(2, 0);

static void
say(enum log_level level, const char *format, va_list arguments)
{
    char sentence[LOG_LINE_MAX + 1];
    char text[LOG_LINE_MAX + 1];
    struct log_line line = log_line_on(text, sizeof(text));
    int length = vsnprintf(sentence, sizeof(sentence), format, arguments);

    if (send_json(level, NULL, NULL, NULL, span_of(sentence)))
        return;
    put_head(&line, level, NULL, NULL);
    if (log_line_escaped(&line, span_of(sentence), "").length > 0 ||
        length >= (int)sizeof(sentence))
        log_line_mark(&line, "...");
    send_line(level, text, log_line_end(&line), true);
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

void
log_set_json(bool yes)
{
    atomic_store(&sink.as_json, yes);
}

static bool
is_wanted(enum log_level level)
{
    return (int)level <= atomic_load(&sink.level);
}

size_t
log_format(char *out, size_t size, enum log_level level, const char *queue_id,
    const char *word, const struct log_field *fields)
{
    struct log_line line = log_line_on(out, size);
    bool any = false;
    bool all;

    put_head(&line, level, queue_id, word);
    all = put_fields(&line, fields, &any);
    if (!all) {
        log_line_mark(&line, any ? ", ..." : "...");
        return log_line_end(&line);
    }
    for (; fields->kind != LOG_FIELD_END; fields++) {
        if (fields->kind == LOG_FIELD_NOTE)
            put_note(&line, fields->text, any ? " " : "");
    }
    return log_line_end(&line);
}

void
log_write(enum log_level level, const char *queue_id, const char *word,
    const struct log_field *fields)
{
    char text[LOG_LINE_MAX + 1];
    size_t length;

    if (!is_wanted(level) || send_json(level, queue_id, word, fields, span_make(NULL, 0)))
        return;
    length = log_format(text, sizeof(text), level, queue_id, word, fields);
    send_line(level, text, length, true);
}

void
log_say(enum log_level level, const char *format, ...)
{
    va_list arguments;

    if (!is_wanted(level))
        return;
    va_start(arguments, format);
    say(level, format, arguments);
    va_end(arguments);
}

void
log_bare(enum log_level level, struct span text)
{
    char out[LOG_LINE_MAX + 1];
    struct log_line line = log_line_on(out, sizeof(out));

    if (send_json(level, NULL, NULL, NULL, text))
        return;
    (void)log_line_escaped(&line, text, "");
    send_line(level, out, log_line_end(&line), false);
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
