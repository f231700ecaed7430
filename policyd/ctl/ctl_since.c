#include "policyd/ctl/ctl_since.h"

#include <string.h>

#include "shared/base/number.h"

enum { BUNCH = 500 };

struct reading {
    const char *domain;
    int64_t oldest; /* of all events that were read */
    int64_t set_at; /* the last one that set the weight; 0: none yet */
    bool to_all;    /* to 100 */
};

/* Whether `to` of such an event is a weight. */
static bool
sets_weight(struct span what)
{
    return span_is(what, "weight") || span_is(what, "plan-advance") ||
           span_is(what, "rollback") || span_is(what, "plan-edited");
}

static void
take_event(struct reading *reading, const struct redis_reply *fields)
{
    struct span to = redis_reply_field(fields, "to");
    uint64_t at;
    unsigned weight;

    if (!number_unsigned(redis_reply_field(fields, "time"), INT64_MAX, &at))
        return;
    reading->oldest = (int64_t)at;
    if (reading->set_at != 0 ||
        !span_is(redis_reply_field(fields, "domain"), reading->domain) ||
        !sets_weight(redis_reply_field(fields, "what")) || !number_percent(to, &weight))
        return;
    reading->set_at = (int64_t)at;
    reading->to_all = weight == 10000;
}

static bool
read_events(struct ctl *ctl, struct reading *reading, struct error *error)
{
    struct span key = ctl_store_key(ctl, ctl->arena, "events", span_of(""));
    const char *count = arena_printf(ctl->arena, "%d", BUNCH);
    const char *from = "+";
    const struct redis_reply *reply;

    do {
        if (!ctl_store_open(ctl, error) ||
            !redis_call_words(ctl->redis, &reply, error, SPAN("XREVRANGE"), key,
                span_of(from), SPAN("-"), SPAN("COUNT"), span_of(count)))
            return false;
        if (!redis_reply_is_array(reply, 0))
            return error_temporary(error, "XREVRANGE was answered by no list");
        for (size_t i = 0; i < reply->count; i++) {
            const struct redis_reply *entry = &reply->elements[i];

            if (!redis_reply_is_array(entry, 2) ||
                !redis_reply_is_array(&entry->elements[1], 0))
                continue;
            take_event(reading, &entry->elements[1]);
            from = arena_printf(
                ctl->arena, "(%s", arena_text(ctl->arena, entry->elements[0].text));
        }
    } while (reply->count == BUNCH && reading->set_at == 0);
    return true;
}

bool
ctl_since_all_on_new(struct ctl *ctl, const char *domain, const struct plan_record *plan,
    int64_t *since, struct error *error)
{
    struct reading reading = {.domain = domain};

    *since = 0;
    if (!read_events(ctl, &reading, error))
        return false;
    if (reading.set_at != 0)
        *since = reading.to_all ? reading.set_at : 0;
    else if (plan->stage > 0 && plan->stages[plan->stage - 1].weight == 10000)
        *since = plan->since;
    else
        *since = reading.oldest;
    return true;
}
