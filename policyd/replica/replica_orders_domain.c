#include <inttypes.h>
#include <stdio.h>

#include "policyd/replica/replica_orders_inside.h"
#include "policyd/state/domain_doubt.h"
#include "policyd/state/domain_fields.h"

/* Domains: a good state is taken, anything else leaves the last good one in force. */

/* A domain's value on its way in. */
struct arrival {
    struct replica_orders *orders;
    unsigned targets;
    struct span key;
    struct span name;
    struct replica_domain ours; /* what answers now; all zero when unknown */
};

static void
set_suspect(const struct arrival *arrival, const char *why)
{
    replica_set_suspect(arrival->orders->answering, arrival->name, why);
    if ((arrival->targets & REPLICA_LOADING) != 0)
        replica_set_suspect(arrival->orders->loading, arrival->name, why);
}

static void
refuse_domain(const struct arrival *arrival)
{
    static const char why[] = "not among [policyd] domains";

    set_suspect(arrival, why);
    orders_problem_text(
        arrival->orders, PROBLEM_REFUSED, arrival->key, "domain", arrival->name, why, "");
}

/* What Redis says is no order: the last good state goes on, also through this load. */
static void
keep_ours(const struct arrival *arrival, enum replica_problem_kind kind,
    const struct domain_problem *detail)
{
    struct replica_orders *orders = arrival->orders;
    struct domain_fields fields = {.count = 0};
    char kept[64] = "";
    char why[REPLICA_WHY_MAX];

    if (arrival->ours.state != NULL) {
        domain_fields_write(arrival->ours.state, &fields);
        (void)span_copy(
            span_first(domain_fields_find(&fields, span_of(detail->field)), 63), kept,
            sizeof(kept));
    }
    snprintf(why, sizeof(why), "%.30s%s%.50s: %.100s", detail->field,
        detail->value[0] != '\0' ? "=" : "", detail->value, detail->text);
    if ((arrival->targets & REPLICA_LOADING) != 0 && arrival->ours.ours)
        replica_put_domain(orders->loading, arrival->name,
            arrival->ours.state == NULL ? NULL : domain_fields_copy(arrival->ours.state),
            arrival->ours.rev);
    set_suspect(arrival, why);
    orders_problem(orders, kind, arrival->key, detail, kept);
}

static void
keep_newer(const struct arrival *arrival, uint64_t rev)
{
    struct domain_problem detail = {.field = "rev"};
    char text[DOMAIN_MAX + 100];

    snprintf(detail.value, sizeof(detail.value), "%" PRIu64, rev);
    snprintf(detail.text, sizeof(detail.text),
        "lower than ours, %" PRIu64 ": an old state; ours is kept until accept-state",
        arrival->ours.rev);
    keep_ours(arrival, PROBLEM_OLDER, &detail);
    if ((arrival->targets & REPLICA_ANSWERING) == 0)
        return;
    snprintf(text, sizeof(text), "the rev of %.*s went back from %" PRIu64 " to %" PRIu64,
        (int)arrival->name.length, arrival->name.data, arrival->ours.rev, rev);
    orders_raise_alarm(arrival->orders, text);
}

static bool
put_state(const struct arrival *arrival, struct domain_state *state)
{
    struct replica_orders *orders = arrival->orders;
    uint64_t rev = state->has_rev ? state->rev : 0;
    bool fits = true;

    if ((arrival->targets & REPLICA_LOADING) != 0)
        fits = replica_put_domain(
            orders->loading, arrival->name, domain_fields_copy(state), rev);
    if ((arrival->targets & REPLICA_ANSWERING) == 0) {
        domain_state_free(state);
        return fits;
    }
    orders_tell_domain(
        orders, REPLICA_FROM_REDIS, arrival->name, arrival->ours.state, state);
    return replica_put_domain(orders->answering, arrival->name, state, rev) && fits;
}

/* Not ours by Redis' word, ours by the file's: one of them should follow. */
static void
warn_of_listed(const struct arrival *arrival)
{
    if (arrival->orders->rules.domain_count > 0)
        orders_problem_text(arrival->orders, PROBLEM_UNKNOWN, arrival->key, "mode",
            SPAN("forgotten"),
            "its mail goes where the site's own maps say, and [policyd] domains still "
            "lists it",
            "");
}

/* Whoever types redis-cli is not asked whether that is meant: it is taken, and said. */
static void
warn_of_doubt(const struct arrival *arrival, const struct domain_state *state)
{
    const char *doubt = domain_doubt(arrival->ours.state, state);
    char text[200];

    if (doubt == NULL || state->same_as[0] != '\0')
        return;
    snprintf(text, sizeof(text), "hardly meant, and taken: %s", doubt);
    orders_problem_text(arrival->orders, PROBLEM_UNKNOWN, arrival->key, "new",
        span_of(state->new_route), text, "");
}

static void
take_state(const struct arrival *arrival, struct domain_state *state)
{
    bool is_forgotten = state->mode == DOMAIN_MODE_FORGOTTEN;
    uint64_t rev = state->rev;

    if (state->has_rev && rev < arrival->ours.rev &&
        !orders_is_waived(arrival->orders, arrival->name)) {
        domain_state_free(state);
        keep_newer(arrival, rev);
        return;
    }
    warn_of_doubt(arrival, state);
    if (!put_state(arrival, state))
        orders_problem_text(arrival->orders, PROBLEM_INVALID, arrival->key, "domain",
            arrival->name, "too many domains", "");
    else if (is_forgotten)
        warn_of_listed(arrival);
    if ((arrival->targets & REPLICA_ANSWERING) != 0)
        replica_set_suspect(arrival->orders->answering, arrival->name, NULL);
    if ((arrival->targets & REPLICA_LOADING) != 0)
        replica_set_suspect(arrival->orders->loading, arrival->name, NULL);
}

