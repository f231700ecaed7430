#include "policyd/plan/plan_record.h"

#include <inttypes.h>
#include <string.h>

#include "shared/base/attributes.h"
#include "shared/base/number.h"
#include "shared/base/octet.h"
#include "shared/base/utf8.h"

static const uint64_t hour_ms = UINT64_C(3600) * 1000;
static const uint64_t longest_trigger_ms = UINT64_C(7) * 86400 * 1000;
static const uint64_t last_time = UINT64_C(253402300799); /* 9999-12-31T23:59:59Z */

/* A reader is given where in the plan its value goes to. */
struct field {
    const char *name;
    bool (*read)(
        struct plan_record *plan, void *target, struct span value, struct error *error);
    size_t offset;
};

static const char *const state_names[PLAN_STATES] = {
    "none", "waiting", "running", "paused", "rolled-back", "done", "aborted"};

const char *
plan_state_name(enum plan_state state)
{
    return state_names[state];
}

static bool
read_stages(
    struct plan_record *plan, void *target, struct span value, struct error *error)
{
    return plan_stages_parse(value, target, &plan->stage_count, error);
}

/* Read after the stages, so that they can be counted. */
static bool
read_stays(struct plan_record *plan, void *target, struct span value, struct error *error)
{
    return plan_stays_parse(value, target, plan->stage_count, error);
}

static bool
read_state(struct plan_record *plan, void *target, struct span value, struct error *error)
{
    (void)target;
    for (enum plan_state state = PLAN_WAITING; state < PLAN_STATES; state++) {
        if (span_is(value, state_names[state])) {
            plan->state = state;
            return true;
        }
    }
    return error_permanent(
        error, "a state is waiting, running, paused, rolled-back, done or aborted");
}

static bool
read_stage(struct plan_record *plan, void *target, struct span value, struct error *error)
{
    uint64_t number;

    if (!number_unsigned(value, plan->stage_count, &number))
        return error_permanent(
            error, "which of the %zu stages, from 1; 0 for none yet", plan->stage_count);
    *(size_t *)target = (size_t)number;
    return true;
}

static bool
read_unix_time(
    struct plan_record *plan, void *target, struct span value, struct error *error)
{
    uint64_t number;

    (void)plan;
    if (!number_unsigned(value, last_time, &number))
        return error_permanent(error, "a unix time, in seconds");
    *(int64_t *)target = (int64_t)number;
    return true;
}

static bool
read_date(struct plan_record *plan, void *target, struct span value, struct error *error)
{
    (void)plan;
    if (!number_rfc3339(value, target))
        return error_permanent(error, "a time such as 2026-12-24T08:00:00+01:00");
    return true;
}

static bool
read_window(
    struct plan_record *plan, void *target, struct span value, struct error *error)
{
    (void)plan;
    return plan_window_parse(value, target, error);
}

static bool
read_timezone(
    struct plan_record *plan, void *target, struct span value, struct error *error)
{
    bool good = value.length > 0 && octet_is_letter(value.data[0]);

    (void)target;
    for (size_t i = 0; i < value.length; i++)
        good = good && (octet_is_letter_or_digit(value.data[i]) ||
                           span_find(SPAN("/_+-"), value.data[i]) != SPAN_NONE);
    if (!good || !span_copy(value, plan->timezone, 64))
        return error_permanent(error, "a time zone such as Europe/Berlin or UTC");
    return true;
}

static bool
read_percent(
    struct plan_record *plan, void *target, struct span value, struct error *error)
{
    (void)plan;
    if (!number_percent(value, target))
        return error_permanent(error, "0 to 100 percent, with up to two decimals");
    return true;
}

static bool
read_weight(
    struct plan_record *plan, void *target, struct span value, struct error *error)
{
    plan->has_weight = true;
    return read_percent(plan, target, value, error);
}

/* A decimal number and a unit, as thousandths above 0. */
static bool
read_decimal(struct span value, struct span unit, uint64_t *thousandths)
{
    int64_t number;

    if (!span_ends(value, unit) ||
        !number_thousandths(span_first(value, value.length - unit.length), &number) ||
        number <= 0)
        return false;
    *thousandths = (uint64_t)number;
    return true;
}

/* Also "1.2s". */
static bool
read_delay(struct plan_record *plan, void *target, struct span value, struct error *error)
{
    uint64_t *delay_ms = target;

    (void)plan;
    if ((!number_duration(value, delay_ms) &&
            !read_decimal(value, SPAN("s"), delay_ms)) ||
        *delay_ms == 0)
        return error_permanent(error, "a duration above 0, such as 1200ms or 1.2s");
    return true;
}

