/*
 * unit set, delete, show: what moves as one; the other verbs of unit have their own
 * files.
 */
#include <string.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_policyd.h"
#include "policyd/ctl/ctl_units.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/ctl/ctl_walk.h"
#include "policyd/ctl/ctl_write.h"
#include "policyd/replica/replica_key.h"
#include "shared/base/json.h"

enum { FOUND_MAX = 256 << 20 };

/* An address of the command line, canonical; false: said so. */
static bool
read_address(struct ctl *ctl, const char *word, struct span *address, int *status)
{
    struct recipient recipient;
    struct error error;

    if (replica_name_is_pattern(span_of(word)) ||
        !ctl_store_canonical_recipient(ctl, span_of(word), &recipient)) {
        *status = ctl_output_fail(
            CTL_USAGE, "%s is no address", ctl_output_text(ctl->arena, span_of(word)));
        return false;
    }
    *address = arena_span(ctl->arena, recipient_address(&recipient));
    if (ctl_store_follow(ctl, address, &error))
        return true;
    *status = ctl_store_fail(ctl, &error);
    return false;
}

static const char *
domain_of(struct ctl *ctl, struct span address)
{
    return arena_text(ctl->arena, span_from(address, span_find_last(address, '@') + 1));
}

static bool
has_unit(const struct ctl_json *route, struct span unit)
{
    return span_equal(ctl_json_text(route, "unit"), unit);
}

/* An empty unit removes. */
static int
write_one(struct ctl *ctl, struct span address, struct span unit)
{
    const char *shown = arena_text(ctl->arena, address);
    struct ctl_event event = {
        .domain = domain_of(ctl, address),
        .what = "unit",
        .key = shown,
        .to = arena_text(ctl->arena, unit),
        .why = ctl->arguments.values[CTL_WHY],
    };
    struct span before;
    struct error error;

    if (!ctl_write_value(ctl, ctl_store_key(ctl, ctl->arena, "unit:", address), unit,
            &event, &before, &error))
        return ctl_store_fail(ctl, &error);
    if (unit.length == 0 && before.data == NULL)
        return ctl_output_fail(CTL_NO, "%s is its own unit already", shown);
    ctl_output_say("unit of %s: %s -> %s", shown,
        before.data != NULL ? ctl_output_text(ctl->arena, before) : "(its own)",
        unit.length > 0 ? event.to : "(its own)");
    ctl_policyd_tell_route(ctl, address, has_unit, unit.length > 0 ? unit : address);
    return CTL_DONE;
}

static int
unit_set(struct ctl *ctl)
{
    struct span address;
    struct span unit;
    struct error error;
    int status;

    if (ctl->arguments.count != 3)
        return ctl_output_fail(CTL_USAGE, "an address and its unit are wanted: unit set "
                                          "ADDRESS UNIT");
    if (!read_address(ctl, ctl->arguments.words[1], &address, &status))
        return status;
    unit = ctl_store_canonical_unit(
        ctl, ctl->arena, span_trim(span_of(ctl->arguments.words[2])));
    if (unit.data == NULL)
        return ctl_output_fail(CTL_USAGE, "%s is no unit",
            ctl_output_text(ctl->arena, span_of(ctl->arguments.words[2])));
    if (!ctl_store_follow(ctl, &unit, &error))
        return ctl_store_fail(ctl, &error);
    return write_one(ctl, address, unit);
}

static int
unit_delete(struct ctl *ctl)
{
    struct span address;
    int status;

    if (ctl->arguments.count != 2)
        return ctl_output_fail(CTL_USAGE, "an address is wanted: unit delete ADDRESS");
    if (!read_address(ctl, ctl->arguments.words[1], &address, &status))
        return status;
    return write_one(ctl, address, span_of(""));
}

/* --- show --- */

/* Collects the addresses of one unit. */
struct members {
    struct ctl *ctl;
    struct span unit;
    struct buffer found; /* a line each */
    size_t found_count;
};

static void
take_address(void *argument, struct span name, struct span value)
{
    struct members *members = argument;

    if (!span_equal(value, members->unit))
        return;
    buffer_append(&members->found, name);
    buffer_append_octet(&members->found, '\n');
    members->found_count++;
}

static void
print_unit(struct members *members)
{
    struct span rest = buffer_span(&members->found);
    struct arena *arena = members->ctl->arena;
    struct span line;

    ctl_output_say("unit %s, %zu address%s by name",
        ctl_output_text(arena, members->unit), members->found_count,
        members->found_count == 1 ? "" : "es");
    while (span_split(&rest, '\n', &line)) {
        if (line.length > 0)
            ctl_output_say("  %s", ctl_output_text(arena, line));
    }
}

static void
print_unit_json(struct members *members)
{
    struct span rest = buffer_span(&members->found);
    struct span line;
    struct buffer out;
    struct json json;

    buffer_init(&out, FOUND_MAX);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    json_span(&json, "unit", members->unit);
    json_array_begin(&json, "addresses");
    while (span_split(&rest, '\n', &line)) {
        if (line.length > 0)
            json_span(&json, NULL, line);
    }
    json_array_end(&json);
    json_object_end(&json);
    ctl_output_document(&out);
}

/* Of an address, the unit it belongs to; of a unit, itself. */
static int
unit_show(struct ctl *ctl)
{
    struct members *members = arena_take(ctl->arena, sizeof(*members));
    struct span name;
    struct span unit;
    struct error error;
    bool found;

    if (ctl->arguments.count != 2)
        return ctl_output_fail(
            CTL_USAGE, "an address or a unit is wanted: unit show ADDRESS|UNIT");
    name = ctl_store_canonical_unit(
        ctl, ctl->arena, span_trim(span_of(ctl->arguments.words[1])));
    if (name.data == NULL)
        return ctl_output_fail(CTL_USAGE, "%s is neither an address nor a unit",
            ctl_output_text(ctl->arena, span_of(ctl->arguments.words[1])));
    if (!ctl_store_follow(ctl, &name, &error) ||
        !ctl_store_value(
            ctl, ctl_store_key(ctl, ctl->arena, "unit:", name), &unit, &found, &error))
        return ctl_store_fail(ctl, &error);
    members->ctl = ctl;
    members->unit = found ? unit : name;
    buffer_init(&members->found, FOUND_MAX);
    if (!ctl_walk(ctl, "unit:", take_address, members, &error)) {
        buffer_clear(&members->found);
        return ctl_store_fail(ctl, &error);
    }
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON))
        print_unit_json(members);
    else
        print_unit(members);
    buffer_clear(&members->found);
    return CTL_DONE;
}

int
ctl_unit_run(struct ctl *ctl)
{
    static const struct {
        const char *name;
        int (*run)(struct ctl *ctl);
    } verbs[] = {
        {"set",     unit_set        },
        {"load",    ctl_unit_load   },
        {"delete",  unit_delete     },
        {"show",    unit_show       },
        {"why",     ctl_unit_why    },
        {"suggest", ctl_unit_suggest},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        if (strcmp(ctl->arguments.words[0], verbs[i].name) == 0)
            return verbs[i].run(ctl);
    }
    return ctl_output_fail(CTL_USAGE,
        "unit %s: there are set, load, delete, show, why and suggest",
        ctl_output_text(ctl->arena, span_of(ctl->arguments.words[0])));
}
