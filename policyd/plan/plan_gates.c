#include "policyd/plan/plan_gates.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "policyd/plan/plan_text.h"
#include "shared/base/attributes.h"
#include "shared/base/number.h"

static const int64_t share_ms = INT64_C(15) * 60000; /* as the judge's */
static const int64_t clocks_ms = 5000;               /* that two gateways may differ */

static const char *const answer_names[] = {"no", "yes", "not-known"};

static const char *const gate_names[PLAN_GATES] = {"stay", "window", "samples", "success",
    "delay", "rate", "judge", "alarm", "probe", "preflight", "rehearsal", "hook"};

/* The questions while they are asked. */
struct asking {
    const struct plan_record *plan;
    const struct plan_facts *facts;
    int64_t since_ms;          /* the stage's */
    int64_t from_ms;           /* the same, at most 24 hours ago */
    char since[PLAN_TIME_MAX]; /* "14:02", of from_ms */
    struct plan_counts counts; /* of new, from there on */
    struct plan_gate *gates;
    size_t count;
};

const char *
plan_answer_name(enum plan_answer answer)
{
    return answer_names[answer];
}

const char *
plan_gate_name(enum plan_gate_kind kind)
{
    return gate_names[kind];
}

bool
plan_gate_find(struct span name, enum plan_gate_kind *kind)
{
    for (size_t i = 0; i < PLAN_GATES; i++) {
        if (span_is(name, gate_names[i])) {
            *kind = (enum plan_gate_kind)i;
            return true;
        }
    }
    return false;
}

/* What a gate says; its text is printed by SAY. */
static char *
add(struct asking *asking, enum plan_gate_kind kind, enum plan_answer answer)
{
    struct plan_gate *gate = &asking->gates[asking->count++];

    assert(asking->count <= PLAN_GATES);
    *gate = (struct plan_gate){.kind = kind, .answer = answer};
    return gate->text;
}

#define SAY(asking, kind, answer, ...)                                                   \
    plan_text_print(add(asking, kind, answer), PLAN_TEXT_MAX, __VA_ARGS__)

static enum plan_answer
yes_if(bool yes)
{
    return yes ? PLAN_YES : PLAN_NO;
}

/* --- time --- */

static void
ask_stay(struct asking *asking)
{
    const struct plan_record *plan = asking->plan;
    const struct plan_facts *facts = asking->facts;
    int64_t stay_ms =
        plan->stage > 0 ? (int64_t)plan->stages[plan->stage - 1].stay_ms : 0;
    int64_t over_ms = facts->now_ms - asking->since_ms;
    char stay[PLAN_TIME_MAX];
    char over[PLAN_TIME_MAX];
    char end[PLAN_TIME_MAX];

    plan_text_age(stay_ms, stay);
    plan_text_age(over_ms, over);
    plan_text_time(facts->local, facts->now_ms, asking->since_ms + stay_ms, end);
    if (plan->stage == 0)
        SAY(asking, GATE_STAY, PLAN_NOT_KNOWN, "no stage is in force");
    else if (plan->since == 0)
        SAY(asking, GATE_STAY, PLAN_NOT_KNOWN,
            "since when the stage is in force is not known");
    else if (over_ms < -clocks_ms)
        SAY(asking, GATE_STAY, PLAN_NOT_KNOWN,
            "the stage began in the future: the clocks of the gateways differ");
    else if (over_ms >= stay_ms)
        SAY(asking, GATE_STAY, PLAN_YES, "%s over since %s", stay, end);
    else if (stay_ms - over_ms < 60000)
        SAY(asking, GATE_STAY, PLAN_NO, "%s of %s over", over, stay);
    else
        SAY(asking, GATE_STAY, PLAN_NO, "%s of %s over, until %s", over, stay, end);
}

