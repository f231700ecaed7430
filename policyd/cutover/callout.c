#include "policyd/cutover/callout.h"

#include <event2/event.h>
#include <stdlib.h>

#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum {
    TIMEOUT_MS = 30000,
    STEP_MS = 10000,
    LOOK_LEAST_MS = 20, /* between two looks at what is due */
};

struct side {
    struct callout *callout;
    char *route;
    struct smtp_talk *talk; /* NULL: nothing is asked */
    struct guard_question question;
    enum guard_answer answer;
};

struct callout {
    struct event_base *base;
    struct guard *guard;
    char *hello;
    struct smtp_tls *tls;
    unsigned timeout_ms;
    void (*found)(void *argument, const struct guard_finding *finding);
    void *argument;
    struct side sides[GUARD_SIDES];
    struct event *timer;
    bool is_stopped;
    bool is_telling; /* the owner is told; he may free us */
    bool freed;
};

static int64_t
now_ms(void)
{
    return (int64_t)clock_now_ms();
}

/* Looks again when something may be due. */
static void
arm(struct callout *callout, int64_t wait_ms)
{
    const struct timeval wait = {
        (time_t)(wait_ms / 1000), (suseconds_t)(wait_ms % 1000) * 1000};

    (void)event_add(callout->timer, &wait);
}

static void
release(struct callout *callout)
{
    for (size_t i = 0; i < GUARD_SIDES; i++) {
        smtp_talk_free(callout->sides[i].talk);
        free(callout->sides[i].route);
    }
    event_free(callout->timer);
    guard_free(callout->guard);
    free(callout->hello);
    free(callout);
}

/* --- a question --- */

static void
answered(void *argument, enum smtp_phase phase, size_t envelope, size_t recipient,
    const struct smtp_reply *reply)
{
    struct side *side = argument;

    (void)envelope;
    (void)recipient;
    if (phase != SMTP_RCPT)
        return;
    if (reply->code / 100 == 2)
        side->answer = GUARD_ACCEPTS;
    else if (reply->code / 100 == 5)
        side->answer = GUARD_REFUSES;
}

static void
ended(void *argument, const struct smtp_talk_result *result)
{
    struct side *side = argument;
    struct callout *callout = side->callout;

    (void)result;
    smtp_talk_free(side->talk);
    side->talk = NULL;
    guard_answered(callout->guard, side->question.id, side->answer);
    arm(callout, 0);
}

static void
ask(struct callout *callout, struct side *side)
{
    static const struct smtp_talk_events events = {answered, ended};
    const char *const recipients[] = {side->question.recipient};
    const struct smtp_envelope envelope = {
        .sender = "", .recipients = recipients, .recipient_count = 1};
    const struct smtp_talk_options options = {
        .route = side->route,
        .hello = callout->hello,
        .tls = callout->tls,
        .timeout_ms = callout->timeout_ms,
        .step_timeout_ms = callout->timeout_ms < STEP_MS ? callout->timeout_ms : STEP_MS,
        .envelopes = &envelope,
        .envelope_count = 1,
    };
    struct error error;

    side->answer = GUARD_SILENT;
    side->talk = smtp_talk_start(callout->base, &options, &events, side, &error);
    /* No route, or an address that can't be said. */
    if (side->talk == NULL)
        guard_answered(callout->guard, side->question.id, GUARD_SILENT);
}

/* --- what is due --- */

static void
tell_findings(struct callout *callout)
{
    struct guard_finding finding;

    callout->is_telling = true;
    while (!callout->freed && guard_find(callout->guard, now_ms(), &finding))
        callout->found(callout->argument, &finding);
    callout->is_telling = false;
}

static void
on_timer(evutil_socket_t fd, short what, void *argument)
{
    struct callout *callout = argument;
    int64_t wait;

    (void)fd;
    (void)what;
    tell_findings(callout);
    if (callout->freed) {
        release(callout);
        return;
    }
    for (size_t i = 0; i < GUARD_SIDES; i++) {
        struct side *side = &callout->sides[i];

        if (side->talk == NULL &&
            guard_next(callout->guard, now_ms(), (enum guard_side)i, &side->question))
            ask(callout, side);
    }
    wait = guard_wait_ms(callout->guard, now_ms());
    if (wait >= 0)
        arm(callout, wait < LOOK_LEAST_MS ? LOOK_LEAST_MS : wait);
}

/* --- public --- */

struct callout *
callout_new(struct event_base *base, const struct callout_options *options)
{
    struct callout *callout = allocate(sizeof(*callout));

    callout->base = base;
    callout->guard = guard_new(&options->rules, options->key);
    callout->hello = allocate_text(span_of(options->hello));
    callout->tls = options->tls;
    callout->timeout_ms = options->timeout_ms == 0 ? TIMEOUT_MS : options->timeout_ms;
    callout->found = options->found;
    callout->argument = options->argument;
    for (size_t i = 0; i < GUARD_SIDES; i++) {
        callout->sides[i].callout = callout;
        callout->sides[i].route = allocate_text(SPAN(""));
    }
    callout->timer = allocated(event_new(base, -1, 0, on_timer, callout));
    return callout;
}

void
callout_free(struct callout *callout)
{
    if (callout == NULL)
        return;
    callout->freed = true;
    if (!callout->is_telling)
        release(callout);
}

void
callout_set_route(struct callout *callout, enum guard_side side, const char *route)
{
    free(callout->sides[side].route);
    callout->sides[side].route = allocate_text(span_of(route));
}

void
callout_set_rules(struct callout *callout, const struct guard_rules *rules)
{
    guard_set_rules(callout->guard, rules);
}

void
callout_refused(
    struct callout *callout, struct span recipient, struct span unit, struct span reply)
{
    if (callout->is_stopped)
        return;
    guard_refused(callout->guard, now_ms(), recipient, unit, reply);
    arm(callout, 0);
}

void
callout_know(struct callout *callout, uint64_t pins, uint64_t unknown_pins)
{
    guard_know(callout->guard, pins, unknown_pins);
}

void
callout_restart(struct callout *callout)
{
    guard_restart(callout->guard);
}

void
callout_set_stopped(struct callout *callout, bool stopped)
{
    if (stopped && !callout->is_stopped)
        guard_forget_waiting(callout->guard);
    callout->is_stopped = stopped;
}

void
callout_counts(const struct callout *callout, struct guard_counts *counts)
{
    guard_counts(callout->guard, counts);
}
