/*
 * span - borrowed bytes: a pointer and a length, no terminator.
 *
 * A span owns nothing; whoever holds the bytes outlives it.  It may contain any octet,
 * NUL included.  The empty span may have a NULL pointer.  Case is folded in ASCII only,
 * whatever the locale.
 */
#ifndef SHARED_BASE_SPAN_H
#define SHARED_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const char *data;
    size_t length;
};

/* What the find functions give where there is nothing. */
#define SPAN_NONE SIZE_MAX

/* A string literal, its terminator left out. */
#define SPAN(literal) ((struct span){("" literal), sizeof(literal) - 1})

struct span span_make(const void *data, size_t length);
struct span span_of(const char *text); /* NULL gives the empty span */

bool span_equal(struct span left, struct span right);
bool span_equal_nocase(struct span left, struct span right);
int span_compare(struct span left, struct span right); /* as memcmp, the shorter first */
bool span_is(struct span span, const char *text);
bool span_is_nocase(struct span span, const char *text);
bool span_starts(struct span span, struct span prefix);
bool span_starts_nocase(struct span span, struct span prefix);
bool span_ends(struct span span, struct span suffix);

/* The part after the first `count` octets, the first `count` octets; both stop at the
 * end. */
struct span span_from(struct span span, size_t count);
struct span span_first(struct span span, size_t count);

size_t span_find(struct span span, char octet);
size_t span_find_last(struct span span, char octet);
size_t span_find_text(struct span span, struct span wanted);
size_t span_find_text_nocase(struct span span, struct span wanted);

/* Without blanks, tabs, CR and LF at both ends. */
struct span span_trim(struct span span);

/*
 * Takes the part of `rest` before the first `separator` (or all of it) into `part` and
 * moves `rest` behind the separator.  False once `rest` is used up: then rest->data is
 * NULL.  "a,,b" has three parts, "" one (empty).
 */
bool span_split(struct span *rest, char separator, struct span *part);

/* How many parts span_split gives. */
size_t span_count_parts(struct span text, char separator);

/* Moves `rest` behind `prefix`; false where it doesn't begin with that. */
bool span_take(struct span *rest, struct span prefix);

/*
 * Takes the line before the first LF into `line`, without that and a CR before it; false
 * where there is no LF.
 */
bool span_line(struct span *rest, struct span *line);

/* The next word of `rest`, words being parted by blanks and tabs; false when none is
 * left. */
bool span_word(struct span *rest, struct span *word);

/* Whether an octet below 0x20, or 0x7f, is in it; whether all octets are below 0x80. */
bool span_has_control(struct span span);
bool span_is_ascii(struct span span);

/* Copies into a C string.  False (and "" in `out`) when it does not fit or has a NUL. */
bool span_copy(struct span span, char *out, size_t size);

/* ASCII letters to lower case, in place or one at a time. */
void span_lower(char *data, size_t length);
char span_lower_octet(char octet);

#endif