static void
ask_window(struct asking *asking)
{
    const struct plan_record *plan = asking->plan;
    const struct plan_facts *facts = asking->facts;
    char frozen[21];
    char opens[PLAN_LOCAL_MAX];
    char closes[PLAN_LOCAL_MAX];
    bool is_open = plan_window_opens(&plan->window, facts->local, opens) == 0;
    bool is_always =
        plan_window_closes(&plan->window, facts->local, closes) == 7 * MINUTES_OF_DAY;
    bool is_frozen = plan->freeze_until > facts->now_ms / 1000;

    number_rfc3339_write(plan->freeze_until, frozen);
    if (is_frozen)
        SAY(asking, GATE_WINDOW, PLAN_NO, "freeze_until %s%s", frozen,
            is_open || facts->no_zone ? "" : ", and the window is closed");
    else if (facts->no_zone)
        SAY(asking, GATE_WINDOW, PLAN_NOT_KNOWN, "no time zone %s on this machine",
            plan->timezone);
    else if (!is_open)
        SAY(asking, GATE_WINDOW, PLAN_NO, "opens %s %s", opens, plan->timezone);
    else if (is_always)
        SAY(asking, GATE_WINDOW, PLAN_YES, "at any time");
    else
        SAY(asking, GATE_WINDOW, PLAN_YES, "open until %s %s", closes, plan->timezone);
}

/* --- traffic --- */

/* ", about 2 h": by the deliveries on new of the last hour, or since the stage began. */
static void
forecast(const struct asking *asking, uint64_t missing, char out[64])
{
    const struct plan_facts *facts = asking->facts;
    int64_t now_ms = facts->now_ms;
    int64_t span_ms = now_ms - asking->since_ms;
    struct plan_counts counts;
    char about[PLAN_TIME_MAX];

    if (span_ms < facts->series->slot_ms)
        span_ms = facts->series->slot_ms;
    if (span_ms > PLAN_FORECAST_MS)
        span_ms = PLAN_FORECAST_MS;
    plan_series_sum(facts->series, SIDE_NEW, now_ms - span_ms, now_ms, &counts);
    if (counts.ok == 0) {
        plan_text_print(out, 64, "; none %s",
            span_ms < PLAN_FORECAST_MS ? "since the stage began" : "in the last hour");
        return;
    }
    plan_text_about(
        (int64_t)((double)missing / (double)counts.ok * (double)span_ms), about);
    plan_text_print(out, 64, ", about %s", about);
}

static void
ask_samples(struct asking *asking)
{
    const struct plan_record *plan = asking->plan;
    const struct plan_facts *facts = asking->facts;
    uint64_t wanted = plan->min_samples > 0 ? plan->min_samples : facts->min_samples;
    struct plan_counts counts;
    char ahead[64] = "";

    plan_series_sum(facts->series, SIDE_NEW, asking->since_ms, INT64_MAX, &counts);
    if (counts.ok < wanted)
        forecast(asking, wanted - counts.ok, ahead);
    SAY(asking, GATE_SAMPLES, yes_if(counts.ok >= wanted),
        "%" PRIu64 " of %" PRIu64 " deliveries on new%s", counts.ok, wanted, ahead);
}

static void
ask_success(struct asking *asking)
{
    const struct plan_counts *counts = &asking->counts;
    uint64_t all = counts->ok + counts->fail;
    double success = plan_counts_success(counts);
    char percent[PLAN_TIME_MAX];
    char least[8];

    domain_weight_write(asking->plan->min_success, least);
    if (all == 0) {
        SAY(asking, GATE_SUCCESS, PLAN_NOT_KNOWN,
            "no first attempt on new since %s (at least %s %%)", asking->since, least);
        return;
    }
    plan_text_percent(success, percent);
    SAY(asking, GATE_SUCCESS,
        yes_if(plan_hundredths(success) >= asking->plan->min_success),
        "%s %% of %" PRIu64 " since %s (at least %s %%)", percent, all, asking->since,
        least);
}

static void
ask_delay(struct asking *asking)
{
    const struct plan_counts *counts = &asking->counts;
    uint64_t limit_ms = asking->plan->max_delay_ms;
    uint64_t mean_ms;
    char mean[PLAN_TIME_MAX];
    char limit[PLAN_TIME_MAX];

    plan_text_seconds(limit_ms, limit);
    if (counts->delay_count == 0) {
        SAY(asking, GATE_DELAY, PLAN_NOT_KNOWN,
            "no delivery on new since %s (mean at most %s s)", asking->since, limit);
        return;
    }
    mean_ms = counts->delay_ms / counts->delay_count +
              (counts->delay_ms % counts->delay_count > 0 ? 1 : 0);
    plan_text_seconds(mean_ms, mean);
    SAY(asking, GATE_DELAY, yes_if(mean_ms <= limit_ms),
        "mean %s s of %" PRIu64 " since %s (at most %s s)", mean, counts->delay_count,
        asking->since, limit);
}

