/*
 * ctl_quarantine - what the verbs of quarantine have in common: which mails are meant,
 * and how one is told.
 */
#ifndef POLICYD_CTL_CTL_QUARANTINE_H
#define POLICYD_CTL_CTL_QUARANTINE_H

#include "policyd/ctl/ctl_health.h"
#include "policyd/ctl/ctl_hold.h"

enum { CTL_QUARANTINE_MAX = 1000 }; /* mails of a call */

struct quarantine_choice {
    const struct hold_mail **mails; /* by their arrival, each once */
    size_t count;
    size_t left; /* match as well, and are too many for one call */
};

/* Whether one that is listed is meant by --verdict, --from, --to, --domain, --older and
 * --any. */
bool ctl_quarantine_matches(struct ctl *ctl, const struct hold_mail *mail);

/* The ids of the command line, or all that match; CTL_DONE, or said why not. */
int ctl_quarantine_choose(
    struct ctl *ctl, const struct hold_queue *queue, struct quarantine_choice *choice);

/* "scan: virus Eicar-Test-Signature", "not by us" */
const char *ctl_quarantine_verdict(struct ctl *ctl, const struct hold_mail *mail);

/* release, delete, expire. */
int ctl_quarantine_act(struct ctl *ctl, enum hold_act act);

/* For status: how many are on hold by us, where that can be told. */
void ctl_quarantine_look(struct ctl_health *health, struct ctl *ctl);

#endif
