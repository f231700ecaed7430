#include "policyd/ctl/ctl_preflight_taken.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEPT_S = 12 * 3600, AT_ONCE = 8 };

static struct span
key_of(struct ctl_preflight *preflight, const char *place)
{
    return ctl_store_key(preflight->ctl, preflight->ctl->arena, "movers:",
        span_of(arena_printf(preflight->ctl->arena, "%s:%s", preflight->name, place)));
}

static int
compare(const void *left, const void *right)
{
    return span_compare(*(const struct span *)left, *(const struct span *)right);
}

/* Sorted; none where Redis can't say. */
static struct span *
read_all(struct ctl_preflight *preflight, const char *place, size_t *count)
{
    struct ctl *ctl = preflight->ctl;
    const char *since =
        arena_printf(ctl->arena, "%" PRId64, (int64_t)time(NULL) - KEPT_S);
    const struct redis_reply *reply;
    struct span *names;
    struct error error;

    *count = 0;
    if (!ctl_store_open(ctl, &error) ||
        !redis_call_words(ctl->redis, &reply, &error, SPAN("ZRANGEBYSCORE"),
            key_of(preflight, place), span_of(since), SPAN("+inf")) ||
        !redis_reply_is_array(reply, 0))
        return NULL;
    names = arena_take(ctl->arena, (reply->count + 1) * sizeof(*names));
    for (size_t i = 0; i < reply->count; i++)
        names[(*count)++] = arena_span(ctl->arena, reply->elements[i].text);
    qsort(names, *count, sizeof(*names), compare);
    return names;
}

size_t
ctl_preflight_taken_find(struct ctl_preflight *preflight, const char *place,
    struct check_mover *movers, size_t count)
{
    size_t known = 0;
    size_t found = 0;
    const struct span *names = read_all(preflight, place, &known);

    for (size_t i = 0; i < count && known > 0; i++) {
        struct span address = span_of(movers[i].address);

        if (bsearch(&address, names, known, sizeof(*names), compare) == NULL)
            continue;
        movers[i].address = movers[found].address;
        movers[found].address = address.data;
        movers[found++].reply = (struct smtp_reply){.code = 250};
    }
    return found;
}

void
ctl_preflight_taken_keep(struct ctl_preflight *preflight, const char *place,
    const struct check_mover *movers, size_t count)
{
    struct ctl *ctl = preflight->ctl;
    struct span now = span_of(arena_printf(ctl->arena, "%" PRId64, (int64_t)time(NULL)));
    struct span words[2 + 2 * AT_ONCE] = {SPAN("ZADD"), key_of(preflight, place)};
    size_t word_count = 2;
    struct error error;

    for (size_t i = 0; i < count && i < AT_ONCE; i++) {
        if (movers[i].reply.code / 100 != 2)
            continue;
        words[word_count++] = now;
        words[word_count++] = span_of(movers[i].address);
    }
    if (word_count == 2 || !ctl_store_open(ctl, &error) ||
        !redis_call(ctl->redis, word_count, words, NULL, &error))
        return;
    (void)redis_call_words(ctl->redis, NULL, &error, SPAN("EXPIRE"), words[1],
        span_of(arena_printf(ctl->arena, "%d", KEPT_S)));
}
