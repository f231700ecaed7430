#include "policyd/plan/plan_trigger.h"

#include <assert.h>
#include <inttypes.h>

#include "policyd/plan/plan_text.h"

/* The window in whole slots, none of them cut. */
static int64_t
window_ms(const struct plan_trigger *trigger, int64_t slot_ms)
{
    return ((int64_t)trigger->over_ms + slot_ms - 1) / slot_ms * slot_ms;
}

static void
tell_not_full(struct plan_alarm *alarm, const char *over, int64_t left_ms)
{
    char left[PLAN_TIME_MAX];

    plan_text_age(left_ms, left);
    plan_text_print(alarm->text, sizeof(alarm->text),
        "not known: %s since the last transition are over in %s", over, left);
}

static void
tell(const struct plan_trigger *trigger, struct plan_alarm *alarm, const char *over)
{
    char percent[PLAN_TIME_MAX];
    char below[8];

    if (alarm->availability < 0) {
        plan_text_print(alarm->text, sizeof(alarm->text),
            "not known: %" PRIu64 " first attempt%s on new and no probe in %s",
            alarm->samples, alarm->samples == 1 ? "" : "s", over);
        return;
    }
    plan_text_percent(alarm->availability, percent);
    domain_weight_write(trigger->below, below);
    plan_text_print(alarm->text, sizeof(alarm->text),
        "availability of new %s %% for %s (%s %s %%)", percent, over,
        alarm->is_pulled ? "below" : "at least", below);
}

void
plan_trigger_look(const struct plan_trigger *trigger, const struct plan_series *series,
    int64_t since_ms, int64_t now_ms, struct plan_alarm *alarm)
{
    int64_t slot_ms = series->slot_ms;
    int64_t span_ms = window_ms(trigger, slot_ms);
    int64_t to_ms;
    int64_t from_ms;
    char over[PLAN_TIME_MAX];

    assert(slot_ms > 0);
    *alarm = (struct plan_alarm){.availability = -1};
    to_ms = now_ms - now_ms % slot_ms;
    from_ms = to_ms - span_ms;
    plan_text_age(span_ms, over);
    if (from_ms < since_ms) {
        /* Full at the end of a slot, once the first whole one after it counts. */
        int64_t first = (since_ms + slot_ms - 1) / slot_ms * slot_ms;

        tell_not_full(alarm, over, first + span_ms - now_ms);
        return;
    }
    alarm->availability =
        plan_series_availability(series, SIDE_NEW, from_ms, to_ms, &alarm->samples);
    alarm->is_pulled =
        alarm->availability >= 0 && plan_hundredths(alarm->availability) < trigger->below;
    if (alarm->is_pulled) {
        int64_t bad = plan_series_first_bad(
            series, SIDE_NEW, from_ms, to_ms, trigger->below / 10000.0);

        alarm->bad_since_ms = bad < 0 ? to_ms : bad;
    }
    tell(trigger, alarm, over);
}
