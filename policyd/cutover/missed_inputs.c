#include "policyd/cutover/missed_inputs.h"

#include <stdlib.h>

#include "shared/base/allocate.h"
#include "shared/service/log.h"

enum { ARENA_MAX = 64 << 20 };

struct difference {
    enum replica_change_kind kind;
    struct span name;
    struct span from;
    struct span to;
};

struct missed_inputs {
    struct arena *arena;
    struct difference *differences;
    size_t count;
    size_t room;
    size_t rest; /* that were not looked at */
    int64_t since_ms;
};

struct missed_inputs *
missed_inputs_new(void)
{
    struct missed_inputs *missed = allocate(sizeof(*missed));

    missed->arena = arena_new(ARENA_MAX);
    return missed;
}

void
missed_inputs_free(struct missed_inputs *missed)
{
    arena_free(missed->arena);
    free(missed->differences);
    free(missed);
}

static void
forget(struct missed_inputs *missed)
{
    missed->count = 0;
    missed->rest = 0;
    arena_reset(missed->arena);
}

bool
missed_inputs_begin(
    struct missed_inputs *missed, struct books *books, struct error *error)
{
    forget(missed);
    return books_last_input(books, &missed->since_ms, error);
}

bool
missed_inputs_note(struct missed_inputs *missed, struct books *books, struct span key,
    struct span value, struct error *error)
{
    struct span name = key;
    bool is_pin = span_take(&name, SPAN("pin:"));
    struct span was;

    if (missed->since_ms == 0 || (!is_pin && !span_take(&name, SPAN("unit:"))))
        return true;
    if (missed->count == MISSED_INPUTS_MAX) {
        missed->rest++;
        return true;
    }
    if (!books_find_input(books, key, missed->arena, &was, error))
        return false;
    if (span_equal(was, value))
        return true;
    missed->differences = allocate_more(
        missed->differences, missed->count, &missed->room, sizeof(*missed->differences));
    missed->differences[missed->count++] = (struct difference){
        .kind = is_pin ? CHANGE_PIN : CHANGE_UNIT,
        .name = arena_span(missed->arena, name),
        .from = was,
        .to = arena_span(missed->arena, value),
    };
    return true;
}

void
missed_inputs_told(struct missed_inputs *missed, missed_inputs_tell *tell, void *argument)
{
    for (size_t i = 0; i < missed->count; i++) {
        const struct difference *difference = &missed->differences[i];
        const struct replica_change change = {
            .source = REPLICA_FROM_REDIS,
            .kind = difference->kind,
            .name = difference->name,
            .field = difference->kind == CHANGE_PIN ? "pin" : "unit",
            .from = difference->from,
            .to = difference->to,
        };

        tell(argument, &change, missed->since_ms);
    }
    if (missed->rest > 0)
        log_say(LOG_LEVEL_WARNING,
            "%d pins and units were changed while Redis or this controller was away; %zu "
            "more were not looked at",
            MISSED_INPUTS_MAX, missed->rest);
    if (missed->count > 0)
        forget(missed);
}
