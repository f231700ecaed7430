#include "policyd/ctl/ctl_others.h"

#include <string.h>
#include <time.h>

#include "policyd/ctl/ctl_store.h"
#include "shared/base/number.h"

static bool
read_one(struct ctl *ctl, struct span name, struct ctl_other *other, struct error *error)
{
    struct span key = ctl_store_key(ctl, ctl->arena, "gateway:", name);
    struct ctl_hash hash;
    uint64_t number = 0;

    *other = (struct ctl_other){.name = arena_text(ctl->arena, name)};
    if (!ctl_store_hash(ctl, key, &hash, error))
        return false;
    if (number_unsigned(ctl_hash_value(&hash, "time"), INT64_MAX, &number))
        other->time = (int64_t)number;
    other->knows =
        number_unsigned(ctl_hash_value(&hash, "waiting"), UINT64_MAX, &other->waiting);
    other->is_silent = other->time + CTL_OTHERS_SILENT_S < (int64_t)time(NULL);
    return true;
}

bool
ctl_others_read(
    struct ctl *ctl, const struct ctl_other **others, size_t *count, struct error *error)
{
    const char *own = ctl->config->gateway[0] != '\0' ? ctl->config->gateway : ctl->host;
    struct span key = ctl_store_key(ctl, ctl->arena, "gateways", span_of(""));
    struct ctl_other *found = arena_take(ctl->arena, CTL_OTHERS_MAX * sizeof(*found));
    struct span names[CTL_OTHERS_MAX];
    const struct redis_reply *reply;
    size_t named = 0;

    *others = found;
    *count = 0;
    if (!ctl_store_open(ctl, error) ||
        !redis_call_words(ctl->redis, &reply, error, SPAN("ZRANGE"), key, SPAN("-inf"),
            SPAN("+inf"), SPAN("BYSCORE"), SPAN("LIMIT"), SPAN("0"), SPAN("100")))
        return false;
    if (!redis_reply_is_array(reply, 0))
        return true;
    for (size_t i = 0; i < reply->count && named < CTL_OTHERS_MAX; i++) {
        if (!span_is(reply->elements[i].text, own))
            names[named++] = arena_span(ctl->arena, reply->elements[i].text);
    }
    for (size_t i = 0; i < named; i++) {
        if (!read_one(ctl, names[i], &found[i], error))
            return false;
    }
    *count = named;
    return true;
}
