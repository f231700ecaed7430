/*
 * queue_id - what Postfix may call a message.  Pure.
 */
#ifndef POLICYD_MAILLOG_QUEUE_ID_H
#define POLICYD_MAILLOG_QUEUE_ID_H

#include "shared/base/span.h"

/* Long (no vowels, 10 and more) or short (6 to 16 of 0-9A-F). */
bool queue_id_is_valid(struct span text);

#endif
