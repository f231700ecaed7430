/*
 * setup_filter - what `routing = filter` needs of this Postfix.
 *
 * policyd binds a message to a backend at its first recipient, which it knows by the
 * queue id that isn't there yet.  A server that opens the queue file at MAIL FROM would
 * have all its mail put off.  Pure.
 */
#ifndef POLICYD_WIRING_SETUP_FILTER_H
#define POLICYD_WIRING_SETUP_FILTER_H

#include "policyd/wiring/setup_plan.h"

/* Why it can't be; NULL: it can.  `delays` is smtpd_delay_open_until_valid_rcpt of
 * main.cf. */
const char *setup_filter_refusal(
    const struct setup_facts *facts, struct span delays, struct arena *arena);

#endif
