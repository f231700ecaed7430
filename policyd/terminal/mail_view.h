/*
 * mail_view - a mail as text that is harmless on a terminal.  Pure.
 *
 * A mail on hold is what somebody hostile wrote.  What would move the cursor, turn text
 * round or hide it, and what is no UTF-8, becomes \xNN (ctl_table_escape); tabs become
 * blanks, lines end with LF.  From the first part on that says it is HTML, tags are left
 * out and what they link to is shown in brackets, so that nothing a reader could render
 * comes out.  Encoded words and encoded parts are shown as they came: nothing is decoded
 * that would then have to be made harmless once more.
 */
#ifndef POLICYD_TERMINAL_MAIL_VIEW_H
#define POLICYD_TERMINAL_MAIL_VIEW_H

#include "shared/base/buffer.h"

enum { MAIL_VIEW_MAX = 256 << 10 }; /* octets of the mail that are shown */

/* The header, and the body where there is one behind an empty line.  Of more than
 * MAIL_VIEW_MAX a last line says how much is not shown. */
void mail_view_write(struct buffer *out, struct span mail);

#endif
