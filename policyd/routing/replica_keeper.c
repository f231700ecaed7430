#include "policyd/routing/replica_keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/routing/domain_fields.h"
#include "policyd/routing/replica_keeper_inside.h"
#include "shared/base/attributes.h"

static const char *const source_names[] = {
    [REPLICA_FROM_REDIS] = "redis",
    [REPLICA_FROM_ACCEPT] = "accept",
    [REPLICA_FROM_OVERRIDE] = "override",
    [REPLICA_FROM_SNAPSHOT] = "snapshot",
};

/* --- telling --- */

void
keeper_problem(struct replica_keeper *keeper, enum replica_problem_kind kind,
    struct span key, const struct domain_problem *detail, const char *kept)
{
    char text[REPLICA_KEY_TEXT_MAX];
    struct replica_problem problem = {.kind = kind, .detail = *detail};

    if (!replica_problems_add(keeper->problems, kind, key, detail) ||
        keeper->events.problem == NULL)
        return;
    (void)span_copy(span_first(key, sizeof(text) - 1), text, sizeof(text));
    problem.key = text;
    keeper->events.problem(keeper->argument, &problem, kept);
}

void
keeper_problem_text(struct replica_keeper *keeper, enum replica_problem_kind kind,
    struct span key, const char *field, struct span value, const char *text,
    const char *kept)
{
    struct domain_problem detail;

    snprintf(detail.field, sizeof(detail.field), "%s", field);
    snprintf(detail.text, sizeof(detail.text), "%s", text);
    (void)span_copy(
        span_first(value, sizeof(detail.value) - 1), detail.value, sizeof(detail.value));
    keeper_problem(keeper, kind, key, &detail, kept);
}

void
keeper_tell(struct replica_keeper *keeper, enum replica_change_kind kind,
    struct span name, struct span list, struct span from, struct span to)
{
    static const char *const fields[] = {
        [CHANGE_DOMAIN] = "state",
        [CHANGE_PIN] = "pin",
        [CHANGE_UNIT] = "unit",
        [CHANGE_MEMBER] = "member",
    };
    struct replica_change change = {
        REPLICA_FROM_REDIS, kind, name, list, fields[kind], from, to};

    if (keeper->events.changed != NULL)
        keeper->events.changed(keeper->argument, &change);
}

struct told_domain {
    struct replica_keeper *keeper;
    struct replica_change change;
};

static void
tell_field(void *argument, const char *field, struct span from, struct span to)
{
    struct told_domain *told = argument;

    told->change.field = field;
    told->change.from = from;
    told->change.to = to;
    told->keeper->events.changed(told->keeper->argument, &told->change);
}

void
keeper_tell_domain(struct replica_keeper *keeper, enum replica_source source,
    struct span name, const struct domain_state *from, const struct domain_state *to)
{
    struct told_domain told = {
        keeper, {.source = source, .kind = CHANGE_DOMAIN, .name = name}
    };

    if (keeper->events.changed != NULL)
        domain_fields_compare(from, to, tell_field, &told);
}

/* --- the alarm --- */

void
keeper_raise_alarm(struct replica_keeper *keeper, const char *text)
{
    size_t restored =
        replica_guard_restore(keeper->guard, keeper->answering, keeper->now_ms);

    keeper->held += restored;
    if (keeper->alarm[0] != '\0')
        return;
    snprintf(keeper->alarm, sizeof(keeper->alarm), "%s", text);
    if (restored > 0)
        snprintf(keeper->alarm, sizeof(keeper->alarm),
            "%s; %zu pins and units of the last 60 s came back", text, restored);
    if (keeper->events.alarm != NULL)
        keeper->events.alarm(keeper->argument, keeper->alarm);
}

/* Lists are kept without an alarm. */
static bool
redis_lacks_a_domain(const struct replica_keeper *keeper)
{
    struct replica_problem problem;
    size_t cursor = 0;
    size_t met = 0;

    while (replica_problems_next(keeper->problems, &cursor, &problem)) {
        if (problem.kind != PROBLEM_GONE && problem.kind != PROBLEM_OLDER)
            continue;
        met++;
        if (span_starts(span_of(problem.key), SPAN("domain:")))
            return true;
    }
    return met < replica_problems_count(keeper->problems, PROBLEM_GONE) +
                     replica_problems_count(keeper->problems, PROBLEM_OLDER);
}

