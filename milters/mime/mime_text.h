/*
 * mime_text - the lines of a message, and which of them end a part.  Pure.
 *
 * A delimiter is one of any part around the place, as RFC 2046 has it; what only some
 * programs take for one is doubted.
 */
#ifndef MILTERS_MIME_MIME_TEXT_H
#define MILTERS_MIME_MIME_TEXT_H

#include "milters/mime/mime_field.h"
#include "milters/mime/mime_read.h"

enum { MIME_NO_LEVEL = -1 };

struct reader; /* mime_read.c */

/* A text that is read: a message, or one that was decoded from a part. */
struct mime_text {
    struct reader *reader; /* whose it is */
    struct mime_report *report;
    struct span octets;
    unsigned depth; /* of what surrounds it */
    bool guessed;   /* only looks like a message: what is odd in it is no matter */
    struct mime_header *levels[MIME_DEPTH_MAX]; /* multiparts around the place */
    int level_count;
    unsigned open; /* boundaries of them all */
};

/* Where a part ends: at a delimiter of one of the levels, or of the text. */
struct mime_end {
    size_t at;   /* of the delimiter's line, the line end before it not counted */
    size_t next; /* behind that line */
    int level;   /* MIME_NO_LEVEL: the text ends */
    bool closing;
};

/* Notes that there is another reading. */
void mime_text_doubt(const struct mime_text *text, const char *why);

/* The line at `at` without its end; `next` is behind that. */
struct span mime_text_line(const struct mime_text *text, size_t at, size_t *next);

bool mime_is_blank_octet(char octet);
bool mime_is_blank(struct span span); /* all of it */

/* Whether the line at `at` is a delimiter; `next` is behind it. */
bool mime_text_delimits(const struct mime_text *text, size_t at, struct span line,
    size_t next, struct mime_end *end);

/* From `at` to the next delimiter of any level. */
void mime_text_find_end(const struct mime_text *text, size_t at, struct mime_end *end);

#endif
