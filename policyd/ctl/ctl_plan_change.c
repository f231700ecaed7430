/*
 * One change of a plan: read, checked, written where plan and domain are still what was
 * read.
 */
#include <inttypes.h>
#include <time.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_plan.h"
#include "policyd/ctl/ctl_write.h"
#include "shared/base/number.h"

enum { TRIES = 8 };

struct attempt {
    struct ctl *ctl;
    const struct ctl_plan_order *order;
    struct ctl_plan plan;
    struct ctl_domain domain;
    struct plan_write write;
    struct domain_field set[PLAN_WRITE_FIELDS_MAX + CTL_PLAN_FIELDS_MAX];
    size_t set_count;
    const char *why;
};

/* --if-rev: the number that the plan must have; none counts as 0. */
static bool
has_wanted_rev(const struct attempt *attempt, int *status)
{
    const char *text = attempt->ctl->arguments.values[CTL_IF_REV];
    uint64_t wanted;
    uint64_t has = 0;

    if (text == NULL)
        return true;
    if (!number_unsigned(span_of(text), UINT64_MAX, &wanted)) {
        *status = ctl_output_fail(CTL_USAGE, "--if-rev takes a number");
        return false;
    }
    (void)number_unsigned(ctl_hash_value(&attempt->plan.hash, "rev"), UINT64_MAX, &has);
    if (has == wanted)
        return true;
    *status = ctl_output_fail(CTL_REFUSED,
        "the plan of %s has rev %" PRIu64 ", not %" PRIu64 "; nothing was changed",
        attempt->order->name, has, wanted);
    return false;
}

/* --- what speaks against a start --- */

/* What nobody can go over: there would be nothing to move. */
static const char *
find_bar(const struct attempt *attempt)
{
    const struct domain_state *state = attempt->domain.state;

    if (state == NULL)
        return attempt->domain.count == 0
                   ? "it has no state (set DOMAIN old= new= weight=0)"
                   : "its state is bad (status says why)";
    if (state->same_as[0] != '\0')
        return "it is same_as another domain, whose plan moves its people too";
    if (state->mode != DOMAIN_MODE_SPLIT)
        return "its mode is not split, so that a weight decides nothing";
    return NULL;
}

static bool
may_start(struct attempt *attempt, int *status)
{
    struct ctl *ctl = attempt->ctl;
    const char *bar = find_bar(attempt);

    if (bar != NULL) {
        *status = ctl_output_fail(
            CTL_REFUSED, "%s: no plan can be started: %s", attempt->order->name, bar);
        return false;
    }
    if (attempt->domain.state->inside != INSIDE_UNSET)
        return true;
    if (ctl_arguments_has(&ctl->arguments, CTL_FORCE)) {
        attempt->why = arena_printf(ctl->arena, "%s%s(forced: a plan without `inside`)",
            attempt->why, attempt->why[0] == '\0' ? "" : " ");
        return true;
    }
    *status = ctl_output_fail(CTL_REFUSED,
        "%s: a plan without `inside` is refused; say how mail that starts inside is "
        "handled: set %s inside=relay|forward|map|accept, see postshift.conf(5) (--force "
        "overrides)",
        attempt->order->name, attempt->order->name);
    return false;
}

/* --- the change --- */

/* What the plan would be is a good one; a stop is taken of a bad one too. */
static bool
is_good(struct attempt *attempt, int *status)
{
    struct domain_field next[CTL_PLAN_ALL_MAX];
    size_t count =
        ctl_plan_lay_over(&attempt->plan.hash, attempt->set, attempt->set_count, next);
    struct domain_problem problem;
    struct plan_record record;

    if (attempt->order->order == PLAN_ORDER_PAUSE ||
        attempt->order->order == PLAN_ORDER_ABORT ||
        plan_record_parse(next, count, &record, &problem))
        return true;
    *status = ctl_output_fail(CTL_NO, "%s: %s; nothing was changed", attempt->order->name,
        ctl_plan_problem(attempt->ctl, &problem));
    return false;
}

