/* What the misprovision guard finds: pins, events, a freeze.  A part of plan_runner. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/cutover/plan_runner_inside.h"
#include "shared/base/allocate.h"
#include "shared/base/number.h"
#include "shared/service/log.h"

/* A pin on its way to Redis. */
struct pinning {
    struct plan_runner *runner;
    char domain[256];
    char recipient[GUARD_ADDRESS_MAX + 1];
};

static void
was_pinned(void *argument, enum plan_store_result result)
{
    struct pinning *pinning = argument;
    const struct plan_owner *owner = &pinning->runner->owner;

    if (result == PLAN_STORE_DONE)
        owner->pinned(owner->argument, pinning->domain, pinning->recipient);
    free(pinning);
}

static void
pin(struct plan_run *run, const struct guard_finding *finding, bool is_known)
{
    struct plan_runner *runner = run->runner;
    int64_t now = runner->self.now_ms / 1000;
    int64_t until = now + (is_known ? GUARD_PIN_SECONDS : GUARD_UNKNOWN_PIN_SECONDS);
    struct pinning *pinning = allocate(sizeof(*pinning));
    const struct plan_event event = {
        .time = now,
        .who = "guard",
        .host = runner->gateway,
        .domain = run->entry->domain,
        .what = "misprovision",
        .key = finding->recipient,
        .to = "old",
        .why = finding->why,
    };
    char value[100];
    char time[21];

    number_rfc3339_write(until, time);
    (void)snprintf(value, sizeof(value), "old until=%s note=%s", time,
        is_known ? "unknown on new, known on old" : "unknown on both");
    pinning->runner = runner;
    (void)snprintf(pinning->domain, sizeof(pinning->domain), "%s", run->entry->domain);
    (void)snprintf(
        pinning->recipient, sizeof(pinning->recipient), "%s", finding->recipient);
    log_info("misprovision", log_text("domain", run->entry->domain),
        log_address("to", span_of(finding->recipient)), log_text("unit", finding->unit),
        log_text("pin", is_known ? "7d" : "1h"), log_note(finding->why));
    if (!plan_store_pin(
            runner->context.store, finding->unit, value, &event, was_pinned, pinning)) {
        log_say(LOG_LEVEL_WARNING, "%s is not pinned to old: Redis is not there",
            finding->unit);
        free(pinning);
    }
}

static void
freeze(struct plan_run *run, const struct guard_finding *finding)
{
    const struct plan_event event = {
        .time = run->runner->self.now_ms / 1000,
        .who = "guard",
        .host = run->runner->gateway,
        .domain = run->entry->domain,
        .what = "refused-us",
        .key = finding->recipient,
        .why = finding->why,
    };

    (void)snprintf(
        run->freeze, sizeof(run->freeze), "%.*s", PLAN_TEXT_MAX - 1, finding->why);
    if (finding->verdict == GUARD_REFUSED_US)
        plan_store_event(run->runner->context.store, &event);
    log_warning("guard", log_text("domain", run->entry->domain),
        log_text(
            "verdict", finding->verdict == GUARD_REFUSED_US ? "refused-us" : "too-many"),
        log_note(finding->why));
}

void
plan_found(void *argument, const struct guard_finding *finding)
{
    struct plan_run *run = argument;

    switch (finding->verdict) {
    case GUARD_PIN:
        pin(run, finding, true);
        break;
    case GUARD_PIN_UNKNOWN:
        pin(run, finding, false);
        break;
    case GUARD_TOO_MANY:
        pin(run, finding, true);
        freeze(run, finding);
        break;
    case GUARD_REFUSED_US:
        freeze(run, finding);
        break;
    case GUARD_NOTHING:
        break;
    }
}
