#include "policyd/wiring/service_options.h"

#include "policyd/wiring/postfix_text.h"

static void
read_setting(struct span text, struct service_option *option)
{
    size_t equals = span_find(text, '=');

    option->is_setting = true;
    option->name = span_trim(span_first(text, equals));
    option->value =
        equals == SPAN_NONE ? SPAN("") : span_trim(span_from(text, equals + 1));
}

bool
service_options_next(struct span *rest, struct service_option *option)
{
    const struct span mark = SPAN("-o");
    struct span argument;
    bool braced;
    bool after_mark = false;

    while (postfix_text_next_argument(rest, &argument, &braced)) {
        *option = (struct service_option){.word = argument};
        if (after_mark) {
            read_setting(argument, option);
            return true;
        }
        after_mark = !braced && span_equal(argument, mark);
        if (after_mark)
            continue;
        if (!braced && span_starts(argument, mark))
            read_setting(span_from(argument, mark.length), option);
        return true;
    }
    return false;
}

bool
service_options_find(struct span arguments, const char *name, struct span *value)
{
    struct service_option option;
    bool found = false;

    while (service_options_next(&arguments, &option)) {
        if (!option.is_setting || !span_is(option.name, name))
            continue;
        *value = option.value;
        found = true;
    }
    return found;
}

static bool
is_flags(const struct service_option *option)
{
    return !option->is_setting && span_starts(option->word, SPAN("flags="));
}

struct span
service_options_flags(struct span arguments)
{
    struct service_option option;
    struct span flags = SPAN("");

    while (service_options_next(&arguments, &option)) {
        if (is_flags(&option))
            flags = span_from(option.word, SPAN("flags=").length);
    }
    return flags;
}

const char *
service_options_write(struct arena *arena, const char *name, struct span value)
{
    const char *text = arena_printf(arena, "%s=%s", name, arena_text(arena, value));
    bool braces = text[0] == '{';

    for (size_t i = 0; text[i] != '\0'; i++)
        braces = braces || span_find(SPAN(" \t\r\v\f"), text[i]) != SPAN_NONE;
    return arena_printf(arena, braces ? "-o {%s}" : "-o %s", text);
}

static bool
is_among(struct span name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (span_is(name, names[i]))
            return true;
    }
    return false;
}

const char *
service_options_settings(
    struct arena *arena, struct span arguments, const char *const *without, size_t count)
{
    struct service_option option;
    const char *text = "";

    while (service_options_next(&arguments, &option)) {
        if (option.is_setting && !is_among(option.name, without, count))
            text = arena_printf(arena, "%s %s", text,
                service_options_write(
                    arena, arena_text(arena, option.name), option.value));
    }
    return text;
}

const char *
service_options_words(struct arena *arena, struct span arguments)
{
    struct service_option option;
    const char *text = "";

    while (service_options_next(&arguments, &option)) {
        if (!option.is_setting && !is_flags(&option))
            text = arena_printf(arena, "%s %s", text, arena_text(arena, option.word));
    }
    return text;
}

bool
service_options_is_balanced(struct span value)
{
    size_t depth = 0;

    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] == '{')
            depth++;
        else if (value.data[i] == '}' && depth-- == 0)
            return false;
    }
    return depth == 0;
}
