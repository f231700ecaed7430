/*
 * mime_decode - what a part's octets are once their transfer encoding is taken off. Pure.
 *
 * Decoders take what any mail program takes: octets outside an alphabet are left out,
 * line ends do not matter where they carry nothing.  Each runs once over its input and
 * writes no more octets than it reads (`out`'s ceiling is the caller's).
 */
#ifndef MILTERS_MIME_MIME_DECODE_H
#define MILTERS_MIME_MIME_DECODE_H

#include "shared/base/buffer.h"

/* What to make of padding that stands before the end: programs differ. */
enum mime_padding {
    MIME_PADDING_ENDS,     /* what follows is nothing (a mailing list's footer) */
    MIME_PADDING_RESTARTS, /* each line or piece was encoded by itself */
    MIME_PADDING_IGNORED,  /* as any octet outside the alphabet */
};

/* What was seen on the way. */
struct mime_base64 {
    bool goes_on;    /* there is more of the alphabet behind padding */
    bool junk;       /* octets of no alphabet stand between those that are */
    size_t junk_at;  /* the first of them */
    bool junk_apart; /* which begins a line, behind whole groups: a footer */
};

struct mime_base64 mime_decode_base64(
    struct span text, enum mime_padding padding, struct buffer *out);

/* Blanks before a line's end are no content (RFC 2045), or kept where `keep_blanks`;
 * gives whether there were any. */
bool mime_decode_quoted(struct span text, bool keep_blanks, struct buffer *out);

#endif