void
keeper_check_alarm(struct replica_keeper *keeper)
{
    if (keeper->alarm[0] == '\0' || keeper->load_refused || keeper->held > 0 ||
        redis_lacks_a_domain(keeper))
        return;
    keeper->alarm[0] = '\0';
    if (keeper->events.alarm != NULL)
        keeper->events.alarm(keeper->argument, "");
}

bool
keeper_is_waived(const struct replica_keeper *keeper, struct span domain)
{
    return keeper->loading != NULL &&
           replica_waiver_covers_domain(&keeper->waiver, domain);
}

/* --- domains --- */

/* A domain's value on its way in. */
struct arrival {
    struct replica_keeper *keeper;
    unsigned targets;
    struct span key;
    struct span name;
    struct replica_domain ours; /* what answers now; all zero when unknown */
};

static bool
is_listed(const struct replica_keeper_rules *rules, struct span name)
{
    for (size_t i = 0; i < rules->domain_count; i++) {
        if (span_is(name, rules->domains[i]))
            return true;
    }
    return rules->domain_count == 0;
}

static void
set_suspect(const struct arrival *arrival, const char *why)
{
    replica_set_suspect(arrival->keeper->answering, arrival->name, why);
    if ((arrival->targets & REPLICA_LOADING) != 0)
        replica_set_suspect(arrival->keeper->loading, arrival->name, why);
}

static void
refuse_domain(const struct arrival *arrival)
{
    static const char why[] = "not among [policyd] domains";

    set_suspect(arrival, why);
    keeper_problem_text(
        arrival->keeper, PROBLEM_REFUSED, arrival->key, "domain", arrival->name, why, "");
}

/* What Redis says is no order: the last good state goes on, also through this load. */
static void
keep_ours(const struct arrival *arrival, enum replica_problem_kind kind,
    const struct domain_problem *detail)
{
    struct replica_keeper *keeper = arrival->keeper;
    struct domain_fields fields = {.count = 0};
    char kept[64] = "";
    char why[REPLICA_WHY_MAX];

    if (arrival->ours.state != NULL) {
        domain_fields_write(arrival->ours.state, &fields);
        (void)span_copy(
            span_first(domain_fields_find(&fields, span_of(detail->field)), 63), kept,
            sizeof(kept));
    }
    snprintf(why, sizeof(why), "%.30s=%.50s: %.100s", detail->field, detail->value,
        detail->text);
    if ((arrival->targets & REPLICA_LOADING) != 0 && arrival->ours.ours)
        replica_put_domain(keeper->loading, arrival->name,
            arrival->ours.state == NULL ? NULL : domain_fields_copy(arrival->ours.state),
            arrival->ours.rev);
    set_suspect(arrival, why);
    keeper_problem(keeper, kind, arrival->key, detail, kept);
}

static void
keep_newer(const struct arrival *arrival, uint64_t rev)
{
    struct domain_problem detail = {.field = "rev"};
    char text[DOMAIN_MAX + 100];

    snprintf(detail.value, sizeof(detail.value), "%llu", (unsigned long long)rev);
    snprintf(detail.text, sizeof(detail.text),
        "lower than ours, %llu: an old state; ours is kept until accept-state",
        (unsigned long long)arrival->ours.rev);
    keep_ours(arrival, PROBLEM_OLDER, &detail);
    if ((arrival->targets & REPLICA_ANSWERING) == 0)
        return;
    snprintf(text, sizeof(text), "the rev of %.*s went back from %llu to %llu",
        (int)arrival->name.length, arrival->name.data,
        (unsigned long long)arrival->ours.rev, (unsigned long long)rev);
    keeper_raise_alarm(arrival->keeper, text);
}

static bool
put_state(const struct arrival *arrival, struct domain_state *state)
{
    struct replica_keeper *keeper = arrival->keeper;
    uint64_t rev = state->has_rev ? state->rev : 0;
    bool fits = true;

    if ((arrival->targets & REPLICA_LOADING) != 0)
        fits = replica_put_domain(
            keeper->loading, arrival->name, domain_fields_copy(state), rev);
    if ((arrival->targets & REPLICA_ANSWERING) == 0) {
        domain_state_free(state);
        return fits;
    }
    keeper_tell_domain(
        keeper, REPLICA_FROM_REDIS, arrival->name, arrival->ours.state, state);
    return replica_put_domain(keeper->answering, arrival->name, state, rev) && fits;
}

