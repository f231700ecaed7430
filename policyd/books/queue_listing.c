#include "policyd/books/queue_listing.h"

#include <jansson.h>

#include "shared/base/octet.h"

enum { SHOWN_MAX = 60 };

/* Seconds that are times of this age of the world, in milliseconds too. */
static const json_int_t latest = INT64_C(1) << 40;

static bool
is_queue_id(const char *id)
{
    size_t length = 0;

    while (octet_is_letter_or_digit(id[length]))
        length++;
    return length > 0 && length <= QUEUE_ID_MAX && id[length] == '\0';
}

bool
queue_listing_line(struct arena *arena, struct span line, struct queue_entry *entry)
{
    json_t *object = json_loadb(line.data, line.length, JSON_ALLOW_NUL, NULL);
    const json_t *arrived = json_object_get(object, "arrival_time");
    const char *id = json_string_value(json_object_get(object, "queue_id"));
    bool is_one = id != NULL && is_queue_id(id) && json_is_integer(arrived) &&
                  json_integer_value(arrived) >= 0 &&
                  json_integer_value(arrived) < latest;

    if (is_one)
        *entry = (struct queue_entry){span_of(arena_text(arena, span_of(id))),
            (int64_t)json_integer_value(arrived) * 1000};
    json_decref(object);
    return is_one;
}

bool
queue_listing_read(struct arena *arena, struct span text, struct queue_entry **entries,
    size_t *count, struct error *error)
{
    struct span line;

    *count = 0;
    *entries = arena_take(arena, (span_count_parts(text, '\n') + 1) * sizeof(**entries));
    while (span_split(&text, '\n', &line)) {
        if (line.length == 0)
            continue;
        if (!queue_listing_line(arena, line, &(*entries)[(*count)++]))
            return error_permanent(error, "postqueue -j prints what is no listing: %.*s",
                (int)span_first(line, SHOWN_MAX).length, line.data);
    }
    return true;
}
