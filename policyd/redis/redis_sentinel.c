#include "policyd/redis/redis_sentinel.h"

#include "shared/base/number.h"

void
redis_sentinel_take_address(
    struct redis_sentinel *sentinel, const struct redis_reply *reply)
{
    struct socket_address primary = {.kind = SOCKET_INET};
    uint64_t port;

    if (!redis_reply_is_array(reply, 2) || !redis_reply_is_string(&reply->elements[0]) ||
        !redis_reply_is_string(&reply->elements[1]) ||
        !span_copy(reply->elements[0].text, primary.host, sizeof(primary.host)) ||
        primary.host[0] == '\0' ||
        !number_unsigned(reply->elements[1].text, 65535, &port) || port == 0)
        return;
    primary.port = (unsigned)port;
    sentinel->primary = primary;
    sentinel->known = true;
}

void
redis_sentinel_take_epoch(
    struct redis_sentinel *sentinel, const struct redis_reply *reply)
{
    if (!redis_reply_is_array(reply, 2))
        return;
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        if (redis_reply_is_string(&reply->elements[i]) &&
            span_is(reply->elements[i].text, "config-epoch") &&
            redis_reply_is_string(&reply->elements[i + 1]))
            (void)number_unsigned(
                reply->elements[i + 1].text, UINT64_MAX, &sentinel->epoch);
    }
}

const struct redis_sentinel *
redis_sentinel_best(const struct redis_sentinel *sentinels, size_t count)
{
    const struct redis_sentinel *best = NULL;

    for (size_t i = 0; i < count; i++) {
        if (sentinels[i].known && (best == NULL || sentinels[i].epoch > best->epoch))
            best = &sentinels[i];
    }
    return best;
}