static void
take_state(const struct arrival *arrival, struct domain_state *state)
{
    uint64_t rev = state->rev;

    if (state->has_rev && rev < arrival->ours.rev &&
        !keeper_is_waived(arrival->keeper, arrival->name)) {
        domain_state_free(state);
        keep_newer(arrival, rev);
        return;
    }
    if (!put_state(arrival, state))
        keeper_problem_text(arrival->keeper, PROBLEM_INVALID, arrival->key, "domain",
            arrival->name, "too many domains", "");
    if ((arrival->targets & REPLICA_ANSWERING) != 0)
        replica_set_suspect(arrival->keeper->answering, arrival->name, NULL);
    if ((arrival->targets & REPLICA_LOADING) != 0)
        replica_set_suspect(arrival->keeper->loading, arrival->name, NULL);
}

/* Absence is no order. */
static void
keep_gone(const struct arrival *arrival)
{
    static const char why[] = "gone from Redis; kept until accept-state";
    struct replica_keeper *keeper = arrival->keeper;
    const struct domain_state *state = arrival->ours.state;
    char text[DOMAIN_MAX + 100];

    if ((arrival->targets & REPLICA_LOADING) != 0)
        replica_remove_domain(keeper->loading, arrival->name);
    if ((arrival->targets & REPLICA_ANSWERING) == 0)
        return;
    if (state == NULL || state->mode == DOMAIN_MODE_FORGOTTEN) {
        replica_set_suspect(keeper->answering, arrival->name, NULL);
        return;
    }
    replica_set_suspect(keeper->answering, arrival->name, why);
    keeper_problem_text(
        keeper, PROBLEM_GONE, arrival->key, "domain", arrival->name, why, "");
    snprintf(text, sizeof(text), "%.*s is gone from Redis", (int)arrival->name.length,
        arrival->name.data);
    keeper_raise_alarm(keeper, text);
}

static void
warn_of_field(void *argument, const struct domain_problem *detail)
{
    const struct arrival *arrival = argument;

    keeper_problem(arrival->keeper, PROBLEM_UNKNOWN, arrival->key, detail, "");
}

static void
take_domain(struct replica_keeper *keeper, unsigned targets, struct span key,
    struct span name, const struct replica_value *value)
{
    struct arrival arrival = {keeper, targets, key, name, {.ours = false}};
    struct domain_problem problem = {.field = "domain", .text = "is not a hash"};
    struct domain_state *state = NULL;

    (void)replica_find_domain(keeper->answering, name, &arrival.ours);
    if (value->kind == VALUE_ABSENT) {
        keep_gone(&arrival);
        return;
    }
    if (!is_listed(&keeper->rules, name)) {
        refuse_domain(&arrival);
        return;
    }
    if (value->kind == VALUE_FIELDS)
        state = domain_state_parse(name, value->fields, value->count,
            &keeper->rules.state, &problem, warn_of_field, &arrival);
    if (state != NULL)
        take_state(&arrival, state);
    else
        keep_ours(&arrival, PROBLEM_INVALID, &problem);
}

/* --- pins and units --- */

static void
hold_loss(struct replica_keeper *keeper, const char *what, size_t total)
{
    char text[100];

    snprintf(
        text, sizeof(text), "more than 1 %% of %zu %s went within 60 s", total, what);
    keeper_raise_alarm(keeper, text);
    keeper->held++;
}

static bool
may_lose_pin(struct replica_keeper *keeper, struct span name, const struct pin *pin)
{
    if (pin->place == PIN_BAD || !pin_counts(pin, keeper->now) ||
        keeper_is_waived(keeper, replica_name_domain(name)))
        return true;
    if (keeper->alarm[0] != '\0') {
        keeper->held++;
        return false;
    }
    if (replica_guard_may_lose_pin(
            keeper->guard, keeper->answering, name, keeper->now_ms))
        return true;
    hold_loss(keeper, "pins", replica_pin_count(keeper->answering));
    return false;
}

static void
lose_pin(struct replica_keeper *keeper, struct span name)
{
    struct pin pin;

    if (!replica_find_pin(keeper->answering, name, &pin) ||
        !may_lose_pin(keeper, name, &pin))
        return;
    replica_remove_pin(keeper->answering, name);
    keeper_tell(keeper, CHANGE_PIN, name, span_of(""), span_of(pin_place_name(pin.place)),
        span_of(""));
}

