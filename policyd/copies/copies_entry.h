/*
 * copies_entry - what is kept of a message beside its octets: envelope, names by which it
 * is found again, and where its chunks are.  And of a file: from when to when.  Pure.
 */
#ifndef POLICYD_COPIES_COPIES_ENTRY_H
#define POLICYD_COPIES_COPIES_ENTRY_H

#include "shared/base/arena.h"
#include "shared/base/buffer.h"

enum {
    COPIES_TEXT_MAX = 2048,     /* octets of a name or address */
    COPIES_CHUNKS_MAX = 100000, /* of a message */
};

struct copies_entry {
    int64_t time_ms; /* when it was taken */
    bool eight_bit;  /* octets above 127 in it */
    bool utf8;       /* SMTPUTF8 */
    uint64_t size;
    struct span queue_id;   /* of Postfix's own Received field, the first one; "" */
    struct span ident;      /* of XFORWARD; "" */
    struct span message_id; /* with its brackets; "" */
    struct span sender;     /* "" is the null sender */
    const uint64_t *chunks; /* their places in the file */
    size_t chunk_count;
};

/* Texts are cut at COPIES_TEXT_MAX. */
void copies_entry_write(struct buffer *out, const struct copies_entry *entry);

/* Texts borrow `octets`, the places are the arena's (a copy); false: no entry. */
bool copies_entry_read(
    struct span octets, struct copies_entry *entry, struct arena *arena);

/* What a file begins and ends with. */
struct copies_span {
    int64_t time_ms;
    uint64_t refused; /* copies that could not be kept since the file before */
};

void copies_span_write(struct buffer *out, const struct copies_span *span);
bool copies_span_read(struct span octets, struct copies_span *span);

#endif
