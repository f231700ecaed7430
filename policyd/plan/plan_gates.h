/*
 * plan_gates - may the plan advance?  Each gate says yes, no, or not known, with a line
 * that tells value, limit, window and what it waits for.  Pure.
 *
 * Not known never advances.  The traffic gates (samples, success, delay, rate, judge) are
 * all not known when the figures can't be believed: no log line for ten minutes though
 * the probe succeeds, a clock step, books more than two slots behind, a gateway whose
 * controller is silent, Redis not there.
 */
#ifndef POLICYD_PLAN_PLAN_GATES_H
#define POLICYD_PLAN_PLAN_GATES_H

#include "policyd/plan/plan_judge.h"
#include "policyd/plan/plan_record.h"
#include "policyd/plan/plan_series.h"

enum plan_answer { PLAN_NO, PLAN_YES, PLAN_NOT_KNOWN };

const char *plan_answer_name(enum plan_answer answer); /* "no" "yes" "not-known" */

/* In the order in which they are shown; names: "stay window samples success delay rate
 * judge alarm probe preflight rehearsal hook". */
enum plan_gate_kind {
    GATE_STAY,
    GATE_WINDOW, /* and freeze_until */
    GATE_SAMPLES,
    GATE_SUCCESS,
    GATE_DELAY,
    GATE_RATE,
    GATE_JUDGE,
    GATE_ALARM,
    GATE_PROBE,
    GATE_PREFLIGHT,
    GATE_REHEARSAL,
    GATE_HOOK,
    PLAN_GATES
};

const char *plan_gate_name(enum plan_gate_kind kind);
bool plan_gate_find(struct span name, enum plan_gate_kind *kind);

struct plan_gate {
    enum plan_gate_kind kind;
    enum plan_answer answer;
    char text[PLAN_TEXT_MAX]; /* "143 of 200 deliveries on new, about 2 h" */
};

/* Why figures can't be believed; `since` 0 where that is unknown. */
struct plan_doubt {
    char text[PLAN_TEXT_MAX]; /* "": they can be believed */
    int64_t since;            /* unix time */
};

/* What the doubt is made from. */
struct plan_sources {
    bool redis_up;
    int64_t redis_down_since; /* unix time */
    bool log_silent;          /* no line of Postfix for ten minutes */
    int64_t log_silent_since;
    bool probe_good;            /* of new */
    int64_t books_behind_ms;    /* how old what is entered is, while there is more */
    int64_t clock_step;         /* unix time of a step seen in the last hour; 0: none */
    const char *silent_gateway; /* NULL: none */
    int64_t silent_since;
    uint64_t silent_waiting; /* messages that waited there at its last word */
};

void plan_doubt_find(
    const struct plan_sources *sources, int64_t slot_ms, struct plan_doubt *doubt);

/* A gate that somebody else answers; an empty text: it is not there. */
struct plan_opinion {
    enum plan_answer answer;
    char text[PLAN_TEXT_MAX];
};

struct plan_facts {
    int64_t now_ms;          /* unix time */
    struct plan_local local; /* the same by the plan's zone */
    const struct plan_series *series;
    struct plan_doubt doubt;
    uint64_t min_samples;           /* of the configuration */
    const struct judge *judge;      /* sum over all gateways; failures */
    const struct judge *slow_judge; /* the same for slow deliveries */
    char alarm[PLAN_TEXT_MAX];      /* "": none */
    struct plan_opinion probe;
    struct plan_opinion preflight;
    struct plan_opinion rehearsal;
    struct plan_opinion hook;
};

/* Those that are there; gives how many. */
size_t plan_gates_ask(const struct plan_record *plan, const struct plan_facts *facts,
    struct plan_gate gates[PLAN_GATES]);

/* All say yes, or the order passes over them. */
bool plan_gates_are_open(const struct plan_record *plan, const struct plan_gate *gates,
    size_t count, const struct plan_gate **closed);

/* --- triggers --- */

struct plan_alarm {
    bool is_pulled;
    double availability; /* 0..1; -1: not known */
    uint64_t samples;
    int64_t bad_since_ms;     /* end of the first bad slot, for rto_s */
    char text[PLAN_TEXT_MAX]; /* "availability of new 43.10 % for 5 min (below 50 %)" */
};

/* By whole slots that have ended, only where the window is full since the last transition
 * (`since_ms`). */
void plan_trigger_look(const struct plan_trigger *trigger,
    const struct plan_series *series, int64_t since_ms, int64_t now_ms,
    struct plan_alarm *alarm);

#endif
