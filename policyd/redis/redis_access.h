/*
 * redis_access - what a daemon's user must be able to read and reach for Redis, for -t.
 */
#ifndef POLICYD_REDIS_REDIS_ACCESS_H
#define POLICYD_REDIS_REDIS_ACCESS_H

#include "policyd/redis/redis_config.h"
#include "shared/service/access_check.h"

enum { REDIS_ACCESS_WANTS = 2 };

/* The wants borrow from the configuration.  Gives REDIS_ACCESS_WANTS. */
size_t redis_access_wants(const struct redis_config *redis, struct access_want *wants);

#endif