/* What a load that goes on has of a domain that is gone: no more than we may lose. */
static void
keep_gone_loading(const struct arrival *arrival)
{
    struct replica *loading = arrival->orders->loading;
    const struct domain_state *state = arrival->ours.state;

    if (state != NULL && state->mode == DOMAIN_MODE_FORGOTTEN)
        replica_put_domain(
            loading, arrival->name, domain_fields_copy(state), arrival->ours.rev);
    else if (arrival->ours.ours &&
             (state == NULL || orders_is_waived(arrival->orders, arrival->name)))
        replica_put_domain(loading, arrival->name, NULL, 0);
    else
        replica_remove_domain(loading, arrival->name);
    replica_set_suspect(loading, arrival->name, NULL);
}

/* Absence is no order. */
static void
keep_gone(const struct arrival *arrival)
{
    static const char why[] = "gone from Redis; kept until accept-state";
    struct replica_orders *orders = arrival->orders;
    const struct domain_state *state = arrival->ours.state;
    char text[DOMAIN_MAX + 100];

    if ((arrival->targets & REPLICA_LOADING) != 0)
        keep_gone_loading(arrival);
    if ((arrival->targets & REPLICA_ANSWERING) == 0 ||
        orders_is_waived(orders, arrival->name))
        return;
    if (state == NULL || state->mode == DOMAIN_MODE_FORGOTTEN) {
        replica_set_suspect(orders->answering, arrival->name, NULL);
        return;
    }
    replica_set_suspect(orders->answering, arrival->name, why);
    orders_problem_text(
        orders, PROBLEM_GONE, arrival->key, "domain", arrival->name, why, "");
    snprintf(text, sizeof(text), "%.*s is gone from Redis", (int)arrival->name.length,
        arrival->name.data);
    orders_raise_alarm(orders, text);
}

static void
warn_of_field(void *argument, const struct domain_problem *detail)
{
    const struct arrival *arrival = argument;

    orders_problem(arrival->orders, PROBLEM_UNKNOWN, arrival->key, detail, "");
}

void
orders_take_domain(struct replica_orders *orders, unsigned targets, struct span key,
    struct span name, const struct replica_value *value)
{
    struct arrival arrival = {orders, targets, key, name, {.ours = false}};
    struct domain_problem problem = {.field = "domain", .text = "is not a hash"};
    struct domain_state *state = NULL;

    (void)replica_find_domain(orders->answering, name, &arrival.ours);
    if (value->kind == VALUE_ABSENT) {
        keep_gone(&arrival);
        return;
    }
    if (!replica_rules_allow(&orders->rules, name)) {
        refuse_domain(&arrival);
        return;
    }
    if (value->kind == VALUE_FIELDS)
        state = domain_state_parse(name, value->fields, value->count,
            &orders->rules.state, &problem, warn_of_field, &arrival);
    if (state != NULL)
        take_state(&arrival, state);
    else
        keep_ours(&arrival, PROBLEM_INVALID, &problem);
}

/* A state that these rules refuse goes: a route may only name what the file allows. */
static void
check_domain(
    struct replica_orders *orders, struct span name, const struct replica_domain *ours)
{
    struct domain_fields fields = {.count = 0};
    struct domain_problem problem;
    struct domain_state *state;
    char key[REPLICA_KEY_TEXT_MAX];

    domain_fields_write(ours->state, &fields);
    state = domain_state_parse(
        name, fields.items, fields.count, &orders->rules.state, &problem, NULL, NULL);
    if (state != NULL) {
        domain_state_free(state);
        return;
    }
    snprintf(key, sizeof(key), "domain:%.*s", (int)name.length, name.data);
    orders_problem(orders, PROBLEM_INVALID, span_of(key), &problem, "");
    orders_tell_domain(orders, REPLICA_FROM_FILE, name, ours->state, NULL);
    replica_put_domain(orders->answering, name, NULL, ours->rev);
    replica_set_suspect(
        orders->answering, name, "the configuration no longer allows its state");
}

/* It is no longer among those of the file: what Redis says of it is no longer heard. */
static void
drop_domain(
    struct replica_orders *orders, struct span name, const struct replica_domain *ours)
{
    char key[REPLICA_KEY_TEXT_MAX];

    snprintf(key, sizeof(key), "domain:%.*s", (int)name.length, name.data);
    replica_problems_remove(orders->problems, span_of(key));
    orders_tell_domain(orders, REPLICA_FROM_FILE, name, ours->state, NULL);
    replica_remove_domain(orders->answering, name);
}

void
orders_check_domains(struct replica_orders *orders)
{
    struct replica_domain ours;
    struct replica_name copy;
    struct span name;
    uint64_t cursor = 0;

    while (replica_next_domain(orders->answering, &cursor, &name, &ours)) {
        if (!replica_name_set(&copy, name))
            continue;
        if (ours.ours && !replica_rules_allow(&orders->rules, name))
            drop_domain(orders, replica_name_span(&copy), &ours);
        else if (ours.state != NULL)
            check_domain(orders, replica_name_span(&copy), &ours);
    }
    orders_check_alarm(orders);
}
