#include "policyd/replica/replica_keeper.h"

#include <stdlib.h>

#include "policyd/replica/replica_keeper_inside.h"
#include "shared/base/allocate.h"

static const char *const source_names[] = {
    [REPLICA_FROM_REDIS] = "redis",
    [REPLICA_FROM_ACCEPT] = "accept",
    [REPLICA_FROM_OVERRIDE] = "override",
    [REPLICA_FROM_SNAPSHOT] = "snapshot",
    [REPLICA_FROM_FILE] = "file",
};

const char *
replica_source_name(enum replica_source source)
{
    return source_names[source];
}

struct replica_keeper *
replica_keeper_new(const struct replica_keeper_rules *rules,
    const struct replica_keeper_events *events, void *argument)
{
    struct replica_keeper *keeper = allocate(sizeof(*keeper));

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
