#include "policyd/store/eviction_policy.h"

#include <stdio.h>
#include <string.h>

#include "shared/service/log.h"

static void
was_told(void *argument, const struct redis_reply *reply)
{
    static const struct span field = {"maxmemory_policy:", 17};
    struct eviction_policy *policy = argument;
    char name[sizeof(policy->name)] = "unknown";
    struct span rest;
    struct span line;
    bool is_new;

    if (reply == NULL)
        return;
    rest = redis_reply_is_string(reply) ? reply->text : span_make(NULL, 0);
    while (span_split(&rest, '\n', &line)) {
        if (span_starts(line, field))
            (void)span_copy(span_trim(span_from(line, field.length)), name, sizeof(name));
    }
    is_new = strcmp(name, policy->name) != 0;
    snprintf(policy->name, sizeof(policy->name), "%s", name);
    if (is_new && !eviction_policy_is_safe(policy))
        log_warning("", log_text("redis", redis_address(policy->redis)),
            log_text("maxmemory-policy", name),
            log_note("should be noeviction: an evicted key looks like a deleted one"));
}

void
eviction_policy_ask(struct eviction_policy *policy, struct redis *redis)
{
    policy->redis = redis;
    (void)redis_ask(redis, was_told, policy, SPAN("INFO"), SPAN("memory"));
}

bool
eviction_policy_is_safe(const struct eviction_policy *policy)
{
    return policy->name[0] == '\0' || strcmp(policy->name, "noeviction") == 0;
}
