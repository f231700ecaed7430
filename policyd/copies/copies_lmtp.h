/*
 * copies_lmtp - LMTP (RFC 2033) as the listener for copies hears it: command lines, and
 * the content with its dots.  Pure.
 *
 * A command is a line of at most COPIES_LINE_MAX octets; its end is CR LF, or LF alone.
 * What isn't understood is a command all the same, and gets an answer.
 */
#ifndef POLICYD_COPIES_COPIES_LMTP_H
#define POLICYD_COPIES_COPIES_LMTP_H

#include "shared/base/buffer.h"
#include "shared/base/error.h"
#include "shared/base/wire.h"

enum { COPIES_LINE_MAX = 4096, COPIES_IDENT_MAX = 255 };

enum copies_verb {
    COPIES_LHLO,
    COPIES_MAIL,
    COPIES_RCPT,
    COPIES_DATA,
    COPIES_RSET,
    COPIES_NOOP,
    COPIES_QUIT,
    COPIES_XFORWARD,
    COPIES_BAD_PATH, /* MAIL or RCPT without an address that can be read */
    COPIES_UNKNOWN,
};

struct copies_command {
    enum copies_verb verb;
    struct span path; /* of MAIL and RCPT: what stands in the brackets */
    bool utf8;        /* MAIL: SMTPUTF8 */
    /* XFORWARD: IDENT=, xtext taken off; "" where it is not told. */
    char ident[COPIES_IDENT_MAX + 1];
};

/* One line off the front of `input`; texts borrow it. */
enum wire_result copies_command_read(
    struct span input, struct copies_command *command, size_t *used, struct error *error);

/* The content, between DATA and the line that is a dot. */
struct copies_content {
    unsigned at; /* of the line's begin and end */
};

/*
 * Takes octets off the front of `input` and appends the content to `out`, up to its
 * ceiling; gives how many were taken.  Dots that were put before dots go.  *ended: the
 * final dot was among them.
 */
size_t copies_content_take(
    struct copies_content *content, struct span input, struct buffer *out, bool *ended);

/* The other way: dots before dots, behind a bare LF too; *at_start is true before the
 * first call, and says then whether what came last ended in a line end. */
void copies_content_stuff(struct buffer *out, struct span content, bool *at_start);

#endif
