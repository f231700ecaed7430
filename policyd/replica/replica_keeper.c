#include "policyd/replica/replica_keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/replica/replica_keeper_inside.h"
#include "policyd/state/domain_fields.h"
#include "policyd/state/domain_list.h"
#include "shared/base/attributes.h"

static const char *const source_names[] = {
    [REPLICA_FROM_REDIS] = "redis",
    [REPLICA_FROM_ACCEPT] = "accept",
    [REPLICA_FROM_OVERRIDE] = "override",
    [REPLICA_FROM_SNAPSHOT] = "snapshot",
    [REPLICA_FROM_FILE] = "file",
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
keeper_suspect(struct replica_keeper *keeper, struct span domain, const char *why)
{
    struct replica_name copy; /* it may be borrowed from the replica */
    struct replica_domain found;

    if (replica_name_set(&copy, domain) &&
        replica_find_domain(keeper->answering, replica_name_span(&copy), &found) &&
        found.ours && !found.suspect)
        replica_set_suspect(keeper->answering, replica_name_span(&copy), why);
}

void
keeper_suspect_loss(struct replica_keeper *keeper, struct span domain)
{
    keeper_suspect(
        keeper, domain, "pins or units are gone from Redis; kept until accept-state");
}

static void
suspect_restored(void *argument, struct span name)
{
    keeper_suspect_loss(argument, replica_name_domain(name));
}

void
keeper_raise_alarm(struct replica_keeper *keeper, const char *text)
{
    size_t restored = replica_guard_restore(
        keeper->guard, keeper->answering, keeper->now_ms, suspect_restored, keeper);

    keeper->held += restored;
    keeper->tainted = true;
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
    keeper_check_domains(keeper);
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
        keeper_take_domain(keeper, targets, key, name, value);
    else if (about->kind == REPLICA_KEY_PIN)
        keeper_take_pin(keeper, targets, key, name, value);
    else if (about->kind == REPLICA_KEY_UNIT)
        keeper_take_unit(keeper, targets, key, name, value);
    else if (about->kind == REPLICA_KEY_HOLD_TEXT)
        keeper_take_hold_text(keeper, targets, key, value);
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

bool
replica_keeper_rules_allow(const struct replica_keeper_rules *rules, struct span name)
{
    return rules->domain_count == 0 ||
           domain_list_has(rules->domains, rules->domain_count, name);
}

bool
replica_keeper_rules_concern(const struct replica_keeper_rules *rules, struct span name)
{
    struct span domain = replica_name_domain(name);

    return domain.length == 0 || replica_keeper_rules_allow(rules, domain);
}
