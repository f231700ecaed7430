/*
 * serve_context - what the handlers answer from: the configuration in force and the
 * replica.
 *
 * One struct, passed along by pointer; who owns the parts puts new ones in their place
 * between two events.
 */
#ifndef POLICYD_SERVE_SERVE_CONTEXT_H
#define POLICYD_SERVE_SERVE_CONTEXT_H

#include "policyd/serve/serve_config.h"
#include "policyd/store/replica_sync.h"
#include "shared/service/farewell.h"
#include "shared/service/metrics.h"

/* The file as it was when it was last read. */
struct serve_file {
    const char *path;
    int64_t modified; /* unix time; 0: it was not there */
    bool refused;     /* a later version of it was */
};

struct serve_context {
    const struct serve_config *config;
    struct serve_file file;
    const struct replica_sync *sync;
    const struct replica *replica; /* what sync says is to be asked */
    struct metrics *metrics;
    struct farewell *farewell; /* to those who lead mail here */
};

/* What held mail is told: Redis' word, else the file's. */
const char *serve_context_hold_text(const struct serve_context *context);

#endif
