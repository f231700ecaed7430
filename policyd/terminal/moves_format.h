/*
 * moves_format - who changes side, as lines, CSV, a Sieve script, a virtual table or
 * JSON. Pure.
 *
 * Sieve and virtual are for the old backend: a redirect of each who goes to new to
 * <local>@new.<domain>; who comes back is a comment, so that its redirect is taken out.
 */
#ifndef POLICYD_TERMINAL_MOVES_FORMAT_H
#define POLICYD_TERMINAL_MOVES_FORMAT_H

#include "policyd/routing/route_decide.h"
#include "shared/base/json.h"

struct moves_mover {
    struct span address; /* canonical */
    struct span local;
    struct span domain;
    struct span unit;
    enum route_place from;
    enum route_place to;
    unsigned bucket;
};

struct moves_format;

struct moves_writer {
    const struct moves_format *format;
    struct buffer out;
    struct json json;
};

/* "lines", "csv", "sieve", "virtual", "json"; NULL for others. */
const struct moves_format *moves_format_find(const char *name);

void moves_format_begin(
    struct moves_writer *writer, const struct moves_format *format, size_t ceiling);
void moves_format_write(struct moves_writer *writer, const struct moves_mover *mover);
void moves_format_end(struct moves_writer *writer);
void moves_format_clear(struct moves_writer *writer);

#endif
