/*
 * mime_read - the leaves of a message: everything that some mail program shows or saves,
 * decoded.  Pure.
 *
 * libclamav reads mail with a parser of its own, which misses parts that programs show
 * (a blank-only line in a header, an unusual boundary, a folded encoding).  So each leaf
 * is found here too and given to it by itself.  The reader is strict where programs
 * agree; where they do not it follows every reading that it knows, which gives more
 * leaves than any one program shows, and says that the message is ambiguous.
 *
 * Why no library (GMime was weighed): it gives one reading, its own, and tells neither
 * that there are others nor where; and a library's parser of hostile octets is as large
 * again as all that is in this folder.
 *
 * Linear in the size of the message: each line is looked at once on each level of
 * decoding, and what is decoded in all has a ceiling.  Beyond a ceiling the message
 * counts as not read to its end (`limit`).
 */
#ifndef MILTERS_MIME_MIME_READ_H
#define MILTERS_MIME_MIME_READ_H

#include "shared/base/span.h"

enum {
    MIME_DEPTH_MAX = 32,     /* of parts in each other */
    MIME_PARTS_MAX = 20000,  /* parts of all levels */
    MIME_OPEN_MAX = 40,      /* boundaries of parts around a place */
    MIME_DECODED_FACTOR = 6, /* octets given as leaves, times those of the message, */
    MIME_DECODED_SPARE = 1 << 20, /* and so many more, */
    MIME_LEAF_COST = 256,         /* of which each leaf counts for so many and its own */
};

struct mime_report {
    const char *ambiguous; /* why; NULL: there is one reading */
    const char *limit;     /* the ceiling that was reached; NULL: none */
    const char *encrypted; /* what it is encrypted with as a message; NULL: it is not */
    unsigned leaves;
};

/* Borrowed until it returns; false: enough, read no further. */
typedef bool (*mime_leaf)(struct span octets, void *context);

void mime_read(
    struct span message, mime_leaf leaf, void *context, struct mime_report *report);

/* The same of what may be a part of a message with its header, or any file: the file
 * itself is a leaf too. */
void mime_read_part(
    struct span octets, mime_leaf leaf, void *context, struct mime_report *report);

#endif
