/*
 * setup_undo - the copy of each mail for undo: a recipient that cleanup adds for mail to
 * our domains, and the service that brings it to the listener.  Pure.
 *
 * cleanup's entry in master.cf gets recipient_bcc_maps of its own, which is the site's
 * and behind them a table of our domains.  So the copy is a recipient of the same queue
 * file, one a message, about which nobody is ever notified (Postfix adds it with
 * NOTIFY=NEVER); and an entry of master.cf that is replaced takes all of it away at once.
 *
 * The service has short times and a filter: what the listener refuses is dropped, and
 * while it can't be reached copies wait, so that neither holds up mail.
 *
 * Limits: an address that the site's own recipient_bcc_maps answer, or that is an alias
 * in a domain which isn't ours, has no copy.
 */
#ifndef POLICYD_WIRING_SETUP_UNDO_H
#define POLICYD_WIRING_SETUP_UNDO_H

#include "policyd/wiring/setup_planner.h"

#define SETUP_UNDO "cutover-undo"

/* The entry and cleanup's setting as they should be: there where undo is on, else gone.
 */
void setup_undo_plan(struct setup_planner *planner);

/* No more copies are asked for; the service stays for those that wait. */
void setup_undo_stop(struct setup_planner *planner);

/* All of it goes. */
void setup_undo_remove(struct setup_planner *planner);

/* What stands behind policyd's among the maps that route: "" where undo is off. */
const char *setup_undo_map(struct arena *arena, const struct setup_facts *facts);
bool setup_undo_is_map(struct span item); /* one that an earlier plan put there */

#endif
