/*
 * log_json - one line of the log as a JSON object (RFC 8259): `[log] format = json`.
 *
 * Pure.  Its keys, in this order; what has no value is left out: time (RFC 3339, UTC,
 * milliseconds), level, program, pid, queue_id, event (the word), fields (an object: what
 * the text form writes as key=value; numbers are numbers, addresses have no brackets),
 * note (what stands there in parentheses), message (of a sentence), cut (true where
 * something was left out since the line would have been too long).
 */
#ifndef SHARED_SERVICE_LOG_JSON_H
#define SHARED_SERVICE_LOG_JSON_H

#include "shared/base/buffer.h"
#include "shared/service/log.h"

enum { LOG_JSON_MAX = 4000 }; /* octets of a line */

struct log_json_head {
    int64_t time_ms; /* unix time */
    enum log_level level;
    const char *program; /* NULL before the log was opened */
    long pid;
    const char *queue_id; /* this and the next may be NULL or "" */
    const char *word;
    struct span message;
};

/* `fields` ends with LOG_FIELD_END, or is NULL.  Empties `out` first. */
void log_json_write(
    struct buffer *out, const struct log_json_head *head, const struct log_field *fields);

#endif
