/*
 * redis_options - where Redis is and how to log in; filled from the configuration by each
 * program.
 */
#ifndef POLICYD_REDIS_REDIS_OPTIONS_H
#define POLICYD_REDIS_REDIS_OPTIONS_H

#include "policyd/redis/redis_tls.h"
#include "shared/base/error.h"
#include "shared/service/socket_address.h"

enum { REDIS_SENTINELS_MAX = 8, REDIS_PASSWORD_MAX = 1025, REDIS_TIMEOUT_MS = 2000 };

/* All texts are copied by those who take the struct. */
struct redis_options {
    struct socket_address address; /* asked where there are no sentinels */
    struct socket_address sentinels[REDIS_SENTINELS_MAX];
    size_t sentinel_count;
    const char *primary;           /* what the sentinels call it */
    const char *username;          /* "" or NULL: none */
    const char *password;          /* "" or NULL: none */
    struct redis_tls_context *tls; /* NULL: none; shared */
    unsigned database;
    unsigned timeout_ms; /* for connecting, and for each command; 0: REDIS_TIMEOUT_MS */
    unsigned answer_ms;  /* for each command once it is up; 0: timeout_ms */
    bool quiet; /* logs no change of state: another connection to the same Redis does */
};

/* A copy that owns its texts, with the timeout filled in; cleared with its password
 * wiped. */
void redis_options_copy(struct redis_options *copy, const struct redis_options *options);
void redis_options_clear(struct redis_options *copy);

#endif
