/*
 * postfix_line - the logical lines of main.cf and master.cf: found, and changed in place.
 *
 * As Postfix reads them: a line that begins with a blank goes on with the one before,
 * comments and empty lines count for nothing wherever they stand.  A change leaves alone
 * what it does not concern: line ends, comments between pieces, blanks.  Pure.
 */
#ifndef POLICYD_WIRING_POSTFIX_LINE_H
#define POLICYD_WIRING_POSTFIX_LINE_H

#include "shared/base/buffer.h"

/* A text without blanks (octet_is_space, as Postfix has it) at its begin, at both ends.
 */
struct span postfix_line_skip_blanks(struct span text);
struct span postfix_line_trim(struct span text);

/* The octets without the line ends between the pieces, and where each of them stands in
 * the text. */
struct postfix_line {
    struct buffer octets;
    size_t *places;
};

/* For lines of texts of at most `length` octets. */
void postfix_line_init(struct postfix_line *line, size_t length);
void postfix_line_clear(struct postfix_line *line);

/*
 * The next one that begins at or behind *at, which moves on; false at the end.  One that
 * begins with a blank and goes on with none is passed over, as Postfix does.
 */
bool postfix_line_next(struct postfix_line *line, struct span text, size_t *at);

/* Whether it is "name = ...". */
bool postfix_line_sets(const struct postfix_line *line, const char *name);

/* Octets of a line. */
struct postfix_range {
    size_t from;
    size_t to;
};

/*
 * Takes a range out of the text and puts `with` at a place in the text (SIZE_MAX:
 * nowhere).  A physical line of which only blanks are left goes; those that begin one
 * that stays are kept, since it would begin a logical line without them.
 */
void postfix_line_splice(struct buffer *text, const struct postfix_line *line,
    struct postfix_range gone, size_t place, struct span with);
void postfix_line_take_out(struct buffer *text, const struct postfix_line *line);

/* Behind the last one, whose end is mended. */
void postfix_line_append(struct buffer *text, struct span line);

/* Whether the last line lacks its end. */
bool postfix_line_lacks_end(struct span text);

#endif
