/*
 * ctl_fleet - the same verb on every gateway, by [ctl] gateways_command:
 * `--all-gateways`.
 *
 * Each of [ctl] gateways is asked at the same time, without a shell, by the command with
 * its name for %h and the verb's own words behind it, for the verb's own JSON.  What
 * takes longer than [ctl] gateways_timeout, says more than FLEET_ANSWER_MAX, exits with
 * anything but 0 or 1, or is no JSON has not answered, and one sentence says why.
 *
 * ssh hands what it is given to a shell: where the command's program is named so, words
 * are quoted for that one.  Times of the command line are made absolute, since zones and
 * clocks are each gateway's own.
 */
#ifndef POLICYD_CTL_CTL_FLEET_H
#define POLICYD_CTL_CTL_FLEET_H

#include "policyd/ctl/ctl.h"
#include "policyd/ctl/ctl_json.h"

enum { FLEET_ANSWER_MAX = 64 << 20, FLEET_GATEWAYS_MAX = 100 };

struct fleet_answer {
    const char *host;
    const struct ctl_json *document; /* NULL: there is none */
    const char *why;                 /* harmless to print */
    struct arena *arena;             /* of the document */
};

struct fleet {
    struct fleet_answer answers[FLEET_GATEWAYS_MAX];
    size_t count;
    const char *silent[FLEET_GATEWAYS_MAX]; /* who has not answered */
    size_t silent_count;
};

/* False: said so. */
bool ctl_fleet_ask(struct ctl *ctl, struct fleet *fleet);
void ctl_fleet_clear(struct fleet *fleet);

/* It has answered, but not to this. */
void ctl_fleet_refuse(struct fleet *fleet, size_t i, const char *why);

/* Who did not answer, why, and with how many messages waiting there at its last word. */
void ctl_fleet_tell_silent(struct ctl *ctl, const struct fleet *fleet);

#endif
