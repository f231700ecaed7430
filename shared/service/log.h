/*
 * log - one line an event, as Postfix writes them: `QID: word: key=value, key=value (text
 * last)`.
 *
 * The only place that escapes: values with blank, comma, quote, equals sign, parenthesis
 * or nothing in them are quoted, control octets, quotes and backslashes are written \xNN,
 * octets above 0x7e too unless the value is valid UTF-8.  A line is at most 4000 octets;
 * what is longer is cut at the end of a field (a sentence or note anywhere) and ends in
 * "...". To stderr, behind "program[pid]: " or, where the journal reads it
 * (JOURNAL_STREAM), a "<N>" level prefix; or to syslog (facility mail).  Safe to call
 * from several threads; errno stays.
 *
 * With log_set_json each line is a JSON object instead (log_json.h), also to syslog and
 * the journal; on stderr nothing stands before it.
 *
 *     log_info("route", log_address("to", to), log_text("backend", "new"),
 * log_number("bucket", 5319));
 *     -> route: to=<alice@example.com>, backend=new, bucket=5319
 *     log_warning("", log_text("field", "weight"), log_text("value", "30%"), log_note("a
 * number from 0 to 100"));
 *     -> warning: field=weight, value="30%" (a number from 0 to 100)
 */
#ifndef SHARED_SERVICE_LOG_H
#define SHARED_SERVICE_LOG_H

#include "shared/base/attributes.h"
#include "shared/base/span.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum log_field_kind {
    LOG_FIELD_END = 0,
    LOG_FIELD_TEXT,         /* key=value */
    LOG_FIELD_ADDRESS,      /* key=<value> */
    LOG_FIELD_NUMBER,       /* key=12 */
    LOG_FIELD_HUNDREDTHS,   /* key=30.5 */
    LOG_FIELD_MILLISECONDS, /* key=0.040, in seconds */
    LOG_FIELD_NOTE,         /* (value), written last */
    LOG_FIELD_NOTHING,      /* left out */
};

struct log_field {
    enum log_field_kind kind;
    const char *key;
    struct span text;
    int64_t number;
};

struct log_field log_text(
    const char *key, const char *value); /* NULL: the field is left out */
struct log_field log_span(const char *key, struct span value);
struct log_field log_address(const char *key, struct span value);
struct log_field log_number(const char *key, int64_t value);
struct log_field log_hundredths(const char *key, int64_t value);
struct log_field log_milliseconds(const char *key, int64_t value);
struct log_field log_note(const char *value);
struct log_field log_nothing(
    void); /* is left out: for a field that is only sometimes there */

/*
 * Until log_open, lines go to stderr at level info.  `program` is the identifier
 * ("postshift-policyd"); it is kept, not copied.
 */
void log_open(const char *program, bool to_syslog, enum log_level level);
void log_set_level(enum log_level level);
void log_set_json(bool yes); /* no, until then */

/* A line of its own into `out` (NUL-terminated, no line end): what the writers below
 * send.  Pure. */
size_t log_format(char *out, size_t size, enum log_level level, const char *queue_id,
    const char *word, const struct log_field *fields);

/* `fields` ends with LOG_FIELD_END.  `queue_id` and `word` may be NULL or "". */
void log_write(enum log_level level, const char *queue_id, const char *word,
    const struct log_field *fields);

#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__, {0}})
#define log_info(word, ...) log_write(LOG_LEVEL_INFO, NULL, word, LOG_FIELDS(__VA_ARGS__))
#define log_info_for(queue_id, word, ...)                                                \
    log_write(LOG_LEVEL_INFO, queue_id, word, LOG_FIELDS(__VA_ARGS__))
#define log_debug(word, ...)                                                             \
    log_write(LOG_LEVEL_DEBUG, NULL, word, LOG_FIELDS(__VA_ARGS__))
#define log_warning(word, ...)                                                           \
    log_write(LOG_LEVEL_WARNING, NULL, word, LOG_FIELDS(__VA_ARGS__))
#define log_error(word, ...)                                                             \
    log_write(LOG_LEVEL_ERROR, NULL, word, LOG_FIELDS(__VA_ARGS__))

/* A plain sentence (control octets escaped). */
void log_say(enum log_level level, const char *format, ...) ATTRIBUTE_PRINTF(2, 3);

/* A finished line of ours, such as FILE:LINE: of a configuration, without a word before
 * it; control octets are escaped. */
void log_bare(enum log_level level, struct span text);

/* The end of a start that can't go on: the sentence as an error, then exit(status): 1 run
 * time, 78 config. */
void log_fatal(int status, const char *format, ...)
    ATTRIBUTE_PRINTF(2, 3) ATTRIBUTE_NO_RETURN;

#endif
