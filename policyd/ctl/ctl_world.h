/*
 * ctl_world - a small replica of what Redis has for some domains and recipients, so that
 * postshiftctl decides as policyd would.
 *
 * It knows what Redis says now; what policyd kept because Redis' word was no order it
 * can't know.  The override file is laid over it, as policyd does.
 */
#ifndef POLICYD_CTL_CTL_WORLD_H
#define POLICYD_CTL_CTL_WORLD_H

#include "policyd/ctl/ctl_odd.h"
#include "policyd/ctl/ctl_store.h"
#include "policyd/replica/replica.h"

struct ctl_world {
    struct ctl *ctl;
    struct replica *replica;
    struct ctl_odd *odd;
};

void ctl_world_open(struct ctl_world *world, struct ctl *ctl);
void ctl_world_clear(struct ctl_world *world);

/* A domain, and the one that it is same_as; asked for once. */
bool ctl_world_add_domain(struct ctl_world *world, struct span name, struct error *error);

/* The lists `exclude` and `known`, and those that the domain's state names. */
bool ctl_world_add_lists(
    struct ctl_world *world, struct span domain, struct error *error);

/* Pins and units of canonical names, and the pins of these units. */
bool ctl_world_add_names(
    struct ctl_world *world, const struct span *names, size_t count, struct error *error);

/* The page of /status.json as policyd would write it by what Redis says. */
bool ctl_world_status_page(struct ctl *ctl, struct buffer *page, struct error *error);

#endif
