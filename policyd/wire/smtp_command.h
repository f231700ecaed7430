/*
 * smtp_command - addresses into MAIL FROM and RCPT TO.  Pure.
 *
 * An address may come as it stands in a log or a table, its local part quoted or not.
 * What would end the command or begin another (CR, LF, any control) is refused, as are
 * angle brackets and blanks in a domain; a local part is quoted where RFC 5321 wants it.
 */
#ifndef POLICYD_WIRE_SMTP_COMMAND_H
#define POLICYD_WIRE_SMTP_COMMAND_H

#include "policyd/wire/smtp_reply.h"
#include "shared/base/buffer.h"

enum { SMTP_ADDRESS_MAX = 1024, SMTP_COMMAND_MAX = 2 * SMTP_ADDRESS_MAX + 100 };

/* Whether it can be said: local part and domain (a name, or an address in brackets), and
 * UTF-8 where it isn't ASCII. */
bool smtp_address_check(struct span address, struct error *error);

/* "MAIL FROM:<...>" with SIZE= (size not 0) and SMTPUTF8 where the server offers them;
 * the empty sender is the null one.  False: the address can't be said, at all or to this
 * server. */
bool smtp_command_mail(struct buffer *out, struct span sender, uint64_t size, bool utf8,
    const struct smtp_extensions *extensions, struct error *error);
bool smtp_command_rcpt(struct buffer *out, struct span recipient,
    const struct smtp_extensions *extensions, struct error *error);

#endif
