/*
 * log_line - one line of the log under construction, in memory of the caller.
 *
 * Pure.  What does not fit changes nothing and gives false; a little room is kept for the
 * mark that something was left out.
 */
#ifndef SHARED_SERVICE_LOG_LINE_H
#define SHARED_SERVICE_LOG_LINE_H

#include "shared/base/attributes.h"
#include "shared/base/span.h"

/* With all that comes before it below PIPE_BUF: lines of several writers don't mix. */
enum { LOG_LINE_MAX = 4000 };

struct log_line {
    char *out;
    size_t length;
    size_t ceiling; /* octets of text, the terminator not among them */
    size_t limit;   /* the same with the mark */
};

/* `size` is that of `out`, 1 at least; more than LOG_LINE_MAX + 1 is not used. */
struct log_line log_line_on(char *out, size_t size);

bool log_line_text(struct log_line *line, const char *text);

/* For numbers: at most 47 octets. */
bool log_line_printf(struct log_line *line, const char *format, ...)
    ATTRIBUTE_PRINTF(2, 3);

/* Control octets, what is not UTF-8 and the octets of `special` as \xNN, up to what fits:
 * gives what did not. */
struct span log_line_escaped(
    struct log_line *line, struct span text, const char *special);

/* "..." and the like, in the room that is kept for it; nothing else follows. */
void log_line_mark(struct log_line *line, const char *mark);

/* Drops blanks at the end, puts a NUL there; gives the length. */
size_t log_line_end(struct log_line *line);

#endif