static bool
read_rate(struct plan_record *plan, void *target, struct span value, struct error *error)
{
    (void)plan;
    if (!read_decimal(value, SPAN("/s"), target))
        return error_permanent(error, "messages a second, above 0, such as 20/s");
    return true;
}

static bool
read_count(struct plan_record *plan, void *target, struct span value, struct error *error)
{
    (void)plan;
    if (!number_unsigned(value, PLAN_SAMPLES_MAX, target))
        return error_permanent(error, "a whole number from 0 to %d", PLAN_SAMPLES_MAX);
    return true;
}

static bool
read_samples(
    struct plan_record *plan, void *target, struct span value, struct error *error)
{
    if (!read_count(plan, target, value, error) || plan->min_samples == 0)
        return error_permanent(error, "a whole number from 1 to %d", PLAN_SAMPLES_MAX);
    return true;
}

/* "95 2h" */
static bool
read_trigger(
    struct plan_record *plan, void *target, struct span value, struct error *error)
{
    struct plan_trigger *trigger = target;
    struct span rest = value;
    struct span percent;
    struct span over;

    (void)plan;
    if (!span_word(&rest, &percent) || !span_word(&rest, &over) ||
        span_trim(rest).length != 0 || !number_percent(percent, &trigger->below) ||
        !number_duration(over, &trigger->over_ms) || trigger->over_ms == 0 ||
        trigger->over_ms > longest_trigger_ms)
        return error_permanent(
            error, "a percentage and for how long, at most 7d, such as \"95 2h\"");
    return true;
}

static bool
read_action(
    struct plan_record *plan, void *target, struct span value, struct error *error)
{
    static const char *const names[] = {
        [PLAN_ACTION_NONE] = "none",
        [PLAN_ACTION_FREEZE] = "freeze",
        [PLAN_ACTION_ROLLBACK] = "rollback",
    };

    (void)plan;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (span_is(value, names[i])) {
            *(enum plan_trigger_action *)target = (enum plan_trigger_action)i;
            return true;
        }
    }
    return error_permanent(error, "rollback, freeze or none");
}

static bool
read_rev(struct plan_record *plan, void *target, struct span value, struct error *error)
{
    (void)plan;
    if (!number_unsigned(value, DOMAIN_REV_MAX, target))
        return error_permanent(
            error, "a rev is a whole number from 0 to %" PRIu64, DOMAIN_REV_MAX);
    return true;
}

static bool
read_order(struct plan_record *plan, void *target, struct span value, struct error *error)
{
    (void)target;
    plan->ordered = span_is(value, "advance");
    return plan->ordered || error_permanent(error, "an order is advance");
}

static bool
read_past(struct plan_record *plan, void *target, struct span value, struct error *error)
{
    bool good = true;

    (void)target;
    for (size_t i = 0; i < value.length; i++)
        good = good && ((value.data[i] >= 'a' && value.data[i] <= 'z') ||
                           value.data[i] == '-' || value.data[i] == ' ');
    if (!good || !span_copy(value, plan->past, sizeof(plan->past)))
        return error_permanent(error, "names of gates, by blanks");
    return true;
}

static bool
read_gateway(
    struct plan_record *plan, void *target, struct span value, struct error *error)
{
    (void)target;
    if (span_has_control(value) || !span_is_ascii(value) ||
        span_find(value, ' ') != SPAN_NONE ||
        !span_copy(value, plan->step_by, sizeof(plan->step_by)))
        return error_permanent(error, "the name of a gateway");
    return true;
}

static bool
read_yes_no(
    struct plan_record *plan, void *target, struct span value, struct error *error)
{
    (void)plan;
    return number_yes_no(value, target) || error_permanent(error, "yes or no");
}

/* Only shown, so it spoils nothing. */
static bool
read_why(struct plan_record *plan, void *target, struct span value, struct error *error)
{
    size_t length = 0;

    (void)target;
    (void)error;
    while (value.length > 0) {
        size_t octets = utf8_length(value);
        bool good = octets > 0 && !utf8_is_unseen(utf8_code_point(value, octets));
        size_t shown = good ? octets : 1;

        if (length + shown >= sizeof(plan->why))
            break;
        memcpy(plan->why + length, good ? value.data : "?", shown);
        length += shown;
        value = span_from(value, octets == 0 ? 1 : octets);
    }
    plan->why[length] = '\0';
    return true;
}

