/*
 * plan_stage - the stages of a plan and how long it stays at each.  Pure.
 *
 * "30 70 100", also "list:canary list:it 30 70 100": numbers rise, from above 0; a list
 * stands once, and is not `exclude`.  Stays are durations, "3d 24h 24h", one a stage.
 */
#ifndef POLICYD_PLAN_PLAN_STAGE_H
#define POLICYD_PLAN_PLAN_STAGE_H

#include "policyd/state/domain_word.h"
#include "shared/base/error.h"

enum { PLAN_STAGES_MAX = 32 };

struct plan_stage {
    char list[DOMAIN_WORD_MAX + 1]; /* "": a weight */
    unsigned weight; /* hundredths; of a list stage: that of the number before
                        it, 0 where there is none */
    uint64_t stay_ms;
};

/* On false nothing is changed. */
bool plan_stages_parse(struct span text, struct plan_stage stages[PLAN_STAGES_MAX],
    size_t *count, struct error *error);
bool plan_stays_parse(
    struct span text, struct plan_stage *stages, size_t count, struct error *error);

/* Three days at the first number, where people first work on new without being asked; a
 * day at all others. */
void plan_stays_default(struct plan_stage *stages, size_t count);

/* "30 %" or "the list canary". */
void plan_stage_name(const struct plan_stage *stage, char out[80]);

#endif