static void
ask_rate(struct asking *asking)
{
    uint64_t peak = plan_series_peak(asking->facts->series, SIDE_NEW, asking->from_ms);
    uint64_t limit = asking->plan->new_rate; /* in 1000 seconds */
    char most[PLAN_TIME_MAX];

    if (limit == 0)
        return;
    plan_text_seconds(limit, most);
    SAY(asking, GATE_RATE, yes_if(peak * 1000 <= limit * 60),
        "peak minute on new %" PRIu64 " since %s (at most %" PRIu64 ", %s/s)", peak,
        asking->since, limit * 60 / 1000, most);
}

/* --- the judge --- */

/* ", about 6 h": when it would say fine, by the last hour; "" without traffic of both. */
static void
forecast_judge(const struct asking *asking, char out[64])
{
    const struct plan_facts *facts = asking->facts;
    int64_t from_ms = facts->now_ms - PLAN_FORECAST_MS;
    struct plan_counts sides[DOMAIN_SIDES];
    double failures;
    double all;
    double more;
    char about[PLAN_TIME_MAX];

    out[0] = '\0';
    for (enum domain_side side = 0; side < DOMAIN_SIDES; side++) {
        plan_series_sum(facts->series, side, from_ms, facts->now_ms, &sides[side]);
        if (sides[side].ok == 0)
            return;
    }
    failures = (double)sides[SIDE_OLD].fail + (double)sides[SIDE_NEW].fail;
    if (failures <= 0)
        return;
    all = failures + (double)sides[SIDE_OLD].ok + (double)sides[SIDE_NEW].ok;
    more = judge_failures_to_fine(facts->judge,
        ((double)sides[SIDE_NEW].ok + (double)sides[SIDE_NEW].fail) / all,
        (double)sides[SIDE_NEW].fail / failures);
    if (more < 0 || more / failures > 24 * 366)
        return;
    plan_text_about((int64_t)(more / failures * PLAN_FORECAST_MS), about);
    plan_text_print(out, 64, ", about %s", about);
}

/* New's share of what was tried in the last minutes; -1 without any. */
static double
share_of_new(const struct plan_facts *facts)
{
    struct plan_counts old;
    struct plan_counts new;
    double all;

    plan_series_sum(facts->series, SIDE_OLD, facts->now_ms - share_ms, INT64_MAX, &old);
    plan_series_sum(facts->series, SIDE_NEW, facts->now_ms - share_ms, INT64_MAX, &new);
    all = (double)old.ok + (double)old.fail + (double)new.ok + (double)new.fail;
    return all == 0 ? -1 : ((double)new.ok + (double)new.fail) / all;
}

static bool
said_worse(struct asking *asking, const struct judge *judge, const char *what)
{
    double evidence = judge_worse(judge);

    if (judge_answer(judge) != JUDGE_WORSE)
        return false;
    SAY(asking, GATE_JUDGE, PLAN_NO,
        "new %s more often than old: %" PRIu64 " of %" PRIu64
        " are new's (evidence %s%.0f, "
        "alarm at 20)",
        what, judge->failures[SIDE_NEW],
        judge->failures[SIDE_OLD] + judge->failures[SIDE_NEW],
        evidence > 1e6 ? "above " : "", evidence > 1e6 ? 1e6 : evidence);
    return true;
}

/* What it does not know yet does not block, but it is told. */
static void
ask_judge(struct asking *asking)
{
    const struct judge *judge = asking->facts->judge;
    uint64_t old = judge->failures[SIDE_OLD];
    uint64_t new = judge->failures[SIDE_NEW];
    double share = share_of_new(asking->facts);
    char percent[PLAN_TIME_MAX];
    char ahead[64];

    if (said_worse(asking, judge, "fails") ||
        said_worse(asking, asking->facts->slow_judge, "is slow"))
        return;
    plan_text_percent(share, percent);
    if (judge_answer(judge) == JUDGE_FINE) {
        SAY(asking, GATE_JUDGE, PLAN_YES,
            "fine: less than twice old's failures (%" PRIu64 " on new, %" PRIu64
            " on old)",
            new, old);
    } else if (share > 0.98) {
        SAY(asking, GATE_JUDGE, PLAN_YES,
            "not known yet: %s %% of deliveries are on new, so there is no control: keep "
            "an exclude hold-out",
            percent);
    } else if (share >= 0 && share < 0.02) {
        SAY(asking, GATE_JUDGE, PLAN_YES,
            "not known yet: only %s %% of deliveries are on new", percent);
    } else if (old + new == 0) {
        SAY(asking, GATE_JUDGE, PLAN_YES, "not known yet: no failures on either side");
    } else {
        forecast_judge(asking, ahead);
        SAY(asking, GATE_JUDGE, PLAN_YES,
            "not known yet: %" PRIu64 " failure%s on new, %" PRIu64 " on old%s", new,
            new == 1 ? "" : "s", old, ahead);
    }
}

