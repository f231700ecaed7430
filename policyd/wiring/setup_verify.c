#include "policyd/wiring/setup_verify.h"

#include <string.h>

static bool
has_line(struct span text, struct span line)
{
    struct span other;

    while (span_split(&text, '\n', &other)) {
        if (span_equal(other, line))
            return true;
    }
    return false;
}

/* Whether a step whose flag begins so is about `name`. */
static bool
is_in_plan(const struct setup_plan *plan, const char *flag, struct span name)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct setup_step *step = &plan->steps[i];
        struct span argument;

        if (step->flag == NULL || strchr(flag, step->flag[1]) == NULL)
            continue;
        argument = span_of(step->argument);
        if (span_starts(argument, name) &&
            (argument.length == name.length ||
                strchr(" =/", argument.data[name.length]) != NULL))
            return true;
    }
    return false;
}

/*
 * "name = value"; postconf hides what nothing uses, so ours come and go with services.
 * Where the files lie is what we asked for: Postfix 3.10 says it or not.
 */
static bool
is_ours(const struct setup_plan *plan, struct span line)
{
    struct span name = span_trim(span_first(line, span_find(line, '=')));

    return span_is(name, "config_directory") || span_starts(name, SPAN("postshift_")) ||
           span_starts(name, SPAN("cutover-")) || is_in_plan(plan, "eX", name);
}

/* "smtp       inet  n ...": in the plan it is smtp/inet. */
static bool
is_our_entry(const struct setup_plan *plan, struct span line)
{
    struct span rest = line;
    struct span name;
    struct span type;
    char text[300];

    if (!span_word(&rest, &name) || !span_word(&rest, &type) ||
        name.length + type.length + 2 > sizeof(text))
        return false;
    memcpy(text, name.data, name.length);
    text[name.length] = '/';
    memcpy(text + name.length + 1, type.data, type.length);
    return is_in_plan(plan, "MP", span_make(text, name.length + 1 + type.length));
}

static bool
compare(struct span before, struct span after, const struct setup_plan *plan,
    bool (*ours)(const struct setup_plan *, struct span), struct error *error)
{
    struct span line;

    while (span_split(&before, '\n', &line)) {
        if (line.length == 0 || ours(plan, line) || has_line(after, line))
            continue;
        return error_permanent(error, "Postfix no longer says: %.*s",
            (int)(line.length < 100 ? line.length : 100), line.data);
    }
    return true;
}

bool
setup_verify(const struct setup_listing *before, const struct setup_listing *after,
    const struct setup_plan *plan, struct error *error)
{
    return compare(before->parameters, after->parameters, plan, is_ours, error) &&
           compare(before->services, after->services, plan, is_our_entry, error);
}
