/*
 * log_source - where lines of Postfix's log come from: a file with its rotations, the
 * journal (a child journalctl), or standard input.
 */
#ifndef POLICYD_FOLLOW_LOG_SOURCE_H
#define POLICYD_FOLLOW_LOG_SOURCE_H

#include "shared/base/buffer.h"
#include "shared/base/error.h"

struct log_source;

enum log_source_result {
    LOG_SOURCE_LINE,
    LOG_SOURCE_NOTHING, /* now; ask again a moment later */
    LOG_SOURCE_END,     /* of standard input */
};

/*
 * `spec` is `-`, `journal`, a path, or `auto`: /var/log/mail.log where that is there,
 * else the journal. `position` is what log_source_position wrote for the same name, or
 * "".
 */
struct log_source *log_source_new(const char *spec, struct span position);
void log_source_free(struct log_source *source);

/* What its position is kept under: "file:/var/log/mail.log", "journal", "-". */
const char *log_source_name(const char *spec);

/* The line is borrowed until the next call. */
enum log_source_result log_source_next(struct log_source *source, struct span *line);

/* Behind the last line given; "" where there is none (standard input). */
void log_source_position(const struct log_source *source, struct buffer *out);

/* All that was given is in the books. */
void log_source_settled(struct log_source *source);

/* What was given since then is given again; false: only another source, made with the
 * position that was saved, does that. */
bool log_source_again(struct log_source *source);

/* Why nothing can be read, one line with what to do; "" when it can. */
const char *log_source_trouble(const struct log_source *source);

/* What was lost since the last call, one line; "" for nothing. */
const char *log_source_take_gap(struct log_source *source);

#endif
