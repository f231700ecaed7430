/*
 * pin - a pin's text to its meaning at a time.
 *
 * `old`, `new`, `standby` or `hold`, then optionally `until=RFC3339` and `note=TEXT` (the
 * rest of the line), or `none`, which our own bulk verbs write before they delete.  One
 * blank or more between them.
 */
#ifndef POLICYD_STATE_PIN_H
#define POLICYD_STATE_PIN_H

#include "shared/base/error.h"
#include "shared/base/span.h"

enum { PIN_TEXT_MAX = 1024 }; /* octets */

enum pin_place { PIN_NONE, PIN_OLD, PIN_NEW, PIN_STANDBY, PIN_HOLD, PIN_BAD };

struct pin {
    enum pin_place place;
    int64_t until;    /* unix time; 0: for ever */
    struct span note; /* borrowed from the text; printable only */
};

/* False: no pin; then it is PIN_BAD. */
bool pin_parse(struct span text, struct pin *pin, struct error *error);

/* Whether it decides anything now: not PIN_NONE, and not past its `until`. */
bool pin_counts(const struct pin *pin, int64_t now);

/* "none" "old" "new" "standby" "hold" "bad" */
const char *pin_place_name(enum pin_place place);

#endif
