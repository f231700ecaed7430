/*
 * milter_reply - applies a verdict: the only caller of libmilter's changing calls.
 */
#ifndef MILTERS_COMMON_MILTER_REPLY_H
#define MILTERS_COMMON_MILTER_REPLY_H

#include <libmilter/mfapi.h>
#include <stdbool.h>

#include "milters/common/verdict.h"

/*
 * At end of message only.  `leading_space`: whether HDR_LEADSPC was granted, so that
 * values carry their own. Deletes from the highest number down, then appends and inserts.
 * Edits are made for whatever is delivered (also into the hold queue), not for what is
 * refused.  A change that libmilter does not take makes it a tempfail: a message never
 * goes on without the headers it should have.
 */
sfsistat milter_reply_apply(
    SMFICTX *session, const struct verdict *verdict, bool leading_space);

/* The reply text with each '%' doubled, as smfi_setreply wants it; false when it is no
 * line it takes.  Pure. */
bool milter_reply_text(const char *text, char *out, size_t size);

#endif
