/*
 * plan show: what the controller says of a plan; where it is silent, what Redis says, and
 * that the gates were not asked.
 */
#include <time.h>

#include "policyd/ctl/ctl_controller.h"
#include "policyd/ctl/ctl_json_write.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_plan.h"
#include "policyd/ctl/ctl_plan_text.h"
#include "policyd/plan/plan_page.h"
#include "shared/base/number.h"

enum { PAGE_MAX = 4 << 20 };

static void
write_page(struct buffer *out, const struct ctl_plan *plan, struct ctl *ctl,
    const struct domain_state *state)
{
    struct json json = json_on(out);
    const struct plan_page page = {
        .domain = span_of(plan->name),
        .plan = plan->is_bad ? NULL : &plan->record,
        .problem = plan->is_bad ? ctl_plan_problem(ctl, &plan->problem) : NULL,
        .state = state,
        .next = plan->is_bad || state == NULL ? 0 : plan_step_next(&plan->record, state),
        .now = (int64_t)time(NULL),
        .units_on_new = -1,
    };

    plan_page_write(&json, &page);
}

/* NULL: *status has the exit code, and it is said why. */
static const struct ctl_json *
read_from_redis(struct ctl *ctl, const char *name, int *status)
{
    const struct ctl_json *document = NULL;
    struct ctl_plan plan;
    struct ctl_domain domain;
    struct buffer page;
    struct error error;

    if (!ctl_plan_read(ctl, name, &plan, &error) ||
        !ctl_store_domain(ctl, span_of(name), &domain, &error)) {
        *status = ctl_store_fail(ctl, &error);
        return NULL;
    }
    *status = CTL_NO;
    buffer_init(&page, PAGE_MAX);
    write_page(&page, &plan, ctl, domain.state);
    ctl_domain_clear(&domain);
    if (plan.hash.is_no_hash)
        (void)ctl_output_fail(
            CTL_NO, "%s has a plan in Redis that is no hash: delete it", name);
    else if (plan.hash.count == 0)
        (void)ctl_output_fail(CTL_NO, "%s has no plan (plan start %s)", name, name);
    else
        document = ctl_json_parse(
            ctl->arena, arena_span(ctl->arena, buffer_span(&page)), &error);
    buffer_clear(&page);
    return document;
}

static void
print_json(const struct ctl_json *plan, const char *silent)
{
    struct buffer out;
    struct json json;

    buffer_init(&out, PAGE_MAX);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    json_text(&json, "source", silent == NULL ? "controller" : "redis");
    json_text(&json, "controller_not_asked", silent);
    for (const struct ctl_json *i = plan->first; i != NULL; i = i->next)
        ctl_json_write(&json, i->name.data, i);
    json_object_end(&json);
    ctl_output_document(&out);
}

int
ctl_plan_show(struct ctl *ctl)
{
    const char *name = ctl_store_canonical_domain(ctl, ctl->arguments.words[1]);
    const struct ctl_json *document;
    const struct ctl_json *plan;
    const char *silent = NULL;
    struct error error;
    int64_t now = (int64_t)time(NULL);
    int status = CTL_DONE;

    if (name == NULL)
        return CTL_USAGE;
    document = ctl_controller_status(ctl, &error);
    plan = document == NULL ? NULL : ctl_controller_plan(document, name);
    if (plan == NULL) {
        silent = document == NULL ? arena_text(ctl->arena, span_of(error.text))
                                  : "it knows no plan of this domain";
        plan = read_from_redis(ctl, name, &status);
        if (plan == NULL)
            return status;
    }
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON)) {
        print_json(plan, silent);
    } else {
        if (silent != NULL)
            ctl_output_alarm("controller not asked: %s; what Redis says:", silent);
        ctl_plan_text_print(ctl, plan, now, false);
    }
    return span_is(ctl_json_text(plan, "state"), "bad") ? CTL_NO : status;
}
