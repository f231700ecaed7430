#include "policyd/gateways/health.h"

#include <string.h>

static bool
becomes(struct health *health, bool is_up)
{
    bool flips = !health->is_known || health->is_up != is_up;

    health->is_known = true;
    health->is_up = is_up;
    return flips;
}

static bool
take_bad(struct health *health, uint64_t now_ms, bool is_final)
{
    bool is_second = health->was_bad && now_ms - health->bad_ms <= HEALTH_FALL_MS;

    health->was_bad = true;
    health->bad_ms = now_ms;
    health->good = 0;
    if (is_final || is_second || !health->is_known)
        return becomes(health, false);
    return false;
}

bool
health_take(struct health *health, uint64_t now_ms, enum health_look look)
{
    if (look != HEALTH_GOOD)
        return take_bad(health, now_ms, look == HEALTH_LEAVING);
    if (!health->is_known)
        return becomes(health, true);
    if (health->good == HEALTH_RISE_LOOKS)
        memmove(&health->good_ms[0], &health->good_ms[1],
            (HEALTH_RISE_LOOKS - 1) * sizeof(health->good_ms[0]));
    else
        health->good++;
    health->good_ms[health->good - 1] = now_ms;
    if (health->is_up || health->good < HEALTH_RISE_LOOKS ||
        now_ms - health->good_ms[0] > HEALTH_RISE_MS)
        return false;
    health->was_bad = false;
    return becomes(health, true);
}

uint64_t
health_pause_ms(const struct health *health)
{
    return health->is_known && !health->is_up ? HEALTH_DOWN_EACH_MS : HEALTH_UP_EACH_MS;
}
