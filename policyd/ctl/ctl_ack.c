#include "policyd/ctl/ctl_ack.h"

#include <string.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_write.h"
#include "shared/base/number.h"

/* Longer than anybody tells an event again. */
enum { ACKED_SECONDS = 8 * 86400 };

/* "1764000000000-0" */
static bool
is_id(struct span text)
{
    size_t dash = span_find(text, '-');
    uint64_t number;

    return dash != SPAN_NONE &&
           number_unsigned(span_first(text, dash), UINT64_MAX, &number) &&
           number_unsigned(span_from(text, dash + 1), UINT64_MAX, &number);
}

/* False: Redis can't be asked; what and domain are "" where there is no such event. */
static bool
find_event(struct ctl *ctl, struct span id, const char **domain, const char **what,
    struct error *error)
{
    struct span key = ctl_store_key(ctl, ctl->arena, "events", span_of(""));
    const struct redis_reply *reply;
    const struct redis_reply *fields;

    *domain = *what = "";
    if (!ctl_store_open(ctl, error) ||
        !redis_call_words(ctl->redis, &reply, error, SPAN("XRANGE"), key, id, id))
        return false;
    if (!redis_reply_is_array(reply, 1) ||
        !redis_reply_is_array(&reply->elements[0], 2) ||
        !redis_reply_is_array(&reply->elements[0].elements[1], 0))
        return true;
    fields = &reply->elements[0].elements[1];
    *domain = arena_text(ctl->arena, redis_reply_field(fields, "domain"));
    *what = arena_text(ctl->arena, redis_reply_field(fields, "what"));
    return true;
}

static int
acknowledge(struct ctl *ctl, struct span id)
{
    struct ctl_event event = {.what = "ack", .key = arena_text(ctl->arena, id)};
    struct span key = ctl_store_key(ctl, ctl->arena, "acked:", id);
    struct error error;
    struct span before;
    bool found;

    if (!find_event(ctl, id, &event.domain, &event.to, &error))
        return ctl_store_fail(ctl, &error);
    if (event.to[0] == '\0')
        return ctl_output_fail(CTL_NO,
            "there is no event %s (events shows them, --json with ids)", event.key);
    event.why = ctl->arguments.values[CTL_WHY];
    if (!ctl_store_value(ctl, key, &before, &found, &error))
        return ctl_store_fail(ctl, &error);
    if (found) {
        ctl_output_say("%s of %s: acknowledged already, by %s", event.to, event.domain,
            ctl_output_text(ctl->arena, before));
        return CTL_DONE;
    }
    if (!ctl_write_for_a_time(ctl, key, span_of(ctl->who), ACKED_SECONDS, &event, &error))
        return ctl_store_fail(ctl, &error);
    ctl_output_say("%s of %s: acknowledged",
        ctl_output_text(ctl->arena, span_of(event.to)),
        ctl_output_text(ctl->arena, span_of(event.domain)));
    return CTL_DONE;
}

int
ctl_ack_run(struct ctl *ctl)
{
    struct span id;

    if (ctl->arguments.count != 2)
        return ctl_output_fail(CTL_USAGE, "one event is wanted: events ack ID");
    id = span_of(ctl->arguments.words[1]);
    if (!is_id(id))
        return ctl_output_fail(CTL_USAGE, "%s is no id of an event (1764000000000-0)",
            ctl_output_text(ctl->arena, id));
    return acknowledge(ctl, id);
}
