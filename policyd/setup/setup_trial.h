/*
 * setup_trial - what Postfix makes of main.cf and master.cf that are not its own yet.
 *
 * They stand in a folder of their own for as long as postconf(1) looks at them; old, for
 * it waits until main.cf has not been changed for two seconds.
 */
#ifndef POLICYD_SETUP_SETUP_TRIAL_H
#define POLICYD_SETUP_SETUP_TRIAL_H

#include "policyd/setup/setup_site.h"
#include "policyd/wiring/setup_record.h"

bool setup_trial_list(const struct setup_site *site, const struct span texts[SETUP_FILES],
    struct setup_listing *listing, struct error *error);

#endif
