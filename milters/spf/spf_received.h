/*
 * spf_received - the Received-SPF field (RFC 7208 section 9.1).
 *
 * Pure.  What strangers wrote (sender, HELO, domain) stands in quoted strings, with
 * octets that are not printable ASCII shown as '?'; what is too long is left out.  The
 * comment has their domain only where it is a plain one.
 */
#ifndef MILTERS_SPF_SPF_RECEIVED_H
#define MILTERS_SPF_SPF_RECEIVED_H

#include "milters/spf/spf_report.h"
#include "shared/base/buffer.h"

enum { SPF_RECEIVED_MAX = 4096 }; /* octets; a buffer of this ceiling always does */

/*
 * Appends the field's value, folded with LF and a tab.  `mailbox` is the sender without
 * brackets, empty for the null sender.
 */
void spf_received_write(const struct spf_report *report, const struct spf_client *client,
    struct span mailbox, struct buffer *out);

#endif
