/*
 * milter_macros - what the MTA says of a client and a message by name ("i",
 * "{mail_addr}").
 *
 * Macros come with a command and hold until that command or an earlier one comes again:
 * those of MAIL are gone with the next MAIL.  A later command's value of a name hides an
 * earlier one's.
 */
#ifndef MILTERS_PROTOCOL_MILTER_MACROS_H
#define MILTERS_PROTOCOL_MILTER_MACROS_H

#include "milters/protocol/milter_wire.h"

enum { MILTER_MACROS_MAX = 65536 }; /* octets with one command */

enum milter_stage {
    MILTER_STAGE_CONNECT,
    MILTER_STAGE_HELO,
    MILTER_STAGE_MAIL,
    MILTER_STAGE_RCPT,
    MILTER_STAGE_DATA,
    MILTER_STAGE_FIELDS,
    MILTER_STAGE_END,
    MILTER_STAGES,
};

struct milter_macros {
    struct buffer stages[MILTER_STAGES]; /* name and value by turns, each ending in NUL */
};

void milter_macros_init(struct milter_macros *macros);
void milter_macros_clear(struct milter_macros *macros);

/* Forgets those of `from` and of all later stages; their memory stays. */
void milter_macros_forget(struct milter_macros *macros, enum milter_stage from);

/*
 * The data of a macro packet.  Those of a command that is no stage are passed over.
 * False: malformed, or more than the ceiling.
 */
bool milter_macros_take(struct milter_macros *macros, struct span data);

/* The stage of a command; MILTER_STAGES where it is none. */
enum milter_stage milter_macros_stage(char command);

/* Name without braces, at any length; NULL: the MTA does not say.  Borrowed until the
 * stage changes. */
const char *milter_macros_find(const struct milter_macros *macros, const char *name);

#endif
