#include "policyd/checks/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/attributes.h"

enum { LINE_MAX = 600 };

static const char *const result_names[] = {
    [CHECK_SKIPPED] = "skipped",
    [CHECK_PASS] = "pass",
    [CHECK_UNKNOWN] = "unknown",
    [CHECK_FAIL] = "fail",
};

static const char *const group_names[CHECK_GROUPS] = {
    [CHECK_DNS] = "dns",
    [CHECK_POSTFIX] = "postfix",
    [CHECK_STATE] = "state",
    [CHECK_BACKENDS] = "backends",
    [CHECK_PEOPLE] = "people",
};

const char *
check_result_name(enum check_result result)
{
    return result_names[result];
}

bool
check_result_read(struct span text, enum check_result *result)
{
    for (int i = 0; i < (int)ARRAY_LENGTH(result_names); i++) {
        if (!span_is(text, result_names[i]))
            continue;
        *result = (enum check_result)i;
        return true;
    }
    return false;
}

const char *
check_group_name(enum check_group group)
{
    return group_names[group];
}

enum check_group
check_group_find(const char *name)
{
    int group = 0;

    while (group < CHECK_GROUPS && strcmp(group_names[group], name) != 0)
        group++;
    return (enum check_group)group;
}

enum check_name
check_find(struct span name)
{
    int found = 0;

    while (found < CHECKS && !span_is(name, check_rows[found].name))
        found++;
    return (enum check_name)found;
}

void
check_begin(struct check *check, struct arena *arena)
{
    *check = (struct check){.arena = arena, .result = CHECK_SKIPPED};
}

void
check_add(struct check *check, enum check_result result, const char *format, ...)
{
    char line[LINE_MAX];
    va_list arguments;

    if (result > check->result)
        check->result = result;
    if (check->count == CHECK_LINES_MAX) {
        check->left_out++;
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    check->results[check->count] = result;
    check->lines[check->count++] = arena_text(check->arena, span_of(line));
}

const char *
check_bad_line(const struct check *check)
{
    for (size_t i = 0; i < check->count; i++) {
        if (check->results[i] == check->result)
            return check->lines[i];
    }
    return check->count > 0 ? check->lines[0] : "";
}

const char *
check_found(const struct check *check, struct arena *arena)
{
    const char *text = "";

    for (size_t i = 0; i < check->count; i++)
        text = arena_printf(arena, "%s%s%s", text, i == 0 ? "" : "\n", check->lines[i]);
    if (check->left_out > 0)
        text = arena_printf(arena, "%s\nand %zu more", text, check->left_out);
    return text;
}

bool
check_holds_up(enum check_name name, enum check_result result)
{
    return check_rows[name].blocks && (result == CHECK_FAIL || result == CHECK_UNKNOWN);
}

void
check_count(struct check_counts *counts, enum check_name name, enum check_result result)
{
    if (check_holds_up(name, result))
        counts->blocking++;
    else if (result == CHECK_FAIL || result == CHECK_SKIPPED)
        counts->warnings++;
    if (result == CHECK_UNKNOWN)
        counts->unknown++;
}
