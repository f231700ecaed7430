/*
 * farewell - who is watched says that it stops before it closes anything.
 *
 * Asked by somebody within the last 5 s, it stays until the next one who asks was told,
 * or for 2 s; asked by nobody, it goes at once.
 */
#ifndef SHARED_SERVICE_FAREWELL_H
#define SHARED_SERVICE_FAREWELL_H

#include <stdbool.h>
#include <stdint.h>

enum {
    FAREWELL_WATCHED_MS = 5000,
    FAREWELL_MS = 2000,
    FAREWELL_SENT_MS = 100, /* until what was told is on its way */
};

struct farewell {
    uint64_t asked_ms; /* 0: never */
    uint64_t begun_ms; /* 0: it goes on */
    uint64_t told_ms;
};

/* Somebody asks.  True: it is to be told that this stops. */
bool farewell_ask(struct farewell *farewell, uint64_t now_ms);

/* It has to stop: now, and again a little later while this is false. */
bool farewell_is_over(struct farewell *farewell, uint64_t now_ms);

#endif
