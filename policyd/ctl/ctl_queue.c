#include "policyd/ctl/ctl_queue.h"

#include <jansson.h>

static size_t
count_lines(struct span text)
{
    size_t lines = 1;

    for (size_t i = 0; i < text.length; i++)
        lines += text.data[i] == '\n';
    return lines;
}

size_t
ctl_queue_read(struct arena *arena, struct span text, struct queue_entry **entries)
{
    struct span line;
    size_t count = 0;

    *entries = arena_take(arena, (count_lines(text) + 1) * sizeof(**entries));
    while (span_split(&text, '\n', &line)) {
        json_t *entry =
            line.length > 0 ? json_loadb(line.data, line.length, 0, NULL) : NULL;
        const char *id = json_string_value(json_object_get(entry, "queue_id"));
        json_int_t arrived = json_integer_value(json_object_get(entry, "arrival_time"));

        if (id != NULL)
            (*entries)[count++] = (struct queue_entry){
                span_of(arena_text(arena, span_of(id))), (int64_t)arrived * 1000};
        json_decref(entry);
    }
    return count;
}
