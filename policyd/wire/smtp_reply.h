/*
 * smtp_reply - what an SMTP or LMTP server says: code, enhanced code, text, and the
 * keywords of EHLO.  Pure.
 *
 * A line is a code of 200 to 599, then the end, a blank, or a hyphen where more lines
 * follow; all lines of a reply have the same code.  Lines end in CR LF or, as Postfix
 * takes it, in LF alone; a CR elsewhere, a NUL and other controls are shown as '?'.  What
 * passes a ceiling, or is anything else, is bad: there is no guessing what was meant.
 */
#ifndef POLICYD_WIRE_SMTP_REPLY_H
#define POLICYD_WIRE_SMTP_REPLY_H

#include "shared/base/error.h"
#include "shared/base/span.h"
#include "shared/base/wire.h"

enum {
    SMTP_REPLY_LINE_MAX = 2048, /* octets of a line, its end included */
    SMTP_REPLY_LINES_MAX = 128,
    SMTP_REPLY_MAX = 32768, /* octets of a reply */
    SMTP_REPLY_TEXT_MAX = 1000,
    SMTP_ENHANCED_MAX = 12,
};

struct smtp_reply {
    unsigned code; /* 200 to 599 */
    /* "5.1.1" of the first line, where it goes with the code; "". */
    char enhanced[SMTP_ENHANCED_MAX];
    /* Of all lines, joined by blanks, without codes; UTF-8 without controls, cut. */
    char text[SMTP_REPLY_TEXT_MAX + 1];
};

/*
 * One whole reply at the start of `input`, of *used octets.  WIRE_BAD: *error says why,
 * and *reply has what was understood of it (code 0: nothing).
 */
enum wire_result smtp_reply_read(
    struct span input, struct smtp_reply *reply, size_t *used, struct error *error);

/* "550 5.1.1 no such user". */
enum { SMTP_REPLY_WRITTEN_MAX = SMTP_REPLY_TEXT_MAX + 20 };
void smtp_reply_write(
    const struct smtp_reply *reply, char out[SMTP_REPLY_WRITTEN_MAX + 1]);

struct smtp_extensions {
    bool starttls;
    bool pipelining;
    bool eight_bit_mime;
    bool smtputf8;
    bool dsn;
    bool enhanced_codes;
    bool chunking;
    bool size;         /* SIZE is offered */
    uint64_t size_max; /* its number, the least where there are several; 0: none said */
};

/* Of a whole reply to EHLO or LHLO, as it was read; the first line is the server's name.
 */
void smtp_extensions_read(struct span reply, struct smtp_extensions *extensions);

#endif
