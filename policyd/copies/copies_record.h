/*
 * copies_record - the journal's files as octets: what stands at their begin, and before
 * each record.  Pure.
 *
 * A file is one hour's, or a part of it, and written by one process: a begin of 56
 * octets, then records, each a head of 24 octets, as many octets of ciphertext as that
 * says, and a tag of 16.  `number` counts the records of a file from 0 on without a gap;
 * it is in the head, which is authenticated, and makes the nonce: a record that was
 * moved, doubled or taken out is noticed, and what was cut in the middle of being written
 * is known by its length.
 *
 *     begin   "PSUNDO1\n", salt[32], hour u64, zero u64
 *     head    length u32, kind u8, zero[3], number u64, message u64
 */
#ifndef POLICYD_COPIES_COPIES_RECORD_H
#define POLICYD_COPIES_COPIES_RECORD_H

#include "shared/base/buffer.h"

enum {
    COPIES_BEGIN_SIZE = 56,
    COPIES_SALT_SIZE = 32,
    COPIES_HEAD_SIZE = 24,
    COPIES_TAG_SIZE = 16,
    COPIES_CHUNK_MAX = 65536, /* octets of a message in one record */
    COPIES_PLAIN_MAX =
        1 << 20, /* of any record: an entry names all chunks of its message */
};

enum copies_kind {
    COPIES_OPEN = 'O',  /* the first one: when, and what was refused before */
    COPIES_CHUNK = 'C', /* a part of a message */
    COPIES_ENTRY = 'E', /* a message is whole: its envelope, where its chunks are */
    COPIES_CLOSE = 'Z', /* the last one: when */
};

struct copies_begin {
    uint8_t salt[COPIES_SALT_SIZE];
    int64_t hour; /* unix time of its start */
};

void copies_begin_write(struct buffer *out, const struct copies_begin *begin);
bool copies_begin_read(struct span octets, struct copies_begin *begin);

struct copies_head {
    uint32_t length; /* of the ciphertext, which is that of the plain text */
    enum copies_kind kind;
    uint64_t number;
    uint64_t message; /* counted in the file, so that chunks of several may alternate */
};

void copies_head_write(uint8_t octets[COPIES_HEAD_SIZE], const struct copies_head *head);
/* False: no head of ours. */
bool copies_head_read(struct span octets, struct copies_head *head);

/* What a record takes. */
uint64_t copies_record_size(const struct copies_head *head);

#endif
