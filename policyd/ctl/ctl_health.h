/*
 * ctl_health - what is bad about a status, in sentences, each once.
 *
 * What is bad makes `status` exit 1; a warning is told and changes nothing.  All texts
 * are harmless to print and live in the arena of `ctl`.
 */
#ifndef POLICYD_CTL_CTL_HEALTH_H
#define POLICYD_CTL_CTL_HEALTH_H

#include "policyd/ctl/ctl.h"
#include "policyd/ctl/ctl_json.h"

enum { CTL_FINDINGS_MAX = 4000 };

/* The page's `source` where neither policyd nor Redis could be asked; it has no states.
 */
#define CTL_HEALTH_OF_NOBODY "nobody"

struct ctl_finding {
    const struct ctl_json *domain; /* whose row it belongs to; NULL: none's */
    bool is_bad;
    const char *text; /* a sentence */
};

struct ctl_health {
    struct arena *arena;
    struct ctl_finding *items;
    size_t count;
    bool is_bad;
};

/* `status` is the page of /status.json; `silent` is why policyd was not asked, or NULL.
 */
void ctl_health_look(struct ctl_health *health, struct ctl *ctl,
    const struct ctl_json *status, const char *silent);

/* What others find.  More than CTL_FINDINGS_MAX are left out. */
void ctl_health_add(struct ctl_health *health, const struct ctl_json *domain, bool is_bad,
    const char *text);

#endif
