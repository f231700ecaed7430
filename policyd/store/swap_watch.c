#include "policyd/store/swap_watch.h"

#include "shared/base/number.h"

/* How many SWAPDB this text of INFO tells of. */
static uint64_t
count_swaps(struct span info)
{
    static const struct span begin = {"cmdstat_swapdb:calls=", 21};
    struct span line;
    uint64_t calls = 0;

    while (span_split(&info, '\n', &line)) {
        if (!span_starts(line, begin))
            continue;
        line = span_from(line, begin.length);
        (void)number_unsigned(span_first(line, span_find(line, ',')), UINT64_MAX, &calls);
    }
    return calls;
}

static void
was_told(void *argument, const struct redis_reply *reply)
{
    struct swap_watch *watch = argument;
    uint64_t calls;
    bool swapped;

    if (!redis_reply_is_string(reply))
        return;
    calls = count_swaps(reply->text);
    swapped = watch->known && calls != watch->calls;
    watch->known = true;
    watch->calls = calls;
    if (swapped)
        watch->swapped(watch->argument);
}

void
swap_watch_ask(struct swap_watch *watch, struct redis *redis)
{
    (void)redis_ask(redis, was_told, watch, SPAN("INFO"), SPAN("commandstats"));
}

void
swap_watch_forget(struct swap_watch *watch)
{
    watch->known = false;
}
