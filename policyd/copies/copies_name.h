/*
 * copies_name - names of the journal's files, and which of them go.  Pure.
 *
 * "20261129T210000Z-0001.undo": the hour in UTC, then a number within it.
 */
#ifndef POLICYD_COPIES_COPIES_NAME_H
#define POLICYD_COPIES_COPIES_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/base/span.h"

enum { COPIES_NAME_SIZE = 40, COPIES_PARTS_MAX = 9999, COPIES_HOUR_S = 3600 };

struct copies_name {
    int64_t hour; /* unix time */
    unsigned part;
};

struct copies_file {
    struct copies_name name;
    uint64_t size;
};

void copies_name_write(const struct copies_name *name, char out[COPIES_NAME_SIZE]);
bool copies_name_read(struct span text, struct copies_name *name);

/* For qsort: the older one first. */
int copies_file_compare(const void *left, const void *right);

struct copies_limits {
    int64_t keep_s; /* an hour goes when all of it is older */
    uint64_t octets;
};

/* How many of the oldest go, so that `coming` octets more may be written; never the last
 * one, which is being written.  `files` in their order. */
size_t copies_name_surplus(const struct copies_file *files, size_t count,
    const struct copies_limits *limits, uint64_t coming, int64_t now);

#endif
