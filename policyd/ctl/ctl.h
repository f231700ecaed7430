/*
 * ctl - what every verb of postshiftctl works with.
 *
 * One command, then the process ends: texts live in one arena, the connection to Redis is
 * opened by the first who needs it.
 */
#ifndef POLICYD_CTL_CTL_H
#define POLICYD_CTL_CTL_H

#include "policyd/ctl/ctl_config.h"
#include "policyd/redis/redis_sync.h"
#include "policyd/terminal/ctl_arguments.h"
#include "shared/base/arena.h"

/* Exit codes; EXIT_CONFIG is 78. */
enum ctl_exit {
    CTL_DONE = 0,
    CTL_NO = 1, /* the answer is no, or bad */
    CTL_USAGE = 2,
    CTL_NO_REDIS = 3, /* Redis can't be reached, or doesn't let us */
    CTL_REFUSED = 4,  /* by a guard; --force overrides */
};

struct ctl_same_as;
struct ctl_verb;

struct ctl {
    struct ctl_arguments arguments;
    struct ctl_config *config;
    struct arena *arena;
    struct redis_sync *redis; /* NULL until ctl_redis_open */
    struct ctl_same_as
        *same_as; /* what domains are same_as, as far as it was asked for */
    const struct ctl_verb *verbs; /* all there are */
    size_t verb_count;
    const char *who; /* for events */
    const char *host;
};

#endif
