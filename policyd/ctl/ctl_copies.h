/*
 * ctl_copies - how the journal of copies for undo is, by what its listener tells in the
 * folder.
 */
#ifndef POLICYD_CTL_CTL_COPIES_H
#define POLICYD_CTL_CTL_COPIES_H

#include "policyd/ctl/ctl_health.h"
#include "shared/base/json.h"

struct ctl_copies {
    bool is_on;                  /* [cutover] undo says for how long */
    const struct ctl_json *told; /* NULL: nothing could be read */
};

/* Adds what is found; nothing where undo is off. */
void ctl_copies_look(
    struct ctl_copies *copies, struct ctl_health *health, struct ctl *ctl);

/* "undo": null, or an object. */
void ctl_copies_write(struct json *json, const struct ctl_copies *copies);

#endif
