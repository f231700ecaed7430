#include "milters/protocol/milter_macros.h"

static const struct {
    char command;
    enum milter_stage stage;
} commands[] = {
    {MILTER_CONNECT,    MILTER_STAGE_CONNECT},
    {MILTER_HELO,       MILTER_STAGE_HELO   },
    {MILTER_MAIL,       MILTER_STAGE_MAIL   },
    {MILTER_RCPT,       MILTER_STAGE_RCPT   },
    {MILTER_DATA,       MILTER_STAGE_DATA   },
    {MILTER_END_FIELDS, MILTER_STAGE_FIELDS },
    {MILTER_END,        MILTER_STAGE_END    },
};

enum milter_stage
milter_macros_stage(char command)
{
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
        if (commands[i].command == command)
            return commands[i].stage;
    }
    return MILTER_STAGES;
}

void
milter_macros_init(struct milter_macros *macros)
{
    for (size_t i = 0; i < MILTER_STAGES; i++)
        buffer_init(&macros->stages[i], MILTER_MACROS_MAX);
}

void
milter_macros_clear(struct milter_macros *macros)
{
    for (size_t i = 0; i < MILTER_STAGES; i++)
        buffer_clear(&macros->stages[i]);
}

void
milter_macros_forget(struct milter_macros *macros, enum milter_stage from)
{
    for (size_t i = from; i < MILTER_STAGES; i++)
        buffer_reset(&macros->stages[i]);
}

static bool
is_pairs(struct span data)
{
    struct span text;
    size_t count = 0;

    while (milter_wire_text(&data, &text))
        count++;
    return data.length == 0 && count % 2 == 0;
}

bool
milter_macros_take(struct milter_macros *macros, struct span data)
{
    enum milter_stage stage;

    if (data.length == 0 || !is_pairs(span_from(data, 1)))
        return false;
    stage = milter_macros_stage(data.data[0]);
    if (stage == MILTER_STAGES)
        return true;
    milter_macros_forget(macros, stage);
    return buffer_append(&macros->stages[stage], span_from(data, 1));
}

/* Names of one letter may stand without braces, as well as with. */
static struct span
without_braces(struct span name)
{
    if (name.length > 2 && name.data[0] == '{' && name.data[name.length - 1] == '}')
        return span_first(span_from(name, 1), name.length - 2);
    return name;
}

static const char *
find_in(const struct buffer *stage, struct span wanted)
{
    struct span rest = buffer_span(stage);
    struct span name;
    struct span value;

    while (milter_wire_text(&rest, &name) && milter_wire_text(&rest, &value)) {
        if (span_equal(without_braces(name), wanted))
            return value.data;
    }
    return NULL;
}

const char *
milter_macros_find(const struct milter_macros *macros, const char *name)
{
    for (size_t i = MILTER_STAGES; i-- > 0;) {
        const char *value = find_in(&macros->stages[i], span_of(name));

        if (value != NULL)
            return value;
    }
    return NULL;
}
