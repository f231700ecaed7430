#include "policyd/ctl/ctl_domain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_plan.h"
#include "policyd/ctl/ctl_policyd.h"
#include "policyd/ctl/ctl_write.h"
#include "shared/base/number.h"

enum { TRIES = 8, WEIGHT_ALL = 10000 };

/* One attempt: what was read, and what it would become. */
struct attempt {
    struct ctl *ctl;
    const struct ctl_domain_order *order;
    struct ctl_domain now;
    struct domain_field *next; /* the whole hash as it would be */
    size_t next_count;
    struct domain_field *set; /* what differs, rev last */
    size_t set_count;
    struct span *drop;
    size_t drop_count;
    struct ctl_event *events;
    size_t event_count;
    uint64_t rev;
    const char *why;
    struct ctl_plan plan;
    struct plan_write plan_write;
};

static const struct domain_field *
find_field(const struct domain_field *fields, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++) {
        if (span_equal(fields[i].name, name))
            return &fields[i];
    }
    return NULL;
}

static const char *
text_of(struct attempt *attempt, struct span text)
{
    return arena_text(attempt->ctl->arena, text);
}

/* Lays one field of the order over the hash. */
static void
lay_over(struct attempt *attempt, const struct domain_field *wanted)
{
    const struct domain_field *now =
        find_field(attempt->now.fields, attempt->now.count, wanted->name);
    bool drops = wanted->value.length == 0;
    /* Once: who follows the events does what follows from it once. */
    bool is_whole = attempt->order->what != NULL && attempt->event_count == 0;

    if (drops ? now == NULL : now != NULL && span_equal(now->value, wanted->value))
        return;
    if (drops)
        attempt->drop[attempt->drop_count++] = wanted->name;
    else
        attempt->set[attempt->set_count++] = *wanted;
    attempt->events[attempt->event_count++] = (struct ctl_event){
        .domain = attempt->order->name,
        .what = is_whole ? attempt->order->what : text_of(attempt, wanted->name),
        .from = now != NULL ? text_of(attempt, now->value) : "",
        .to = text_of(attempt, wanted->value),
        .rev = attempt->rev,
    };
}

static bool
is_dropped(const struct attempt *attempt, struct span name)
{
    for (size_t i = 0; i < attempt->drop_count; i++) {
        if (span_equal(attempt->drop[i], name))
            return true;
    }
    return false;
}

/* The whole hash as it would be: what stays, then what is set. */
static void
make_next(struct attempt *attempt)
{
    for (size_t i = 0; i < attempt->now.count; i++) {
        const struct domain_field *field = &attempt->now.fields[i];

        if (!is_dropped(attempt, field->name) &&
            find_field(attempt->set, attempt->set_count, field->name) == NULL)
            attempt->next[attempt->next_count++] = *field;
    }
    for (size_t i = 0; i < attempt->set_count; i++)
        attempt->next[attempt->next_count++] = attempt->set[i];
}

/* --- the plan beside it --- */

static const char *
why_given(const struct attempt *attempt)
{
    const char *given = attempt->ctl->arguments.values[CTL_WHY];

    return given != NULL ? given : attempt->order->why != NULL ? attempt->order->why : "";
}

/* Its lists go out of the domain's `lists`. */
static void
lay_over_lists(struct attempt *attempt)
{
    struct plan_write write = {.plan_count = 0};
    struct domain_field lists = {SPAN("lists"), SPAN("")};

    if (attempt->now.state == NULL || attempt->plan.record.stage_count == 0)
        return;
    (void)plan_write_rollback(
        &write, &attempt->plan.record, attempt->now.state, (int64_t)time(NULL));
    for (size_t i = 0; i < write.domain_count; i++) {
        if (!span_is(write.domain[i].name, "lists"))
            continue;
        lists.value = arena_span(attempt->ctl->arena, write.domain[i].value);
        lay_over(attempt, &lists);
    }
}

/* In a state in which there is nothing to roll back the plan is left as it is. */
static void
roll_back_plan(struct attempt *attempt)
{
    struct plan_write *write = &attempt->plan_write;
    struct error error;

    if (!attempt->order->rolls_back)
        return;
    lay_over_lists(attempt);
    if (!plan_order_write(PLAN_ORDER_ROLLBACK, &attempt->plan.record, "",
            ctl_output_text(attempt->ctl->arena, span_of(why_given(attempt))),
            (int64_t)time(NULL), write, &error)) {
        write->plan_count = 0;
        return;
    }
    attempt->events[attempt->event_count++] = (struct ctl_event){
        .domain = attempt->order->name,
        .what = "plan-rollback",
        .from = write->from,
        .to = write->to,
        .rev = write->rev,
    };
}

static void
forget_plan(struct attempt *attempt)
{
    struct plan_write *write = &attempt->plan_write;

    if (!attempt->order->forgets || attempt->plan.hash.count == 0)
        return;
    plan_write_begin(
        write, &attempt->plan.record, (int64_t)time(NULL), "forget", "operator", "");
    plan_write_set(write, "state", SPAN(""));
    plan_write_drop_step(write);
}

