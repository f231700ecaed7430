/*
 * setup_run - carries a plan out on main.cf and master.cf: looked at by Postfix itself,
 * written, read again, then taken into use.
 *
 * A check that fails, or a reload, puts both files back as they were.  What takes mail
 * our way is not in use before all has been checked.
 */
#ifndef POLICYD_SETUP_SETUP_RUN_H
#define POLICYD_SETUP_SETUP_RUN_H

#include "policyd/setup/setup_change.h"

struct setup_outcome {
    const char *suffix;           /* what the copies of both files end in */
    bool mended[SETUP_FILES];     /* the last line had no end */
    bool given_back[SETUP_FILES]; /* octet for octet what it was before us */
    bool is_stopped;              /* Postfix isn't running: nothing was reloaded */
};

/*
 * The plan is made anew from the files as they are once nobody else can change them; one
 * without steps changes nothing.  False: the error says what is wrong, and how the files
 * are.
 */
bool setup_run(struct setup_site *site, enum setup_want want, struct setup_plan *plan,
    struct setup_outcome *outcome, struct error *error);

/* What of ours still stands in a file, or NULL: a line that no plan knows. */
const char *setup_run_left_over(const struct setup_site *site);

#endif
