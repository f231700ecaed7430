/*
 * health - whether a gateway takes mail, by looks at it: down after two bad ones within 2
 * s, up after three good ones in a row within 10 s.  Pure; times are of a clock that only
 * goes forward, in milliseconds.
 *
 * The first look decides.  What says that it leaves is down at once.
 */
#ifndef POLICYD_GATEWAYS_HEALTH_H
#define POLICYD_GATEWAYS_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HEALTH_FALL_MS = 2000,
    HEALTH_RISE_MS = 10000,
    HEALTH_RISE_LOOKS = 3,
    HEALTH_UP_EACH_MS = 500,    /* from one look to the next while it is up */
    HEALTH_DOWN_EACH_MS = 2000, /* and while it is down */
};

enum health_look { HEALTH_GOOD, HEALTH_BAD, HEALTH_LEAVING };

struct health {
    bool is_known;
    bool is_up;
    bool was_bad;
    uint64_t bad_ms;                     /* the last bad look */
    uint64_t good_ms[HEALTH_RISE_LOOKS]; /* those since, the newest last */
    unsigned good;
};

/* True: it is up now and was down, or the other way; so is the first look. */
bool health_take(struct health *health, uint64_t now_ms, enum health_look look);

/* How long to wait for the next look. */
uint64_t health_pause_ms(const struct health *health);

#endif
