#include "policyd/redis/redis_event.h"

enum { TEXT_MAX = 16 << 10 };

static bool
read_pair(const struct redis_reply *texts, struct arena *arena, struct event_pair *pair)
{
    if (!redis_reply_is_string(&texts[0]) || !redis_reply_is_string(&texts[1]) ||
        texts[0].text.length > TEXT_MAX || texts[1].text.length > TEXT_MAX)
        return false;
    *pair = (struct event_pair){
        arena_span(arena, texts[0].text), arena_span(arena, texts[1].text)};
    return true;
}

bool
redis_event_read(
    const struct redis_reply *reply, struct arena *arena, struct event_entry *entry)
{
    const struct redis_reply *texts;

    *entry = (struct event_entry){.id = SPAN("")};
    if (!redis_reply_is_array(reply, 2) || !redis_reply_is_string(&reply->elements[0]) ||
        !redis_reply_is_array(&reply->elements[1], 0) ||
        reply->elements[0].text.length >= EVENT_ID_SIZE)
        return false;
    entry->id = arena_span(arena, reply->elements[0].text);
    texts = &reply->elements[1];
    for (size_t i = 0; i + 1 < texts->count; i += 2) {
        if (entry->count < EVENT_PAIRS_MAX &&
            read_pair(&texts->elements[i], arena, &entry->pairs[entry->count]))
            entry->count++;
        else
            entry->is_odd = true;
    }
    return true;
}

void
redis_event_head(const struct redis_reply *reply, struct event_head *head)
{
    event_head_init(head);
    if (redis_reply_is_string(reply) && !event_head_parse(reply->text, head))
        event_head_init(head);
}
