#include <stdio.h>

#include "policyd/replica/replica_orders_inside.h"
#include "policyd/state/domain_fields.h"

/* What replica_orders' other files stand on: telling problems and changes, the alarm, and
 * what an operator has waived. */

/* --- telling --- */

void
orders_problem(struct replica_orders *orders, enum replica_problem_kind kind,
    struct span key, const struct domain_problem *detail, const char *kept)
{
    char text[REPLICA_KEY_TEXT_MAX];
    struct replica_problem problem = {.kind = kind, .detail = *detail};

    if (!replica_problems_add(orders->problems, kind, key, detail) ||
        orders->events.problem == NULL)
        return;
    (void)span_copy(span_first(key, sizeof(text) - 1), text, sizeof(text));
    problem.key = text;
    orders->events.problem(orders->argument, &problem, kept);
}

void
orders_problem_text(struct replica_orders *orders, enum replica_problem_kind kind,
    struct span key, const char *field, struct span value, const char *text,
    const char *kept)
{
    struct domain_problem detail;

    snprintf(detail.field, sizeof(detail.field), "%s", field);
    snprintf(detail.text, sizeof(detail.text), "%s", text);
    (void)span_copy(
        span_first(value, sizeof(detail.value) - 1), detail.value, sizeof(detail.value));
    orders_problem(orders, kind, key, &detail, kept);
}

void
orders_tell(struct replica_orders *orders, enum replica_change_kind kind,
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

    if (orders->events.changed != NULL)
        orders->events.changed(orders->argument, &change);
}

struct told_domain {
    struct replica_orders *orders;
    struct replica_change change;
};

static void
tell_field(void *argument, const char *field, struct span from, struct span to)
{
    struct told_domain *told = argument;

    told->change.field = field;
    told->change.from = from;
    told->change.to = to;
    told->orders->events.changed(told->orders->argument, &told->change);
}

void
orders_tell_domain(struct replica_orders *orders, enum replica_source source,
    struct span name, const struct domain_state *from, const struct domain_state *to)
{
    struct told_domain told = {
        orders, {.source = source, .kind = CHANGE_DOMAIN, .name = name}
    };

    if (orders->events.changed != NULL)
        domain_fields_compare(from, to, tell_field, &told);
}

/* --- the alarm --- */

void
orders_suspect(struct replica_orders *orders, struct span domain, const char *why)
{
    struct replica_name copy; /* it may be borrowed from the replica */
    struct replica_domain found;

    if (replica_name_set(&copy, domain) &&
        replica_find_domain(orders->answering, replica_name_span(&copy), &found) &&
        found.ours && !found.suspect)
        replica_set_suspect(orders->answering, replica_name_span(&copy), why);
}

void
orders_suspect_loss(struct replica_orders *orders, struct span domain)
{
    orders_suspect(
        orders, domain, "pins or units are gone from Redis; kept until accept-state");
}

static void
suspect_restored(void *argument, struct span name)
{
    orders_suspect_loss(argument, replica_name_domain(name));
}

void
orders_raise_alarm(struct replica_orders *orders, const char *text)
{
    size_t restored = replica_guard_restore(
        orders->guard, orders->answering, orders->now_ms, suspect_restored, orders);

    orders->held += restored;
    orders->tainted = true;
    if (orders->alarm[0] != '\0')
        return;
    snprintf(orders->alarm, sizeof(orders->alarm), "%s", text);
    if (restored > 0)
        snprintf(orders->alarm, sizeof(orders->alarm),
            "%s; %zu pins and units of the last 60 s came back", text, restored);
    if (orders->events.alarm != NULL)
        orders->events.alarm(orders->argument, orders->alarm);
}

/* Lists are kept without an alarm. */
static bool
redis_lacks_a_domain(const struct replica_orders *orders)
{
    struct replica_problem problem;
    size_t cursor = 0;
    size_t met = 0;

    while (replica_problems_next(orders->problems, &cursor, &problem)) {
        if (problem.kind != PROBLEM_GONE && problem.kind != PROBLEM_OLDER)
            continue;
        met++;
        if (span_starts(span_of(problem.key), SPAN("domain:")))
            return true;
    }
    return met < replica_problems_count(orders->problems, PROBLEM_GONE) +
                     replica_problems_count(orders->problems, PROBLEM_OLDER);
}

void
orders_check_alarm(struct replica_orders *orders)
{
    if (orders->alarm[0] == '\0' || orders->load_refused || orders->held > 0 ||
        redis_lacks_a_domain(orders))
        return;
    orders->alarm[0] = '\0';
    if (orders->events.alarm != NULL)
        orders->events.alarm(orders->argument, "");
}

bool
orders_is_waived(const struct replica_orders *orders, struct span domain)
{
    return orders->loading != NULL &&
           replica_waiver_covers_domain(&orders->waiver, domain);
}
