/*
 * mail_digest - a mail, read once from its start to its end: its Message-ID, and a
 * SHA-256 of its decoded body.  Pure.
 *
 * Two copies have the same digest where they are the same to a reader: header fields that
 * a move adds do not count, nor does how a part is encoded (quoted-printable, base64 or
 * as it is), how lines end, or how many are empty at the end.  Memory is bounded whatever
 * the mail is.
 */
#ifndef POLICYD_COMPARE_MAIL_DIGEST_H
#define POLICYD_COMPARE_MAIL_DIGEST_H

#include "shared/base/digest.h"

enum { MAIL_DIGEST_LINE_MAX = 4096, MAIL_DIGEST_ID_MAX = 512, MAIL_DIGEST_OUT = 4096 };

enum mail_encoding { MAIL_PLAIN, MAIL_QUOTED, MAIL_BASE64 };

struct mail_digest {
    struct digest_stream *stream;
    char message_id[MAIL_DIGEST_ID_MAX]; /* "" : none, or one that is too long */
    size_t id_length;
    bool has_id; /* one was seen: further ones count for nothing */
    /* A line, or a part of a longer one. */
    char line[MAIL_DIGEST_LINE_MAX];
    size_t length;
    bool is_within; /* the line began before */
    bool in_top;    /* the header of the mail itself */
    bool in_header; /* that, or of a part */
    bool in_id;     /* within such a field */
    bool in_encoding;
    enum mail_encoding encoding; /* of the body at hand */
    enum mail_encoding next;     /* as the header at hand says */
    uint32_t bits;               /* of base64 */
    unsigned bit_count;
    uint64_t empty; /* lines, told once something follows */
    unsigned char out[MAIL_DIGEST_OUT];
    size_t out_length;
};

void mail_digest_begin(struct mail_digest *mail);
void mail_digest_add(struct mail_digest *mail, struct span part);

/* Ends it, whatever there was of it. */
void mail_digest_end(struct mail_digest *mail, uint8_t digest[DIGEST_SHA256_SIZE]);

#endif
