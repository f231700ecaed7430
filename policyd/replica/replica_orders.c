#include "policyd/replica/replica_orders.h"

#include <stdlib.h>

#include "policyd/replica/replica_orders_inside.h"
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

struct replica_orders *
replica_orders_new(const struct replica_rules *rules, const struct replica_events *events,
    void *argument)
{
    struct replica_orders *orders = allocate(sizeof(*orders));

    orders->rules = *rules;
    orders->events = *events;
    orders->argument = argument;
    orders->answering = replica_new();
    orders->problems = replica_problems_new();
    orders->guard = replica_guard_new();
    return orders;
}

void
replica_orders_free(struct replica_orders *orders)
{
    if (orders == NULL)
        return;
    replica_orders_drop_list(orders);
    replica_free(orders->loading);
    replica_free(orders->answering);
    replica_problems_free(orders->problems);
    replica_guard_free(orders->guard);
    free(orders->overrides);
    free(orders);
}

void
replica_orders_set_rules(struct replica_orders *orders, const struct replica_rules *rules)
{
    orders->rules = *rules;
    orders_check_domains(orders);
}

void
replica_orders_set_time(struct replica_orders *orders, int64_t now, uint64_t now_ms)
{
    orders->now = now;
    orders->now_ms = now_ms;
}

const struct replica *
replica_orders_answering(const struct replica_orders *orders)
{
    return orders->answering;
}

void
replica_orders_take(struct replica_orders *orders, unsigned targets, struct span key,
    const struct replica_key *about, const struct replica_value *value)
{
    struct span name = replica_name_span(&about->name);

    if (orders->loading == NULL)
        targets &= ~(unsigned)REPLICA_LOADING;
    if (targets == 0)
        return;
    if ((targets & REPLICA_ANSWERING) != 0) {
        orders->changed_since_load = true;
        replica_problems_begin_key(orders->problems, key);
    }
    if (about->kind == REPLICA_KEY_DOMAIN)
        orders_take_domain(orders, targets, key, name, value);
    else if (about->kind == REPLICA_KEY_PIN)
        orders_take_named(orders, REPLICA_PIN, targets, key, name, value);
    else if (about->kind == REPLICA_KEY_UNIT)
        orders_take_named(orders, REPLICA_UNIT, targets, key, name, value);
    else if (about->kind == REPLICA_KEY_HOLD_TEXT)
        orders_take_hold_text(orders, targets, key, value);
    if ((targets & REPLICA_ANSWERING) != 0) {
        replica_problems_end_key(orders->problems, key);
        orders_check_alarm(orders);
    }
}

void
replica_orders_refuse_key(struct replica_orders *orders, struct span key,
    enum replica_problem_kind kind, const char *text)
{
    replica_problems_begin_key(orders->problems, key);
    orders_problem_text(orders, kind, key, "key", span_of(""), text, "");
    replica_problems_end_key(orders->problems, key);
}

void
replica_orders_forget_key(struct replica_orders *orders, struct span key)
{
    replica_problems_remove(orders->problems, key);
}

const char *
replica_orders_alarm(const struct replica_orders *orders)
{
    return orders->alarm;
}

const struct replica_problems *
replica_orders_problems(const struct replica_orders *orders)
{
    return orders->problems;
}
