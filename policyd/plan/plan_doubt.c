#include "policyd/plan/plan_doubt.h"

#include <inttypes.h>
#include <stdlib.h>

#include "policyd/plan/plan_text.h"

enum { BOOKS_SLOTS = 2 }; /* that the books may be behind */

static void
find_silent_gateway(const struct plan_sources *sources, struct plan_doubt *doubt)
{
    doubt->since = sources->silent_since;
    plan_text_print(doubt->text, sizeof(doubt->text),
        "the controller of %s is silent: its counts are missing, and %" PRIu64
        " message%s waited there",
        sources->silent_gateway, sources->silent_waiting,
        sources->silent_waiting == 1 ? "" : "s");
}

static void
find_clocks(const struct plan_sources *sources, struct plan_doubt *doubt)
{
    char apart[PLAN_TIME_MAX];

    plan_text_age(llabs(sources->clock_ahead_s) * 1000, apart);
    plan_text_print(doubt->text, sizeof(doubt->text),
        "this machine's clock is %s %s Redis' (at most %d s)", apart,
        sources->clock_ahead_s > 0 ? "ahead of" : "behind", PLAN_APART_S);
}

static void
find_books(const struct plan_sources *sources, int64_t slot_ms, struct plan_doubt *doubt)
{
    char behind[PLAN_TIME_MAX];
    char limit[PLAN_TIME_MAX];

    plan_text_age(sources->books_behind_ms, behind);
    plan_text_age(BOOKS_SLOTS * slot_ms, limit);
    plan_text_print(doubt->text, sizeof(doubt->text),
        "the books are %s behind (at most %s)", behind, limit);
}

void
plan_doubt_find(
    const struct plan_sources *sources, int64_t slot_ms, struct plan_doubt *doubt)
{
    *doubt = (struct plan_doubt){0};
    if (!sources->redis_up) {
        doubt->since = sources->redis_down_since;
        plan_text_print(doubt->text, sizeof(doubt->text),
            "Redis is not there, so what other gateways counted is missing");
    } else if (llabs(sources->clock_ahead_s) > PLAN_APART_S) {
        find_clocks(sources, doubt);
    } else if (sources->silent_gateway != NULL) {
        find_silent_gateway(sources, doubt);
    } else if (sources->log_silent && sources->probe_good) {
        doubt->since = sources->log_silent_since;
        plan_text_print(doubt->text, sizeof(doubt->text),
            "no line of Postfix for 10 min, though the probe of new succeeds");
    } else if (sources->clock_step != 0) {
        doubt->since = sources->clock_step;
        plan_text_print(doubt->text, sizeof(doubt->text),
            "the clock was set, so times of the last hour can't be told apart");
    } else if (sources->books_behind_ms > BOOKS_SLOTS * slot_ms) {
        find_books(sources, slot_ms, doubt);
    }
}
