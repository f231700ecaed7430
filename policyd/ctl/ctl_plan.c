/*
 * plan: start, advance, pause, resume and abort, an operator's words; show and simulate.
 */
#include "policyd/ctl/ctl_plan.h"

#include <string.h>

#include "policyd/ctl/ctl_controller.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_verbs.h"

/* Words of ours: `plan WHAT DOMAIN ...`. */
enum { FIRST = 2 };

static int
order_plainly(struct ctl *ctl, const char *name, enum plan_order what)
{
    const struct ctl_plan_order order = {.name = name, .order = what, .past = ""};

    if (ctl->arguments.count > FIRST)
        return ctl_output_fail(
            CTL_USAGE, "plan %s takes a domain alone", plan_order_name(what));
    return ctl_plan_change(ctl, &order);
}

static int
start(struct ctl *ctl, const char *name)
{
    struct ctl_plan_fields fields;
    const struct ctl_plan_order order = {
        .name = name, .order = PLAN_ORDER_START, .fields = &fields, .past = ""};
    struct error error;
    int status;

    if (!ctl_plan_words(ctl, FIRST, &fields))
        return CTL_USAGE;
    status = ctl_plan_change(ctl, &order);
    if (status != CTL_DONE)
        return status;
    if (ctl_controller_status(ctl, &error) != NULL)
        ctl_output_say("the controller sets the first stage");
    else
        ctl_output_say(
            "controller not asked: %s; a controller sets the first stage", error.text);
    return CTL_DONE;
}

/* --- advance --- */

/* The value of --past and the words behind the domain; NULL: said so. */
static const char *
read_past(struct ctl *ctl)
{
    const char *given = ctl->arguments.values[CTL_PAST];
    const char *past = given == NULL ? "" : given;
    struct span rest;
    struct span word;
    enum plan_gate_kind kind;

    if (given == NULL && ctl->arguments.count > FIRST) {
        (void)ctl_output_fail(CTL_USAGE, "%s: gates stand behind --past",
            ctl_output_text(ctl->arena, span_of(ctl->arguments.words[FIRST])));
        return NULL;
    }
    for (size_t i = FIRST; i < ctl->arguments.count; i++)
        past = arena_printf(ctl->arena, "%s %s", past, ctl->arguments.words[i]);
    for (rest = span_of(past); span_word(&rest, &word);) {
        if (plan_gate_find(word, &kind))
            continue;
        (void)ctl_output_fail(CTL_USAGE,
            "there is no gate %s (there are stay window samples success delay rate judge "
            "alarm probe preflight rehearsal hook)",
            ctl_output_text(ctl->arena, word));
        return NULL;
    }
    return past;
}

static bool
has_word(struct span words, struct span wanted)
{
    struct span word;

    while (span_word(&words, &word)) {
        if (span_equal(word, wanted))
            return true;
    }
    return false;
}

/* Each gate that is not yes and not named, a line each; how many. */
static size_t
tell_closed(struct ctl *ctl, const struct ctl_json *plan, const char *past)
{
    const struct ctl_json *gate = ctl_json_get(plan, "gates")->first;
    size_t closed = 0;

    for (; gate != NULL; gate = gate->next) {
        struct span name = ctl_json_text(gate, "name");

        if (span_is(ctl_json_text(gate, "answer"), "yes") ||
            has_word(span_of(past), name))
            continue;
        ctl_output_warn("gate %s says %s: %s", ctl_output_text(ctl->arena, name),
            ctl_output_text(ctl->arena, ctl_json_text(gate, "answer")),
            ctl_output_text(ctl->arena, ctl_json_text(gate, "text")));
        closed++;
    }
    return closed;
}

static int
advance(struct ctl *ctl, const char *name)
{
    const char *past = read_past(ctl);
    const struct ctl_plan_order order = {
        .name = name, .order = PLAN_ORDER_ADVANCE, .past = past};
    const struct ctl_json *status;
    const struct ctl_json *plan;
    struct error error;
    size_t closed;

    if (past == NULL)
        return CTL_USAGE;
    status = ctl_controller_status(ctl, &error);
    if (status == NULL)
        return ctl_output_fail(CTL_REFUSED,
            "the controller, which asks the gates and sets the stage, can't be asked: "
            "%s; "
            "nothing was changed (set %s weight= does it by hand)",
            error.text, name);
    plan = ctl_controller_plan(status, name);
    if (plan == NULL)
        return ctl_output_fail(CTL_NO, "%s: the controller knows no plan of it", name);
    closed = span_is(ctl_json_text(plan, "state"), "running")
                 ? tell_closed(ctl, plan, past)
                 : 0;
    if (closed > 0)
        return ctl_output_fail(CTL_REFUSED,
            "%s: %zu gate%s not yes; name %s with --past to go past %s; nothing was "
            "changed",
            name, closed, closed == 1 ? " is" : "s are", closed == 1 ? "it" : "them",
            closed == 1 ? "it" : "them");
    return ctl_plan_change(ctl, &order);
}

/* --- all of them --- */

int
ctl_plan_run(struct ctl *ctl)
{
    static const struct {
        const char *name;
        enum plan_order order;
    } plain[] = {
        {"pause",  PLAN_ORDER_PAUSE },
        {"resume", PLAN_ORDER_RESUME},
        {"abort",  PLAN_ORDER_ABORT },
    };
    const char *what = ctl->arguments.words[0];
    const char *name = ctl_store_canonical_domain(ctl, ctl->arguments.words[1]);

    if (name == NULL)
        return CTL_USAGE;
    for (size_t i = 0; i < ARRAY_LENGTH(plain); i++) {
        if (strcmp(what, plain[i].name) == 0)
            return order_plainly(ctl, name, plain[i].order);
    }
    if (strcmp(what, "start") == 0)
        return start(ctl, name);
    if (strcmp(what, "advance") == 0)
        return advance(ctl, name);
    if (strcmp(what, "show") == 0)
        return ctl_plan_show(ctl);
    if (strcmp(what, "simulate") == 0)
        return ctl_plan_simulate(ctl);
    return ctl_output_fail(CTL_USAGE,
        "plan %s: there are start, advance, pause, resume, abort, show and simulate",
        ctl_output_text(ctl->arena, span_of(what)));
}