/* The last good meaning goes on; without one, the recipient waits. */
static void
keep_pin(struct replica_keeper *keeper, unsigned targets, struct span key,
    struct span name, const struct replica_value *value, const char *text)
{
    struct pin pin;

    if (!replica_find_pin(keeper->answering, name, &pin))
        pin.place = PIN_BAD;
    if ((targets & REPLICA_ANSWERING) != 0)
        replica_put_pin(keeper->answering, name, pin.place, pin.until);
    if ((targets & REPLICA_LOADING) != 0)
        replica_put_pin(keeper->loading, name, pin.place, pin.until);
    keeper_problem_text(keeper, PROBLEM_INVALID, key, "pin", value->text, text,
        pin_place_name(pin.place));
}

static void
put_pin(struct replica_keeper *keeper, unsigned targets, struct span name,
    const struct pin *pin)
{
    struct pin ours;

    if ((targets & REPLICA_LOADING) != 0)
        replica_put_pin(keeper->loading, name, pin->place, pin->until);
    if ((targets & REPLICA_ANSWERING) == 0)
        return;
    replica_guard_found_pin(keeper->guard, name);
    (void)replica_find_pin(keeper->answering, name, &ours);
    if (ours.place == pin->place && ours.until == pin->until)
        return;
    replica_put_pin(keeper->answering, name, pin->place, pin->until);
    keeper_tell(keeper, CHANGE_PIN, name, span_of(""),
        span_of(ours.place == PIN_NONE ? "" : pin_place_name(ours.place)),
        span_of(pin->place == PIN_NONE ? "" : pin_place_name(pin->place)));
}

static void
take_pin(struct replica_keeper *keeper, unsigned targets, struct span key,
    struct span name, const struct replica_value *value)
{
    struct error error = {.text = "is not a string"};
    struct pin pin;

    if (value->kind == VALUE_ABSENT) {
        if ((targets & REPLICA_LOADING) != 0)
            replica_remove_pin(keeper->loading, name);
        if ((targets & REPLICA_ANSWERING) != 0)
            lose_pin(keeper, name);
    } else if (value->kind == VALUE_TEXT && pin_parse(value->text, &pin, &error)) {
        put_pin(keeper, targets, name, &pin);
    } else {
        keep_pin(keeper, targets, key, name, value, error.text);
    }
}

static bool
may_lose_unit(struct replica_keeper *keeper, struct span recipient)
{
    if (keeper_is_waived(keeper, replica_name_domain(recipient)))
        return true;
    if (keeper->alarm[0] != '\0') {
        keeper->held++;
        return false;
    }
    if (replica_guard_may_lose_unit(
            keeper->guard, keeper->answering, recipient, keeper->now_ms))
        return true;
    hold_loss(keeper, "units", replica_unit_count(keeper->answering));
    return false;
}

static void
lose_unit(struct replica_keeper *keeper, struct span recipient)
{
    struct replica_name before;

    if (!replica_name_set(&before, replica_find_unit(keeper->answering, recipient)) ||
        !may_lose_unit(keeper, recipient))
        return;
    replica_remove_unit(keeper->answering, recipient);
    keeper_tell(keeper, CHANGE_UNIT, recipient, span_of(""), replica_name_span(&before),
        span_of(""));
}

static void
keep_unit(struct replica_keeper *keeper, unsigned targets, struct span key,
    struct span recipient, const struct replica_value *value)
{
    struct replica_name ours;
    bool is_known =
        replica_name_set(&ours, replica_find_unit(keeper->answering, recipient));

    if ((targets & REPLICA_LOADING) != 0 && is_known)
        replica_put_unit(keeper->loading, recipient, replica_name_span(&ours));
    keeper_problem_text(keeper, PROBLEM_INVALID, key, "unit", value->text,
        "a unit is a name of 1 to 1024 octets without control characters", ours.text);
}

static void
put_unit(struct replica_keeper *keeper, unsigned targets, struct span recipient,
    struct span unit)
{
    struct replica_name ours;

