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

/* What a person would sort movers by; what is empty is not known, or there is none. */
struct moves_known {
    bool has_volume;
    uint64_t mails; /* in the last 30 days */
    uint64_t mean_octets;
    struct span aliases;   /* blank separated */
    struct span forwards;  /* likewise */
    struct span rehearsal; /* what new said: "fine", or why not */
};

struct moves_mover {
    struct span address; /* canonical */
    struct span local;
    struct span domain;
    struct span unit;
    enum route_place from;
    enum route_place to;
    unsigned bucket;
    struct moves_known known;
};

struct moves_format;

struct moves_writer {
    const struct moves_format *format;
    struct buffer out;
    struct json json;
};

/* "lines", "csv", "sieve", "virtual", "json"; NULL for others. */
const struct moves_format *moves_format_find(const char *name);

/* Whether the form has room for struct moves_known. */
bool moves_format_tells(const struct moves_format *format);

void moves_format_begin(
    struct moves_writer *writer, const struct moves_format *format, size_t ceiling);
void moves_format_write(struct moves_writer *writer, const struct moves_mover *mover);
void moves_format_end(struct moves_writer *writer);
void moves_format_clear(struct moves_writer *writer);

#endif
