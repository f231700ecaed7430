/*
 * ctl_others - the other gateways, by their last word in Redis: who there is stands in
 * the sorted set `gateways`, what each says in `gateway:NAME`.
 */
#ifndef POLICYD_CTL_CTL_OTHERS_H
#define POLICYD_CTL_CTL_OTHERS_H

#include "policyd/ctl/ctl.h"

enum {
    CTL_OTHERS_MAX = 100,
    CTL_OTHERS_SILENT_S = 200, /* three heartbeats and three slots of a minute */
};

struct ctl_other {
    const char *name;
    int64_t time;     /* unix time of its last word; 0: none is known */
    bool is_silent;   /* since then, for too long */
    bool knows;       /* how many wait */
    uint64_t waiting; /* recipients, of all domains */
};

/* In the arena, by name; our own is left out. */
bool ctl_others_read(
    struct ctl *ctl, const struct ctl_other **others, size_t *count, struct error *error);

#endif