static void
plan(struct attempt *attempt)
{
    const struct ctl_domain_order *order = attempt->order;
    struct arena *arena = attempt->ctl->arena;
    size_t most = attempt->now.count + order->count + 3;

    attempt->next = arena_take(arena, most * sizeof(*attempt->next));
    attempt->set = arena_take(arena, most * sizeof(*attempt->set));
    attempt->drop = arena_take(arena, most * sizeof(*attempt->drop));
    attempt->events = arena_take(arena, most * sizeof(*attempt->events));
    attempt->rev = ctl_write_next_rev(&attempt->now);
    for (size_t i = 0; i < order->count; i++)
        lay_over(attempt, &order->fields[i]);
    roll_back_plan(attempt);
    forget_plan(attempt);
    attempt->set[attempt->set_count++] = (struct domain_field){
        SPAN("rev"), span_of(arena_printf(arena, "%" PRIu64, attempt->rev))};
    make_next(attempt);
}

/* --if-rev: the number that the hash must have; none counts as 0. */
static bool
has_wanted_rev(struct attempt *attempt, int *status)
{
    const char *text = attempt->ctl->arguments.values[CTL_IF_REV];
    const struct domain_field *rev =
        find_field(attempt->now.fields, attempt->now.count, SPAN("rev"));
    uint64_t wanted;
    uint64_t has = 0;

    if (text == NULL)
        return true;
    if (!number_unsigned(span_of(text), UINT64_MAX, &wanted)) {
        *status = ctl_output_fail(CTL_USAGE, "--if-rev takes a number");
        return false;
    }
    if (rev != NULL)
        (void)number_unsigned(rev->value, UINT64_MAX, &has);
    if (has == wanted)
        return true;
    *status = ctl_output_fail(CTL_REFUSED,
        "%s has rev %" PRIu64 ", not %" PRIu64 "; nothing was changed",
        attempt->order->name, has, wanted);
    return false;
}

/* Whoever reads the events sees what was gone over. */
static void
add_forced(struct attempt *attempt, const char *danger)
{
    attempt->why = arena_printf(attempt->ctl->arena, "%s%s(forced: %s)", attempt->why,
        attempt->why[0] == '\0' ? "" : " ", danger);
}

/* More on new than now: by the weight, or all. */
static bool
sends_more(const struct domain_state *now, const struct domain_state *next)
{
    return next->weight > (now != NULL ? now->weight : 0) ||
           (next->mode == DOMAIN_MODE_NEW &&
               (now == NULL || now->mode != DOMAIN_MODE_NEW));
}

static const char *
find_danger(
    const struct attempt *attempt, const struct domain_state *next, const char **remedy)
{
    const struct ctl_domain_order *order = attempt->order;
    const char *danger =
        order->danger != NULL ? order->danger(&attempt->now, next, remedy) : NULL;

    if (danger != NULL || order->held_up == NULL || !sends_more(attempt->now.state, next))
        return danger;
    *remedy = "mend that, then postshiftctl preflight --save";
    return order->held_up;
}

static bool
pass_guard(struct attempt *attempt, const struct domain_state *next, int *status)
{
    const struct ctl_domain_order *order = attempt->order;
    struct ctl *ctl = attempt->ctl;
    const char *remedy = "";
    const char *danger = find_danger(attempt, next, &remedy);

    attempt->why = why_given(attempt);
    if (order->forced != NULL)
        add_forced(attempt, order->forced);
    if (danger == NULL)
        return true;
    if (ctl_arguments_has(&ctl->arguments, CTL_FORCE)) {
        add_forced(attempt, danger);
        return true;
    }
    *status = ctl_output_fail(CTL_REFUSED, "%s: %s is refused; %s (--force overrides)",
        order->name, danger, remedy);
    return false;
}

/* What the gateways of a site would make of it; NULL: *problem says why nothing. */
static struct domain_state *
parse_at(const struct attempt *attempt, const char *site, struct domain_problem *problem)
{
    struct domain_state_rules rules = attempt->ctl->config->serve->state_rules;

    rules.site = site;
    return domain_state_parse(span_of(attempt->order->name), attempt->next,
        attempt->next_count, &rules, problem, NULL, NULL);
}

/* At this site, after it was good at all sites that the order names; NULL: *problem. */
static struct domain_state *
parse_next(const struct attempt *attempt, struct domain_problem *problem)
{
    struct ctl *ctl = attempt->ctl;

    for (size_t i = 0; i < attempt->order->count; i++) {
        struct domain_state *there;
        struct span site;

        if (!domain_site_field(attempt->order->fields[i].name, &site))
            continue;
        there = parse_at(attempt, arena_text(ctl->arena, site), problem);
        if (there == NULL)
            return NULL;
        domain_state_free(there);
    }
    return parse_at(attempt, ctl->config->serve->state_rules.site, problem);
}