static bool
make_write(struct attempt *attempt, int *status)
{
    const struct ctl_plan_order *order = attempt->order;
    const struct ctl_plan_fields *fields = order->fields;
    struct error error;

    if (!plan_order_write(order->order, &attempt->plan.record, order->past, attempt->why,
            (int64_t)time(NULL), &attempt->write, &error)) {
        *status = ctl_output_fail(order->order == PLAN_ORDER_START ? CTL_REFUSED : CTL_NO,
            "%s: %s; nothing was changed", order->name, error.text);
        return false;
    }
    for (size_t i = 0; i < attempt->write.plan_count; i++)
        attempt->set[attempt->set_count++] = attempt->write.plan[i];
    for (size_t i = 0; fields != NULL && i < fields->count; i++)
        attempt->set[attempt->set_count++] = fields->items[i];
    return is_good(attempt, status);
}

static bool
commit(struct attempt *attempt, bool *written, struct error *error)
{
    struct ctl *ctl = attempt->ctl;
    const char *past = attempt->order->past;
    const struct ctl_event event = {
        .domain = attempt->order->name,
        .what = attempt->write.what,
        .from = attempt->write.from,
        .to = past[0] == '\0'
                  ? attempt->write.to
                  : arena_printf(ctl->arena, "%s past %s", attempt->write.to, past),
        .why = attempt->why,
        .rev = attempt->write.rev,
    };
    const struct ctl_change change = {
        .events = &event,
        .event_count = 1,
        .plan = &attempt->plan.hash,
        .plan_set = attempt->set,
        .plan_set_count = attempt->set_count,
    };

    return ctl_write_domain(ctl, &attempt->domain, &change, written, error);
}

static void
tell(const struct attempt *attempt)
{
    const struct plan_write *write = &attempt->write;

    if (attempt->order->order == PLAN_ORDER_ADVANCE)
        ctl_output_say("%s: ordered to advance%s%s", attempt->order->name,
            attempt->order->past[0] == '\0' ? "" : " past ", attempt->order->past);
    else
        ctl_output_say(
            "%s: the plan was %s, is %s", attempt->order->name, write->from, write->to);
    ctl_output_say("rev %" PRIu64, write->rev);
}

/* True: *status is final. */
static bool
try_once(struct attempt *attempt, int *status)
{
    const struct ctl_plan_order *order = attempt->order;
    struct ctl *ctl = attempt->ctl;
    const char *given = ctl->arguments.values[CTL_WHY];
    struct error error;
    bool written;

    attempt->why = given != NULL ? ctl_output_text(ctl->arena, span_of(given)) : "";
    if (!ctl_plan_read(ctl, order->name, &attempt->plan, &error) ||
        !ctl_store_domain(ctl, span_of(order->name), &attempt->domain, &error)) {
        *status = ctl_store_fail(ctl, &error);
        return true;
    }
    if (attempt->plan.hash.is_no_hash || attempt->domain.is_no_hash) {
        *status = ctl_output_fail(
            CTL_NO, "%s has a key in Redis that is no hash: delete it", order->name);
        return true;
    }
    if (!has_wanted_rev(attempt, status) ||
        (order->order == PLAN_ORDER_START && !may_start(attempt, status)) ||
        !make_write(attempt, status))
        return true;
    if (!commit(attempt, &written, &error)) {
        *status = ctl_store_fail(ctl, &error);
        return true;
    }
    if (written)
        tell(attempt);
    *status = CTL_DONE;
    return written;
}

int
ctl_plan_change(struct ctl *ctl, const struct ctl_plan_order *order)
{
    for (int i = 0; i < TRIES; i++) {
        struct attempt attempt = {.ctl = ctl, .order = order};
        int status = CTL_NO;
        bool done = try_once(&attempt, &status);

        ctl_domain_clear(&attempt.domain);
        if (done)
            return status;
    }
    return ctl_output_fail(
        CTL_NO, "%s is being changed by others all the time; try again", order->name);
}
