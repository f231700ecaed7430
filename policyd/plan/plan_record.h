/*
 * plan_record - the hash `plan:<domain>` to a checked plan, and what is wrong with it.
 * Pure.
 *
 * All fields are optional; what is absent has its default.  Values are untrusted: one bad
 * field makes the whole plan bad, and a bad plan never moves anything.  An unknown field
 * is passed over.  Operators may write the hash by redis-cli; our own writers count
 * `rev`.
 *
 *     stages        "30 70 100", also "list:canary 30 70 100"; numbers rise, from above
 *                   0; a list stands once, and is not `exclude`
 *     stays         "3d 24h 24h", one a stage; absent: 3d at the first number,
 *                   24h at all others
 *     state         waiting running paused rolled-back done aborted; absent: no plan
 *     stage         which stage is in force, from 1; 0: none yet, so not where the state
 *                   is running or done
 *     since         unix time at which its stay began; success is counted from there
 *     advance_window  "Mon-Fri 08:00-16:00" (plan_window.h); absent: always
 *     timezone      "Europe/Berlin"; absent: UTC; letters, digits, / _ + -, so that it
 *                   names nothing outside the time zones; whether it exists is not known
 *                   here
 *     freeze_until  RFC 3339 time; no advance before
 *     min_success   percent, 99.95
 *     max_delay     a duration, 1200ms, or in seconds with a fraction, 1.2s
 *     new_rate      "20/s", also "0.5/s"; absent: not asked
 *     min_samples   absent: [cutover] min_samples
 *     slow, fast    "95 2h", "50 5m": percent and how long, at most 7d
 *     slow_action, fast_action  rollback, freeze or none
 *     max_misprovisioned  pins of the misprovision guard before it freezes, 100
 *     rev           counted by our own writers
 *
 * Ours alone:
 *     order         "advance": an operator's `plan advance`; absent: none
 *     past          names of gates that the order passes over, by blanks
 *     step          an advance in preparation (its before_advance hook runs): the stage
 *                   that it goes to; step_by which gateway, step_since unix time
 *     weight        what the stage in force was set with, so that an edit is seen
 *     edited        yes: the weight was raised by hand since
 *     why           one line: of the last pause, freeze, rollback, abort; never bad, what
 *                   can't be shown is replaced
 */
#ifndef POLICYD_PLAN_PLAN_RECORD_H
#define POLICYD_PLAN_PLAN_RECORD_H

#include "policyd/plan/plan_stage.h"
#include "policyd/plan/plan_window.h"
#include "policyd/state/domain_state.h"

enum {
    PLAN_FIELDS_MAX = 64,
    PLAN_GATES_MAX = 16,
    PLAN_TEXT_MAX = 200,
    PLAN_NAME_MAX = 256, /* of a gateway, a time zone */
    PLAN_SAMPLES_MAX = 1000000000,
};

enum plan_state {
    PLAN_NONE,
    PLAN_WAITING, /* started, the first stage not yet set */
    PLAN_RUNNING,
    PLAN_PAUSED, /* by a person, a freeze, or an edit by hand */
    PLAN_ROLLED_BACK,
    PLAN_DONE,    /* the last stage's stay is over; triggers go on until `finish` */
    PLAN_ABORTED, /* by a person; nothing is done any more */
    PLAN_STATES
};

const char *plan_state_name(enum plan_state state); /* "none" "waiting" ... */

enum plan_trigger_action { PLAN_ACTION_NONE, PLAN_ACTION_FREEZE, PLAN_ACTION_ROLLBACK };

struct plan_trigger {
    unsigned below; /* hundredths of a percent */
    uint64_t over_ms;
    enum plan_trigger_action action;
};

struct plan_record {
    struct plan_stage stages[PLAN_STAGES_MAX];
    size_t stage_count;
    enum plan_state state;
    size_t stage;  /* from 1; 0: none yet */
    int64_t since; /* unix time; 0: never */

    struct plan_window window;
    char timezone[PLAN_NAME_MAX]; /* "UTC" */
    int64_t freeze_until;         /* unix time; 0: none */
    unsigned min_success;         /* hundredths of a percent */
    uint64_t max_delay_ms;
    uint64_t new_rate;    /* messages in 1000 seconds; 0: not asked */
    uint64_t min_samples; /* 0: what the configuration says */
    struct plan_trigger slow;
    struct plan_trigger fast;
    uint64_t max_misprovisioned;
    uint64_t rev;

    bool ordered; /* an operator's advance */
    char past[PLAN_TEXT_MAX];
    size_t step; /* the stage that is prepared, from 1; 0: none */
    char step_by[PLAN_NAME_MAX];
    int64_t step_since;
    bool has_weight;
    unsigned weight; /* hundredths, as the stage in force was set */
    bool edited;
    char why[PLAN_TEXT_MAX];
};

/* False: *problem says which field, and what is allowed, and the plan is as without any
 * field: PLAN_NONE and the defaults. */
bool plan_record_parse(const struct domain_field *fields, size_t count,
    struct plan_record *plan, struct domain_problem *problem);

/* Whether `gate` is among those that the order passes over. */
bool plan_record_is_past(const struct plan_record *plan, const char *gate);

#endif
