/*
 * redis_trim - Redis' protocol as it comes, with what is too large taken out of it.
 *
 * A text is cut at REDIS_TEXT_MAX octets, which is more than any value of ours may have:
 * who reads it finds it bad by his own rules, and it alone.  An array of too many
 * elements, or a text for which the reply has no room left, becomes the error TOOLARGE in
 * its place.  So nothing that stands in Redis ends the connection, or uses more memory
 * than is stated.  Pure.
 */
#ifndef POLICYD_REDIS_REDIS_TRIM_H
#define POLICYD_REDIS_REDIS_TRIM_H

#include "shared/base/buffer.h"

enum {
    REDIS_TEXT_MAX = 64 * 1024,
    REDIS_TRIM_ELEMENTS_MAX = 900 * 1000,    /* of one array */
    REDIS_TRIM_REPLY_MAX = 60 * 1024 * 1024, /* with 64 octets for each element */
    REDIS_TRIM_DEPTH_MAX = 7,
    REDIS_TRIM_LINE_MAX = 16 * 1024,
};

#define REDIS_TOO_LARGE "TOOLARGE"

enum redis_trim_state { TRIM_LINE, TRIM_LINE_END, TRIM_TEXT };

struct redis_trim {
    enum redis_trim_state state;
    char line[REDIS_TRIM_LINE_MAX]; /* so far */
    size_t line_length;
    uint64_t keep; /* octets of the text at hand that are passed on */
    uint64_t drop; /* and that are not; its line end is of neither */
    size_t ends;   /* octets of that line end still to come */
    bool passes;   /* the text at hand goes on at all */
    uint64_t left[REDIS_TRIM_DEPTH_MAX + 1]; /* elements to come, of each open array */
    size_t depth;
    size_t dropped; /* depth of the outermost array that is not passed on; 0: none */
    uint64_t used;  /* of the reply's room */
};

void redis_trim_init(struct redis_trim *trim);

/* Appends to `out` what remains of the input.  False: this is not Redis' protocol. */
bool redis_trim_feed(struct redis_trim *trim, struct span input, struct buffer *out);

/* Whether a reply has begun and is not whole. */
bool redis_trim_is_within(const struct redis_trim *trim);

#endif
