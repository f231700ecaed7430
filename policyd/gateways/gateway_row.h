/*
 * gateway_row - what a gateway's controller says of itself in `gateway:<name>`, and what
 * follows from several of them.  Pure; times are unix times.
 */
#ifndef POLICYD_GATEWAYS_GATEWAY_ROW_H
#define POLICYD_GATEWAYS_GATEWAY_ROW_H

#include "shared/base/json.h"

enum {
    GATEWAY_NAME_SIZE = 256,
    GATEWAY_TEXT_SIZE = 65,
    GATEWAY_BEAT_MS = 5000,
    GATEWAY_APART_S = 5, /* digests that differ for longer are an alarm */
};

/* What was not said, or is no such thing, is "" and 0, and not known. */
struct gateway_row {
    char name[GATEWAY_NAME_SIZE];
    int64_t time; /* of its last word; 0: it said none */
    char version[GATEWAY_TEXT_SIZE];
    char digest[GATEWAY_TEXT_SIZE];
    char site[GATEWAY_TEXT_SIZE];
    int64_t digest_since; /* when it first said this one, kept by who looks again and
                             again; 0: not known */
    int64_t log_time;     /* of the last line of Postfix's log */
    bool knows_books;
    bool knows_waiting;
    uint64_t books;   /* by how many recipients they fail to balance */
    uint64_t waiting; /* recipients that waited there */
};

/* "": as if it had said nothing; false: that is no name. */
bool gateway_row_init(struct gateway_row *row, struct span name);

/* One field of the hash. */
void gateway_row_take(struct gateway_row *row, struct span field, struct span value);

/* As fields of a JSON object: null for what is not known. */
void gateway_row_write(const struct gateway_row *row, struct json *json);

/* It has said nothing for three heartbeats and three slots. */
bool gateway_row_is_silent(
    const struct gateway_row *row, int64_t now_ms, uint64_t slot_ms);

/*
 * Two that answer otherwise: their digests differ, and each has said so more than
 * GATEWAY_APART_S after the other's last change.  Gateways of sites have next hops of
 * their own and are compared with each other alone; a silent one with none.
 */
bool gateway_rows_differ(const struct gateway_row *rows, size_t count, int64_t now_ms,
    uint64_t slot_ms, const struct gateway_row **one, const struct gateway_row **other);

#endif
