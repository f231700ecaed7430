/*
 * dict_wire - Dovecot's dict protocol, the server's side of looking up (majors 3 and 4).
 *
 * A line is a command letter and fields parted by tabs, tab-escaped (\001 then 0 1 t r n
 * stand for NUL \001 tab CR LF).  `H<major> <minor> <value type> <user> <dict name>`
 * comes once and first and is not answered; `L<key> [<user>]` is answered by one line
 * `O<value>`, `N` or `F<text>`.  Lines are at most DICT_LINE_MAX octets.
 */
#ifndef POLICYD_WIRE_DICT_WIRE_H
#define POLICYD_WIRE_DICT_WIRE_H

#include "shared/base/buffer.h"
#include "shared/base/error.h"
#include "shared/base/wire.h"

enum { DICT_LINE_MAX = 8192 };

enum dict_command {
    DICT_HELLO,
    DICT_LOOKUP,
    DICT_ITERATE, /* answered, by F, as a look-up is */
    DICT_OTHER,   /* begins to write: nothing that we serve */
};

struct dict_request {
    enum dict_command command;
    char letter; /* of the command, printable or '?' */
    size_t length;
    char key[DICT_LINE_MAX]; /* of a look-up: unescaped; may hold any octet */
};

/* WIRE_DONE: *used octets of the input were the request.  WIRE_BAD: *error says why. */
enum wire_result dict_wire_parse(
    struct span input, struct dict_request *request, size_t *used, struct error *error);

struct span dict_wire_key(const struct dict_request *request);

/* Appends the letter, the text tab-escaped, and the line end. */
void dict_wire_write(struct buffer *out, char letter, struct span text);

#endif
