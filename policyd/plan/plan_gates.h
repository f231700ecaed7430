/*
 * plan_gates - may the plan advance?  Each gate says yes, no, or not known, with a line
 * that tells value, limit, window and what it waits for.  Pure.
 *
 * Not known never advances.  The traffic gates (samples, success, delay, rate, judge) are
 * all not known when the figures can't be believed (plan_doubt.h), or the plan doesn't
 * say since when its stage is in force.  No traffic is no success: without a first
 * attempt on new, success and delay are not known.  The judge alone says yes while it
 * does not know yet, with a text that says so: without failures there is nothing to
 * compare.
 *
 * A time zone that this machine does not know makes the window not known, and nothing
 * else.
 *
 * Samples are deliveries on new since the stage began; success, delay and rate are of the
 * same time, at most 24 hours.
 */
#ifndef POLICYD_PLAN_PLAN_GATES_H
#define POLICYD_PLAN_PLAN_GATES_H

#include "policyd/plan/plan_doubt.h"
#include "policyd/plan/plan_judge.h"
#include "policyd/plan/plan_record.h"
#include "policyd/plan/plan_series.h"
#include "policyd/plan/plan_trigger.h"

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

/* A gate that somebody else answers; an empty text: it is not there. */
struct plan_opinion {
    enum plan_answer answer;
    char text[PLAN_TEXT_MAX];
};

struct plan_facts {
    int64_t now_ms;          /* unix time */
    struct plan_local local; /* the same by the plan's zone */
    bool no_zone;            /* this machine does not know that: `local` is UTC */
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

/* All say yes, or the order passes over them; else *closed is the first that doesn't.
 * Without any gate: no, and NULL, as nobody asked them. */
bool plan_gates_are_open(const struct plan_record *plan, const struct plan_gate *gates,
    size_t count, const struct plan_gate **closed);

#endif
