#include "policyd/plan/plan_stage.h"

#include <stdio.h>
#include <string.h>

#include "shared/base/number.h"

static const uint64_t day_ms = UINT64_C(86400) * 1000;

static bool
has_list(const struct plan_stage *stages, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++) {
        if (span_is(name, stages[i].list))
            return true;
    }
    return false;
}

bool
plan_stages_parse(struct span text, struct plan_stage stages[PLAN_STAGES_MAX],
    size_t *count, struct error *error)
{
    struct plan_stage read[PLAN_STAGES_MAX] = {0};
    size_t n = 0;
    unsigned weight = 0;
    struct span word;

    for (; span_word(&text, &word); read[n++].weight = weight) {
        unsigned before = weight;

        if (n == PLAN_STAGES_MAX)
            return error_permanent(error, "at most %d stages", PLAN_STAGES_MAX);
        if (!span_take(&word, SPAN("list:"))) {
            if (!number_percent(word, &weight) || weight <= before)
                return error_permanent(error,
                    "stages are percentages above 0 that rise, and list:NAME, such as "
                    "\"list:canary 30 70 100\"");
            continue;
        }
        if (!domain_list_is_name(word) || span_is(word, "exclude"))
            return error_permanent(
                error, "a list stage is list: and a list's name, which is not exclude");
        if (has_list(read, n, word))
            return error_permanent(error, "a list stands once in the stages");
        (void)span_copy(word, read[n].list, sizeof(read[n].list));
    }
    if (n == 0)
        return error_permanent(error, "at least one stage");
    memcpy(stages, read, sizeof(read));
    *count = n;
    return true;
}

bool
plan_stays_parse(
    struct span text, struct plan_stage *stages, size_t count, struct error *error)
{
    uint64_t stays[PLAN_STAGES_MAX];
    size_t n = 0;
    bool good = true;
    struct span word;

    while (good && span_word(&text, &word))
        good = n < count && number_duration(word, &stays[n++]);
    if (!good || n != count)
        return error_permanent(error,
            "one duration a stage, such as 3d or 24h; there are %zu stages", count);
    for (size_t i = 0; i < count; i++)
        stages[i].stay_ms = stays[i];
    return true;
}

void
plan_stays_default(struct plan_stage *stages, size_t count)
{
    bool first = true;

    for (size_t i = 0; i < count; i++) {
        bool is_number = stages[i].list[0] == '\0';

        stages[i].stay_ms = is_number && first ? 3 * day_ms : day_ms;
        first = first && !is_number;
    }
}

void
plan_stage_name(const struct plan_stage *stage, char out[80])
{
    char weight[8];

    if (stage->list[0] != '\0') {
        (void)snprintf(out, 80, "the list %s", stage->list);
        return;
    }
    domain_weight_write(stage->weight, weight);
    (void)snprintf(out, 80, "%s %%", weight);
}