#define FIELD(name, read, member)                                                        \
    {                                                                                    \
        name, read, offsetof(struct plan_record, member)                                 \
    }

/* In the order in which they are read: what stays and stage are measured by goes first.
 */
static const struct field fields_known[] = {
    FIELD("stages", read_stages, stages),
    FIELD("stays", read_stays, stages),
    FIELD("state", read_state, state),
    FIELD("stage", read_stage, stage),
    FIELD("since", read_unix_time, since),
    FIELD("advance_window", read_window, window),
    FIELD("timezone", read_timezone, timezone),
    FIELD("freeze_until", read_date, freeze_until),
    FIELD("min_success", read_percent, min_success),
    FIELD("max_delay", read_delay, max_delay_ms),
    FIELD("new_rate", read_rate, new_rate),
    FIELD("min_samples", read_samples, min_samples),
    FIELD("slow", read_trigger, slow),
    FIELD("fast", read_trigger, fast),
    FIELD("slow_action", read_action, slow.action),
    FIELD("fast_action", read_action, fast.action),
    FIELD("max_misprovisioned", read_count, max_misprovisioned),
    FIELD("rev", read_rev, rev),
    FIELD("order", read_order, ordered),
    FIELD("past", read_past, past),
    FIELD("step", read_stage, step),
    FIELD("step_by", read_gateway, step_by),
    FIELD("step_since", read_unix_time, step_since),
    FIELD("weight", read_weight, weight),
    FIELD("edited", read_yes_no, edited),
    FIELD("why", read_why, why),
};

static void
set_defaults(struct plan_record *plan)
{
    struct error error;

    *plan = (struct plan_record){
        .timezone = "UTC",
        .min_success = 9995,
        .max_delay_ms = 1200,
        .slow = {9500, 2 * hour_ms,  PLAN_ACTION_ROLLBACK},
        .fast = {5000, hour_ms / 12, PLAN_ACTION_FREEZE  },
        .max_misprovisioned = 100,
    };
    (void)plan_stages_parse(SPAN("30 70 100"), plan->stages, &plan->stage_count, &error);
    plan_stays_default(plan->stages, plan->stage_count);
}

/* One field, wherever it stands in the hash. */
static bool
read_field(struct plan_record *plan, const struct field *field,
    const struct domain_field *fields, size_t count, struct domain_problem *problem)
{
    const struct domain_field *given = NULL;
    struct error error = {0};

    for (size_t i = 0; i < count; i++) {
        if (!span_is(fields[i].name, field->name))
            continue;
        if (given != NULL) {
            domain_problem_tell(problem, fields[i].name, fields[i].value, "stands twice");
            return false;
        }
        given = &fields[i];
    }
    if (given == NULL ||
        field->read(plan, (char *)plan + field->offset, given->value, &error))
        return true;
    domain_problem_tell(problem, given->name, given->value, error.text);
    return false;
}

static bool
read_fields(struct plan_record *plan, const struct domain_field *fields, size_t count,
    struct domain_problem *problem)
{
    if (count > PLAN_FIELDS_MAX) {
        domain_problem_tell(
            problem, SPAN(""), SPAN(""), "a plan's hash has at most 64 fields");
        return false;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(fields_known); i++) {
        if (fields_known[i].read == read_stays)
            plan_stays_default(plan->stages, plan->stage_count);
        if (!read_field(plan, &fields_known[i], fields, count, problem))
            return false;
    }
    if (plan->stage == 0 && (plan->state == PLAN_RUNNING || plan->state == PLAN_DONE)) {
        domain_problem_tell(problem, SPAN("stage"), SPAN("0"),
            "is 0 or missing, but the state says that one is in force");
        return false;
    }
    return true;
}

bool
plan_record_parse(const struct domain_field *fields, size_t count,
    struct plan_record *plan, struct domain_problem *problem)
{
    set_defaults(plan);
    if (read_fields(plan, fields, count, problem))
        return true;
    set_defaults(plan);
    return false;
}

bool
plan_record_is_past(const struct plan_record *plan, const char *gate)
{
    struct span rest = span_of(plan->past);
    struct span name;

    while (plan->ordered && span_word(&rest, &name)) {
        if (span_is(name, gate))
            return true;
    }
    return false;
}
