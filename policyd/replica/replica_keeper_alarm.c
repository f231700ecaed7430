#include <stdio.h>

#include "policyd/replica/replica_keeper_inside.h"
#include "policyd/state/domain_fields.h"

/* What the keeper's other files stand on: telling problems and changes, the alarm, and
 * what an operator has waived. */

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
