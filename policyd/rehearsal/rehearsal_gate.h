/*
 * rehearsal_gate - whether enough of those who move with the next stage are clean, by
 * what the gateways say.  Pure.
 *
 * Percent of the movers who had mail in seven days.  Yes as soon as enough are clean; no
 * as soon as so many are refused or deferred that it can't be reached; not known between,
 * without any mover, without a word of the side process, where a gateway's word is older
 * than REHEARSAL_SILENT_S or of another stage.  With several gateways each counts those
 * whose mail it took.
 */
#ifndef POLICYD_REHEARSAL_REHEARSAL_GATE_H
#define POLICYD_REHEARSAL_REHEARSAL_GATE_H

#include "policyd/plan/plan_gates.h"
#include "policyd/rehearsal/rehearsal_answer.h"

enum {
    REHEARSAL_SILENT_S = 60,
    REHEARSAL_FORGOTTEN_S = 8 * 86400, /* then it is no gateway any more */
    REHEARSAL_GATEWAY_MAX = 256,
};

/* What all gateways say of a domain; zeroes: nothing. */
struct rehearsal_view {
    size_t gateways;
    struct rehearsal_sum total; /* time: the oldest; stage, why: of the first that has
                                   one */
    char oldest[REHEARSAL_GATEWAY_MAX]; /* who said it */
    char other[REHEARSAL_GATEWAY_MAX];  /* a gateway with another stage; "": none */
};

/* False: the value can't be read, or is too old, and counts for nothing. */
bool rehearsal_view_add(
    struct rehearsal_view *view, struct span gateway, struct span value, int64_t now);

/* `[cutover] rehearsal`: "no" (*is_on is false), or a percentage as hundredths. */
bool rehearsal_limit_parse(
    struct span text, bool *is_on, unsigned *limit, struct error *error);

/* `stage`: the next one; NULL: none follows, and nobody is to be asked. */
void rehearsal_gate_ask(const struct rehearsal_view *view, const struct plan_stage *stage,
    unsigned limit, int64_t now, struct plan_opinion *opinion);

#endif