/* Whether policyd would take it, and the guard lets it pass; else *status. */
static bool
check(struct attempt *attempt, int *status)
{
    struct domain_problem problem;
    struct domain_state *next = parse_next(attempt, &problem);
    bool passed;

    if (next == NULL) {
        *status = ctl_output_fail(CTL_NO, "%s: %s%s%s%s: %s; nothing was changed",
            attempt->order->name, problem.field, problem.value[0] == '\0' ? "" : " \"",
            problem.value, problem.value[0] == '\0' ? "" : "\"", problem.text);
        return false;
    }
    passed = pass_guard(attempt, next, status);
    domain_state_free(next);
    return passed;
}

static void
tell(struct attempt *attempt)
{
    struct ctl *ctl = attempt->ctl;

    for (size_t i = 0; i < attempt->event_count; i++) {
        const struct ctl_event *event = &attempt->events[i];

        ctl_output_say("%s %s: %s -> %s", attempt->order->name, event->what,
            event->from[0] == '\0' ? "(none)"
                                   : ctl_output_text(ctl->arena, span_of(event->from)),
            event->to[0] == '\0' ? "(none)"
                                 : ctl_output_text(ctl->arena, span_of(event->to)));
    }
    ctl_output_say("rev %" PRIu64, attempt->rev);
    ctl_policyd_confirm(ctl, attempt->order->name, attempt->rev);
}

static bool
is_listed(const struct ctl *ctl, const char *name)
{
    const struct route_rules *rules = &ctl->config->serve->route_rules;

    return rules->domain_count == 0 || route_rules_list(rules, span_of(name));
}

/* True: *status is final. */
static bool
try_once(struct attempt *attempt, int *status)
{
    const struct ctl_domain_order *order = attempt->order;
    struct ctl *ctl = attempt->ctl;
    struct ctl_change change;
    struct error error;
    bool written;

    if (!ctl_store_domain(ctl, span_of(order->name), &attempt->now, &error) ||
        ((order->rolls_back || order->forgets) &&
            !ctl_plan_read(ctl, order->name, &attempt->plan, &error))) {
        *status = ctl_store_fail(ctl, &error);
        return true;
    }
    if (attempt->now.is_no_hash || (attempt->now.count == 0 && order->must_exist)) {
        *status = ctl_output_fail(CTL_NO, "%s %s", order->name,
            attempt->now.is_no_hash ? "has a key in Redis that is no hash: delete it"
                                    : "has no state in Redis");
        return true;
    }
    if (!has_wanted_rev(attempt, status))
        return true;
    plan(attempt);
    if (attempt->event_count == 0) {
        ctl_output_say("%s: nothing changes", order->name);
        *status = CTL_DONE;
        return true;
    }
    if (!check(attempt, status))
        return true;
    for (size_t i = 0; i < attempt->event_count; i++)
        attempt->events[i].why = attempt->why;
    change = (struct ctl_change){attempt->set, attempt->set_count, attempt->drop,
        attempt->drop_count, attempt->events, attempt->event_count,
        attempt->plan_write.plan_count > 0 ? &attempt->plan.hash : NULL,
        attempt->plan_write.plan, attempt->plan_write.plan_count};
    if (!ctl_write_domain(ctl, &attempt->now, &change, &written, &error)) {
        *status = ctl_store_fail(ctl, &error);
        return true;
    }
    if (written) {
        *status = CTL_DONE;
        tell(attempt);
    }
    return written;
}

const char *
ctl_domain_forget_danger(
    const struct ctl_domain *now, const struct domain_state *next, const char **remedy)
{
    const struct domain_state *state = now->state;

    (void)next;
    *remedy = "its mail would go where the site's own maps say: bring its people back "
              "first (rollback --all), or make these maps lead to new";
    if (state == NULL)
        return "forgetting a domain without a good state";
    if (state->mode == DOMAIN_MODE_FORGOTTEN || state->same_as[0] != '\0')
        return NULL;
    if (state->mode == DOMAIN_MODE_NEW ||
        (state->mode == DOMAIN_MODE_SPLIT &&
            (state->weight > 0 || state->list_count > 0)))
        return "forgetting a domain that has people on new";
    if (state->mode == DOMAIN_MODE_STANDBY || state->mode == DOMAIN_MODE_HOLD)
        return "forgetting a domain that is on standby or on hold";
    *remedy = "its mail would go where the site's own maps say: set old=site first";
    return strcmp(state->old_route, DOMAIN_OLD_SITE) == 0
               ? NULL
               : "forgetting a domain whose old is not the site's own way";
}

int
ctl_domain_change(struct ctl *ctl, const struct ctl_domain_order *order)
{
    if (!is_listed(ctl, order->name))
        ctl_output_warn(
            "%s is not among [policyd] domains: policyd will not take it", order->name);
    for (int i = 0; i < TRIES; i++) {
        struct attempt attempt = {.ctl = ctl, .order = order};
        int status = CTL_NO;
        bool done = try_once(&attempt, &status);

        ctl_domain_clear(&attempt.now);
        if (done)
            return status;
    }
    return ctl_output_fail(
        CTL_NO, "%s is being changed by others all the time; try again", order->name);
}
