/*
 * edited_field - the fields that a milter takes out of a mail that comes with them.
 *
 * Both milters edit the same message, and neither knows what the other does.  Postfix's
 * cleanup takes the longer for each edit the more there are, gives up at about ten
 * thousand, and then takes no mail at all for a minute.  So each looks at the names of
 * both, and one with something to take out refuses a message that has too many of them:
 * what is left is at most EDITED_FIELDS_MAX deletions, together (0.06 s of cleanup).
 */
#ifndef MILTERS_MESSAGE_EDITED_FIELD_H
#define MILTERS_MESSAGE_EDITED_FIELD_H

#include "shared/base/span.h"

enum { EDITED_FIELDS_MAX = 1000 };

/* Names that postshift-auth looks at (and takes out where they claim to be ours). */
bool edited_field_is_results(struct span name);

/* Names that postshift-scan may take out: those of its own, and with spamd X-Spam-. */
bool edited_field_is_scans(struct span name);

#endif