/* --- all of them --- */

/* Why the figures of traffic say nothing; "": they do. */
static void
find_why_not(const struct asking *asking, char out[PLAN_TEXT_MAX])
{
    const struct plan_facts *facts = asking->facts;
    const struct plan_doubt *doubt = &facts->doubt;
    char since[PLAN_TIME_MAX];

    out[0] = '\0';
    if (doubt->text[0] != '\0' && doubt->since != 0) {
        plan_text_time(facts->local, facts->now_ms, doubt->since * 1000, since);
        plan_text_print(out, PLAN_TEXT_MAX, "since %s: %s", since, doubt->text);
    } else if (doubt->text[0] != '\0') {
        plan_text_print(out, PLAN_TEXT_MAX, "%s", doubt->text);
    } else if (asking->plan->stage == 0 || asking->plan->since == 0) {
        plan_text_print(
            out, PLAN_TEXT_MAX, "since when the stage is in force is not known");
    }
}

static void
ask_traffic(struct asking *asking)
{
    static const struct {
        enum plan_gate_kind kind;
        void (*ask)(struct asking *asking);
    } rows[] = {
        {GATE_SAMPLES, ask_samples},
        {GATE_SUCCESS, ask_success},
        {GATE_DELAY,   ask_delay  },
        {GATE_RATE,    ask_rate   },
        {GATE_JUDGE,   ask_judge  },
    };
    char why[PLAN_TEXT_MAX];

    find_why_not(asking, why);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (why[0] == '\0')
            rows[i].ask(asking);
        else if (rows[i].kind != GATE_RATE || asking->plan->new_rate > 0)
            SAY(asking, rows[i].kind, PLAN_NOT_KNOWN, "%s", why);
    }
}

static void
ask_others(struct asking *asking)
{
    const struct plan_facts *facts = asking->facts;
    const struct {
        enum plan_gate_kind kind;
        const struct plan_opinion *opinion;
    } rows[] = {
        {GATE_PROBE,     &facts->probe    },
        {GATE_PREFLIGHT, &facts->preflight},
        {GATE_REHEARSAL, &facts->rehearsal},
        {GATE_HOOK,      &facts->hook     },
    };

    if (facts->alarm[0] == '\0')
        SAY(asking, GATE_ALARM, PLAN_YES, "none");
    else
        SAY(asking, GATE_ALARM, PLAN_NO, "%s", facts->alarm);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (rows[i].opinion->text[0] != '\0')
            SAY(asking, rows[i].kind, rows[i].opinion->answer, "%s",
                rows[i].opinion->text);
    }
}

size_t
plan_gates_ask(const struct plan_record *plan, const struct plan_facts *facts,
    struct plan_gate gates[PLAN_GATES])
{
    struct asking asking = {.plan = plan, .facts = facts, .gates = gates};

    asking.since_ms = plan->since * 1000;
    asking.from_ms = asking.since_ms;
    if (asking.from_ms < facts->now_ms - PLAN_SUCCESS_MS)
        asking.from_ms = facts->now_ms - PLAN_SUCCESS_MS;
    plan_text_time(facts->local, facts->now_ms, asking.from_ms, asking.since);
    plan_series_sum(facts->series, SIDE_NEW, asking.from_ms, INT64_MAX, &asking.counts);
    ask_stay(&asking);
    ask_window(&asking);
    ask_traffic(&asking);
    ask_others(&asking);
    return asking.count;
}

bool
plan_gates_are_open(const struct plan_record *plan, const struct plan_gate *gates,
    size_t count, const struct plan_gate **closed)
{
    *closed = NULL;
    for (size_t i = 0; i < count; i++) {
        if (gates[i].answer != PLAN_YES &&
            !plan_record_is_past(plan, plan_gate_name(gates[i].kind))) {
            *closed = &gates[i];
            return false;
        }
    }
    return count > 0;
}
