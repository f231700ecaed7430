/*
 * The fields of a plan: read from Redis, given on the command line, laid over each other.
 */
#include <string.h>
#include <unistd.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_plan.h"
#include "shared/service/config.h"

#define ZONES "/usr/share/zoneinfo"

/* Those that are an operator's to set. */
static const char *const names[CTL_PLAN_FIELDS_MAX] = {"stages", "stays",
    "advance_window", "timezone", "freeze_until", "min_success", "max_delay", "new_rate",
    "min_samples", "slow", "fast", "slow_action", "fast_action", "max_misprovisioned"};
enum { NAMES = 14 };

const char *
ctl_plan_field_name(size_t i)
{
    return i < NAMES ? names[i] : NULL;
}

/* What a person would take a bad plan for: whoever says stop must be able to. */
static enum plan_state
guess_state(const struct ctl_hash *hash)
{
    struct span text = ctl_hash_value(hash, "state");

    for (enum plan_state state = PLAN_NONE; state < PLAN_STATES; state++) {
        if (span_is(text, plan_state_name(state)))
            return state;
    }
    return text.length == 0 ? PLAN_NONE : PLAN_RUNNING;
}

bool
ctl_plan_read(
    struct ctl *ctl, const char *name, struct ctl_plan *plan, struct error *error)
{
    struct span key = ctl_store_key(ctl, ctl->arena, "plan:", span_of(name));

    *plan = (struct ctl_plan){.name = name};
    if (!ctl_store_hash(ctl, key, &plan->hash, error))
        return false;
    if (plan_record_parse(
            plan->hash.fields, plan->hash.count, &plan->record, &plan->problem))
        return true;
    plan->is_bad = true;
    plan->record = (struct plan_record){.state = guess_state(&plan->hash)};
    return true;
}

const char *
ctl_plan_problem(struct ctl *ctl, const struct domain_problem *problem)
{
    return arena_printf(ctl->arena, "%s%s%s%s: %s", problem->field,
        problem->value[0] == '\0' ? "" : " \"", problem->value,
        problem->value[0] == '\0' ? "" : "\"", problem->text);
}

static bool
add_field(struct ctl_plan_fields *fields, struct span name, struct span value)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (!span_equal(fields->items[i].name, name))
            continue;
        (void)ctl_output_fail(
            CTL_USAGE, "%.*s is given twice", (int)name.length, name.data);
        return false;
    }
    fields->items[fields->count++] = (struct domain_field){name, value};
    return true;
}

/* A zone that this machine does not have would be read as UTC. */
static bool
has_zone(struct ctl *ctl, struct span name)
{
    const char *shown = ctl_output_text(ctl->arena, name);

    if (name.length == 0 || span_is(name, "UTC") || access(ZONES, F_OK) != 0 ||
        access(arena_printf(ctl->arena, "%s/%s", ZONES, shown), R_OK) == 0)
        return true;
    (void)ctl_output_fail(CTL_USAGE, "there is no time zone %s here (%s)", shown, ZONES);
    return false;
}

static bool
take_word(struct ctl *ctl, const char *word, struct ctl_plan_fields *fields)
{
    struct span text = span_of(word);
    size_t equals = span_find(text, '=');
    struct span name = span_first(text, equals);
    const char *shown = ctl_output_text(ctl->arena, name);
    const char *near = config_nearest(name, names, NAMES);
    struct span value;

    if (equals == SPAN_NONE) {
        (void)ctl_output_fail(
            CTL_USAGE, "%s: what is to be set is missing (field=value)", shown);
        return false;
    }
    value = span_from(text, equals + 1);
    for (size_t i = 0; i < NAMES; i++) {
        if (span_is(name, names[i]))
            return (strcmp(names[i], "timezone") != 0 || has_zone(ctl, value)) &&
                   add_field(fields, name, value);
    }
    (void)ctl_output_fail(CTL_USAGE, "a plan has no field %s that is set by hand%s%s%s",
        shown, near != NULL ? " (did you mean " : "", near != NULL ? near : "",
        near != NULL ? "?)" : "");
    return false;
}

static bool
is_given(const struct ctl_plan_fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (span_is(fields->items[i].name, name))
            return true;
    }
    return false;
}

bool
ctl_plan_words(struct ctl *ctl, size_t first, struct ctl_plan_fields *fields)
{
    const char *stages = ctl->arguments.values[CTL_STAGES];
    const char *stays = ctl->arguments.values[CTL_STAYS];

    fields->count = 0;
    if (stages != NULL)
        (void)add_field(fields, SPAN("stages"), span_of(stages));
    if (stays != NULL)
        (void)add_field(fields, SPAN("stays"), span_of(stays));
    for (size_t i = first; i < ctl->arguments.count; i++) {
        if (!take_word(ctl, ctl->arguments.words[i], fields))
            return false;
    }
    /* Stays that were for other stages are meant for them alone. */
    return !is_given(fields, "stages") || is_given(fields, "stays") ||
           add_field(fields, SPAN("stays"), SPAN(""));
}

static bool
is_laid_over(const struct domain_field *fields, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++) {
        if (span_equal(fields[i].name, name))
            return true;
    }
    return false;
}

size_t
ctl_plan_lay_over(const struct ctl_hash *hash, const struct domain_field *fields,
    size_t count, struct domain_field next[CTL_PLAN_ALL_MAX])
{
    size_t all = 0;

    for (size_t i = 0; i < hash->count && all < CTL_PLAN_ALL_MAX; i++) {
        if (!is_laid_over(fields, count, hash->fields[i].name))
            next[all++] = hash->fields[i];
    }
    for (size_t i = 0; i < count && all < CTL_PLAN_ALL_MAX; i++) {
        if (fields[i].value.length > 0)
            next[all++] = fields[i];
    }
    return all;
}
