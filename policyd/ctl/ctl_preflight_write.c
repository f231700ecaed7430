/*
 * preflight: what is printed of a run, and the list of checks.
 */
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_preflight.h"
#include "policyd/terminal/ctl_table.h"

enum { OUT_MAX = 4 << 20 };

/* A line that is as bad as the whole stands out among others. */
static void
print_lines(const struct ctl_preflight *preflight, const struct check *check)
{
    for (size_t i = 0; i < check->count; i++) {
        bool is_bad =
            check->results[i] == CHECK_FAIL || check->results[i] == CHECK_UNKNOWN;

        ctl_output_note("    %s %s", is_bad ? ">" : " ",
            ctl_output_text(preflight->ctl->arena, span_of(check->lines[i])));
    }
    if (check->left_out > 0)
        ctl_output_note("      and %zu more", check->left_out);
}

static void
print_check(const struct ctl_preflight *preflight, enum check_name name)
{
    const struct check *check = &preflight->checks[name];
    const struct check_row *row = &check_rows[name];
    bool is_bad = check_holds_up(name, check->result);

    if (is_bad)
        ctl_output_alarm("%-7s %s (blocks): %s", check_result_name(check->result),
            row->name, row->looks);
    else
        ctl_output_note(
            "%-7s %s: %s", check_result_name(check->result), row->name, row->looks);
    print_lines(preflight, check);
    if (check->result == CHECK_PASS)
        return;
    ctl_output_note("      why: %s", row->why);
    ctl_output_note("      do: %s",
        check->result == CHECK_SKIPPED
            ? "give what it needs (postshift.conf(5)), or know that nobody has looked"
            : row->remedy);
}

/* What holds a weight above 0 up, by name. */
static void
print_blocking(const struct ctl_preflight *preflight)
{
    const char *names = "";

    for (int i = 0; i < CHECKS; i++) {
        if (preflight->wanted[i] &&
            check_holds_up((enum check_name)i, preflight->checks[i].result))
            names = arena_printf(preflight->ctl->arena, "%s%s%s", names,
                names[0] == '\0' ? "" : ", ", check_rows[i].name);
    }
    if (names[0] != '\0')
        ctl_output_alarm("a weight above 0 is held up by %s", names);
}

void
ctl_preflight_print(const struct ctl_preflight *preflight)
{
    struct check_counts counts = ctl_preflight_counts(preflight);

    ctl_output_say("%s", preflight->name);
    for (int i = 0; i < CHECKS; i++) {
        if (preflight->wanted[i])
            print_check(preflight, (enum check_name)i);
    }
    print_blocking(preflight);
    ctl_output_say("blocking %u, warnings %u, unknown %u", counts.blocking,
        counts.warnings, counts.unknown);
}

void
ctl_preflight_write(const struct ctl_preflight *preflight, struct json *json)
{
    struct check_counts counts = ctl_preflight_counts(preflight);

    json_object_begin(json, NULL);
    json_text(json, "domain", preflight->name);
    json_array_begin(json, "checks");
    for (int i = 0; i < CHECKS; i++) {
        const struct check *check = &preflight->checks[i];
        const struct check_row *row = &check_rows[i];

        if (!preflight->wanted[i])
            continue;
        json_object_begin(json, NULL);
        json_text(json, "name", row->name);
        json_text(json, "group", check_group_name(row->group));
        json_bool(json, "blocks", row->blocks);
        json_text(json, "result", check_result_name(check->result));
        json_text(json, "found", check_found(check, preflight->ctl->arena));
        json_text(json, "why", row->why);
        json_text(json, "do", row->remedy);
        json_object_end(json);
    }
    json_array_end(json);
    json_integer(json, "blocking", counts.blocking);
    json_integer(json, "warnings", counts.warnings);
    json_integer(json, "unknown", counts.unknown);
    json_object_end(json);
}

static void
list_as_json(void)
{
    struct buffer out;
    struct json json;

    buffer_init(&out, OUT_MAX);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    json_array_begin(&json, "checks");
    for (int i = 0; i < CHECKS; i++) {
        json_object_begin(&json, NULL);
        json_text(&json, "name", check_rows[i].name);
        json_text(&json, "group", check_group_name(check_rows[i].group));
        json_bool(&json, "blocks", check_rows[i].blocks);
        json_text(&json, "looks", check_rows[i].looks);
        json_text(&json, "why", check_rows[i].why);
        json_text(&json, "do", check_rows[i].remedy);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    ctl_output_document(&out);
}

int
ctl_preflight_list(struct ctl *ctl)
{
    struct ctl_table_row rows[CHECKS] = {0};
    const struct ctl_table table = {
        .titles = {"CHECK", "GROUP", "BLOCKS", "WHAT IT LOOKS AT"},
        .rigid = {true,       true,           true        },
        .rows = rows,
        .count = CHECKS,
    };
    struct buffer out;

    if (ctl_arguments_has(&ctl->arguments, CTL_JSON)) {
        list_as_json();
        return CTL_DONE;
    }
    for (int i = 0; i < CHECKS; i++) {
        rows[i].cells[0] = check_rows[i].name;
        rows[i].cells[1] = check_group_name(check_rows[i].group);
        rows[i].cells[2] = check_rows[i].blocks ? "yes" : "";
        rows[i].cells[3] = check_rows[i].looks;
    }
    buffer_init(&out, OUT_MAX);
    ctl_table_write(&out, &table, CTL_TABLE_WIDTH, ctl_output_has_colour());
    ctl_output_raw(buffer_span(&out));
    buffer_clear(&out);
    return CTL_DONE;
}
