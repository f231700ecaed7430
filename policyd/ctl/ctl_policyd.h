/*
 * ctl_policyd - asks policyd what it would answer, by its metrics address.
 */
#ifndef POLICYD_CTL_CTL_POLICYD_H
#define POLICYD_CTL_CTL_POLICYD_H

#include "policyd/ctl/ctl.h"
#include "policyd/ctl/ctl_json.h"

/*
 * A page as a document; NULL: policyd is silent, the error says why.  `raw` gets it as it
 * came (NULL: not wanted).
 */
const struct ctl_json *ctl_policyd_document(
    struct ctl *ctl, const char *path, struct buffer *raw, struct error *error);

/* The entry of a domain in /status.json, or NULL. */
const struct ctl_json *ctl_policyd_find_domain(
    const struct ctl_json *status, const char *name);

/* "/route.json?address=..." */
const char *ctl_policyd_route_path(struct ctl *ctl, struct span address);

/*
 * After a change of a domain: waits up to two seconds for policyd to have this rev, and
 * says on a line whether it answers so, not yet, or was not asked.
 */
void ctl_policyd_confirm(struct ctl *ctl, const char *name, uint64_t rev);

/*
 * After a change of what decides one recipient: waits up to two seconds until policyd's
 * answer is as wanted, and says where it sends the recipient now.
 */
void ctl_policyd_tell_route(struct ctl *ctl, struct span address,
    bool (*is_so)(const struct ctl_json *route, struct span wanted), struct span wanted);

#endif
