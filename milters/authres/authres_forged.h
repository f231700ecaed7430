/*
 * authres_forged - which fields of a message pretend to be ours.
 *
 * An Authentication-Results field is ours when its authserv-id is our own, in whatever
 * disguise: case, comments, quotes, folds, a final dot, a version, letters that IDNA maps
 * to it (RFC 8601 section 5).  One whose id is there and can't be read for certain goes
 * whoever wrote it: encoded words (which some readers decode), white space or a comment
 * inside the name.  One that has no id is ours when our id stands anywhere in it.
 * A Received-SPF field is ours when it names us as the receiver, or has encoded words.
 * No size is too large to be looked at.
 */
#ifndef MILTERS_AUTHRES_AUTHRES_FORGED_H
#define MILTERS_AUTHRES_AUTHRES_FORGED_H

#include "shared/base/span.h"

bool authres_claims(struct span value, struct span authserv_id);
bool authres_received_spf_claims(struct span value, struct span authserv_id);

#endif
