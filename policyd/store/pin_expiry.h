/*
 * pin_expiry - when Redis itself is going to delete a pin (SET ... EX, EXPIRE).
 *
 * To us that deletion looks like any other: many at once would be a loss.  So where it is
 * cheap the time is asked for and counts as the pin's `until`, after which it decides
 * nothing and its going is no loss: for each pin that changes, and in a load, which is to
 * stay fast, for those that hold or were known to end.  A question for which there is no
 * room is not asked.
 */
#ifndef POLICYD_STORE_PIN_EXPIRY_H
#define POLICYD_STORE_PIN_EXPIRY_H

#include "policyd/store/reading.h"

/* `value` of `key` was just read over the same connection. */
void pin_expiry_ask(struct reading *reading, unsigned targets, struct span key,
    const struct replica_key *about, const struct replica_value *value);

#endif
