/*
 * fuzz_plan_record - lines `field=value`: a plan that is taken keeps its promises, and a
 * bad one says why and moves nothing.
 */
#include "policyd/plan/plan_record.h"
#include "shared/base/attributes.h"
#include "shared/base/utf8.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_window(const struct plan_window *window)
{
    struct plan_local local = {.weekday = 3, .minute = 600};
    char text[PLAN_LOCAL_MAX];
    bool open = plan_window_is_open(window, local);
    unsigned opens = plan_window_opens(window, local, text);

    assert(window->count <= PLAN_WINDOW_RANGES_MAX && strlen(text) == 9);
    assert(open == (opens == 0) && opens < 7 * MINUTES_OF_DAY);
    assert(plan_window_is_open(window, plan_local_after(local, opens)));
    assert(open == (plan_window_closes(window, local, text) > 0));
}

static void
check_stages(const struct plan_record *plan)
{
    unsigned before = 0;
    char name[80];

    assert(plan->stage_count > 0 && plan->stage_count <= PLAN_STAGES_MAX);
    assert(plan->stage <= plan->stage_count && plan->step <= plan->stage_count);
    for (size_t i = 0; i < plan->stage_count; i++) {
        bool is_list = plan->stages[i].list[0] != '\0';

        assert(
            is_list ? plan->stages[i].weight == before : plan->stages[i].weight > before);
        assert(!is_list || domain_list_is_name(span_of(plan->stages[i].list)));
        before = plan->stages[i].weight;
        plan_stage_name(&plan->stages[i], name);
        assert(!span_has_control(span_of(name)));
    }
    assert(before <= 10000);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct domain_field fields[PLAN_FIELDS_MAX + 1];
    struct domain_problem problem = {0};
    struct plan_record plan;
    struct span text = span_make(data, size);
    struct span line;
    size_t count = 0;

    while (count < ARRAY_LENGTH(fields) && span_split(&text, '\n', &line)) {
        size_t equals = span_find(line, '=');

        if (equals == SPAN_NONE)
            continue;
        fields[count].name = span_first(line, equals);
        fields[count++].value = span_from(line, equals + 1);
    }
    if (!plan_record_parse(fields, count, &plan, &problem)) {
        assert(problem.text[0] != '\0' && !span_has_control(span_of(problem.value)));
        assert(plan.state == PLAN_NONE && plan.stage == 0 && !plan.ordered);
    }
    check_stages(&plan);
    check_window(&plan.window);
    assert(plan.state < PLAN_STATES && plan.since >= 0 && plan.max_delay_ms > 0);
    assert((plan.state != PLAN_RUNNING && plan.state != PLAN_DONE) || plan.stage > 0);
    assert(plan.slow.over_ms > 0 && plan.fast.over_ms > 0);
    assert(plan.slow.below <= 10000 && plan.fast.below <= 10000);
    assert(plan.min_success <= 10000 && plan.weight <= 10000);
    assert(plan.timezone[0] != '/' && strstr(plan.timezone, "..") == NULL);
    assert(utf8_is_valid(span_of(plan.why)) && !span_has_control(span_of(plan.why)));
    (void)plan_record_is_past(&plan, "stay");
    return 0;
}