    if ((targets & REPLICA_LOADING) != 0)
        replica_put_unit(keeper->loading, recipient, unit);
    if ((targets & REPLICA_ANSWERING) == 0)
        return;
    replica_guard_found_unit(keeper->guard, recipient);
    (void)replica_name_set(&ours, replica_find_unit(keeper->answering, recipient));
    if (span_equal(replica_name_span(&ours), unit))
        return;
    replica_put_unit(keeper->answering, recipient, unit);
    keeper_tell(
        keeper, CHANGE_UNIT, recipient, span_of(""), replica_name_span(&ours), unit);
}

static void
take_unit(struct replica_keeper *keeper, unsigned targets, struct span key,
    struct span recipient, const struct replica_value *value)
{
    struct replica_name unit;

    if (value->kind == VALUE_ABSENT) {
        if ((targets & REPLICA_LOADING) != 0)
            replica_remove_unit(keeper->loading, recipient);
        if ((targets & REPLICA_ANSWERING) != 0)
            lose_unit(keeper, recipient);
    } else if (value->kind == VALUE_TEXT &&
               replica_name_read(value->text, &keeper->rules.recipient, &unit)) {
        put_unit(keeper, targets, recipient, replica_name_span(&unit));
    } else {
        keep_unit(keeper, targets, key, recipient, value);
    }
}

/* --- public --- */

const char *
replica_source_name(enum replica_source source)
{
    return source_names[source];
}

struct replica_keeper *
replica_keeper_new(const struct replica_keeper_rules *rules,
    const struct replica_keeper_events *events, void *argument)
{
    struct replica_keeper *keeper = calloc(1, sizeof(*keeper));

    if (keeper == NULL)
        abort();
    keeper->rules = *rules;
    keeper->events = *events;
    keeper->argument = argument;
    keeper->answering = replica_new();
    keeper->problems = replica_problems_new();
    keeper->guard = replica_guard_new();
    return keeper;
}

void
replica_keeper_free(struct replica_keeper *keeper)
{
    if (keeper == NULL)
        return;
    replica_keeper_drop_list(keeper);
    replica_free(keeper->loading);
    replica_free(keeper->answering);
    replica_problems_free(keeper->problems);
    replica_guard_free(keeper->guard);
    free(keeper->overrides);
    free(keeper);
}

void
replica_keeper_set_rules(
    struct replica_keeper *keeper, const struct replica_keeper_rules *rules)
{
    keeper->rules = *rules;
}

void
replica_keeper_set_time(struct replica_keeper *keeper, int64_t now, uint64_t now_ms)
{
    keeper->now = now;
    keeper->now_ms = now_ms;
}

const struct replica *
replica_keeper_answering(const struct replica_keeper *keeper)
{
    return keeper->answering;
}

void
replica_keeper_take(struct replica_keeper *keeper, unsigned targets, struct span key,
    const struct replica_key *about, const struct replica_value *value)
{
    struct span name = replica_name_span(&about->name);

    if (keeper->loading == NULL)
        targets &= ~(unsigned)REPLICA_LOADING;
    if (targets == 0)
        return;
    if ((targets & REPLICA_ANSWERING) != 0) {
        keeper->changed_since_load = true;
        replica_problems_begin_key(keeper->problems, key);
    }
    if (about->kind == REPLICA_KEY_DOMAIN)
        take_domain(keeper, targets, key, name, value);
    else if (about->kind == REPLICA_KEY_PIN)
        take_pin(keeper, targets, key, name, value);
    else if (about->kind == REPLICA_KEY_UNIT)
        take_unit(keeper, targets, key, name, value);
    if ((targets & REPLICA_ANSWERING) != 0) {
        replica_problems_end_key(keeper->problems, key);
        keeper_check_alarm(keeper);
    }
}

void
replica_keeper_refuse_key(struct replica_keeper *keeper, struct span key,
    enum replica_problem_kind kind, const char *text)
{
    replica_problems_begin_key(keeper->problems, key);
    keeper_problem_text(keeper, kind, key, "key", span_of(""), text, "");
    replica_problems_end_key(keeper->problems, key);
}

void
replica_keeper_forget_key(struct replica_keeper *keeper, struct span key)
{
    replica_problems_remove(keeper->problems, key);
}

const char *
replica_keeper_alarm(const struct replica_keeper *keeper)
{
    return keeper->alarm;
}

const struct replica_problems *
replica_keeper_problems(const struct replica_keeper *keeper)
{
    return keeper->problems;
}
