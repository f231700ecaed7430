/*
 * spamd_wire - SpamAssassin's spamd protocol: a SYMBOLS request, its reply.  Pure.
 *
 * Asked with SYMBOLS (not HEADERS, which rewrites the message): score, threshold, names
 * of the tests that hit.  A reply with any code but 0, without a Spam line, over 64 KiB,
 * or cut, is no answer.
 */
#ifndef MILTERS_SCAN_SPAMD_WIRE_H
#define MILTERS_SCAN_SPAMD_WIRE_H

#include "shared/base/buffer.h"
#include "shared/base/error.h"

enum { SPAMD_REPLY_MAX = 64 * 1024, SPAMD_TESTS_MAX = 2000 };

struct spamd_reply {
    bool spam;
    int64_t score;    /* thousandths */
    int64_t required; /* thousandths */
    char tests[SPAMD_TESTS_MAX +
               1]; /* "A,B": letters, digits, '_', commas; cut at a comma */
};

/* What spamd must be told that the message does not say (this hop's Received is added by
 * Postfix later). */
struct spamd_envelope {
    struct span sender; /* without brackets; empty for the null sender */
    struct span helo;
    struct span client_name; /* verified name, or empty */
    struct span client_address;
    struct span host;     /* the macro j */
    struct span queue_id; /* may be empty */
    bool encrypted;
    bool authenticated;
    const char *date; /* RFC 5322 */
};

/* X-Envelope-From and a Received field in Postfix's form, to stand above the message;
 * hostile octets dropped. */
void spamd_write_preamble(const struct spamd_envelope *envelope, struct buffer *out);

/* The request up to the message; `length` octets of message follow. `user` may be "". */
void spamd_write_request(const char *user, uint64_t length, struct buffer *out);

/* The whole reply, read to end of file. */
bool spamd_read_reply(struct span text, struct spamd_reply *reply, struct error *error);

#endif
