#include "policyd/cutover/guards.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "policyd/cutover/callout.h"
#include "policyd/cutover/pinnings.h"
#include "shared/base/allocate.h"
#include "shared/service/log.h"

enum { FULL = 10000, COUNT_AGAIN_S = 5, MAX_MISPROVISIONED = 100 };

struct guarded {
    struct guards *guards;
    char domain[256];
    struct callout *callout;
    enum plan_state state;       /* at the last look */
    char stopped[PLAN_TEXT_MAX]; /* why it asks no more; "": it does */
    int64_t stopped_at;
    int64_t anew;     /* since when pins count, besides the stage */
    int64_t asked_at; /* Redis, how many are pinned */
    bool is_counted;
    struct guards_pinned pinned;
};

struct guards {
    const struct plan_context *context;
    struct smtp_tls *tls;
    const struct plan_owner *owner;
    struct pinnings *pinnings;
    struct guarded **rows;
    size_t count;
    size_t room;
    int64_t now;
    uint64_t cursor; /* over the replica's domains */
    int64_t pass_at; /* when a turn over them begins */
};

static struct guarded *
find(const struct guards *guards, const char *domain)
{
    for (size_t i = 0; i < guards->count; i++) {
        if (strcmp(guards->rows[i]->domain, domain) == 0)
            return guards->rows[i];
    }
    return NULL;
}

/* --- what it finds --- */

static bool
can_be_stopped(enum plan_state state)
{
    return state == PLAN_WAITING || state == PLAN_RUNNING || state == PLAN_PAUSED ||
           state == PLAN_DONE;
}

static void
stop(struct guarded *guarded, const char *why)
{
    (void)snprintf(
        guarded->stopped, sizeof(guarded->stopped), "%.*s", PLAN_TEXT_MAX - 1, why);
    guarded->stopped_at = guarded->guards->now;
    callout_set_stopped(guarded->callout, true);
}

static void
freeze(struct guarded *guarded, const struct guard_finding *finding)
{
    struct guards *guards = guarded->guards;
    bool is_us = finding->verdict == GUARD_REFUSED_US;
    const struct event_fields event = {
        .time = guards->now,
        .who = "guard",
        .host = guards->context->gateway,
        .domain = guarded->domain,
        .what = "refused-us",
        .key = finding->recipient,
        .why = finding->why,
    };

    stop(guarded, finding->why);
    if (is_us)
        plan_store_event(guards->context->store, &event);
    log_warning("guard", log_text("domain", guarded->domain),
        log_text("verdict", is_us ? "refused-us" : "too-many"), log_note(finding->why));
    if (!can_be_stopped(guarded->state))
        log_say(LOG_LEVEL_WARNING,
            "%s has no plan that could be stopped: nobody is asked about for %d minutes",
            guarded->domain, GUARDS_QUIET_S / 60);
}

static void
found(void *argument, const struct guard_finding *finding)
{
    struct guarded *guarded = argument;
    struct guards *guards = guarded->guards;

    if (finding->verdict == GUARD_NOTHING)
        return;
    /* The last look may be long ago, or there was none: a pin counts from now on. */
    guards->now = (int64_t)time(NULL);
    if (finding->verdict != GUARD_REFUSED_US)
        pinnings_add(guards->pinnings, guarded->domain, finding, guards->now);
    if (finding->verdict == GUARD_REFUSED_US || finding->verdict == GUARD_TOO_MANY)
        freeze(guarded, finding);
}

/* --- life --- */

struct guards *
guards_new(const struct plan_context *context, struct smtp_tls *tls,
    const struct plan_owner *owner)
{
    struct guards *guards = allocate(sizeof(*guards));

    guards->context = context;
    guards->tls = tls;
    guards->owner = owner;
    guards->pinnings = pinnings_new(context, owner);
    return guards;
}

void
guards_free(struct guards *guards)
{
    if (guards == NULL)
        return;
    for (size_t i = 0; i < guards->count; i++) {
        callout_free(guards->rows[i]->callout);
        free(guards->rows[i]);
    }
    free(guards->rows);
    pinnings_free(guards->pinnings);
    free(guards);
}

static struct guarded *
make(struct guards *guards, const char *domain)
{
    struct guarded *guarded = find(guards, domain);
    struct callout_options options = {
        .hello = guards->context->gateway, .tls = guards->tls, .found = found};

    if (guarded != NULL)
        return guarded;
    guards->rows = allocate_more(
        guards->rows, guards->count, &guards->room, sizeof(struct guarded *));
    guarded = allocate(sizeof(*guarded));
    guarded->guards = guards;
    (void)span_copy(span_of(domain), guarded->domain, sizeof(guarded->domain));
    if (getrandom(&options.key, sizeof(options.key), 0) != (ssize_t)sizeof(options.key))
        options.key = (struct hash_key){(uint64_t)(uintptr_t)guarded, 0};
    options.argument = guarded;
    guarded->callout = callout_new(guards->context->base, &options);
    guards->rows[guards->count++] = guarded;
    return guarded;
}

/* --- how many are pinned --- */

enum count { COUNT_OF_STAGE, COUNT_KNOWN, COUNT_UNKNOWN };

/* An answer finds its domain again, or nothing. */
struct counting {
    struct guards *guards;
    enum count count;
    int64_t since;
    char domain[256];
};

static int64_t
counts_since(const struct guarded *guarded)
{
    const struct plan_entry *entry =
        plan_store_find(guarded->guards->context->store, span_of(guarded->domain));
    int64_t since = entry != NULL ? entry->record.since : 0;

    return since > guarded->anew ? since : guarded->anew;
}

static void
was_counted(void *argument, const struct redis_reply *reply)
{
    struct counting counting = *(struct counting *)argument;
    struct guarded *guarded;
    uint64_t number;

    free(argument);
    if (reply == NULL || reply->kind != REDIS_INTEGER || reply->integer < 0)
        return;
    guarded = find(counting.guards, counting.domain);
    number = (uint64_t)reply->integer;
    if (guarded == NULL && number > 0)
        guarded = make(counting.guards, counting.domain);
    if (guarded == NULL)
        return;
    if (counting.count == COUNT_OF_STAGE && counting.since == counts_since(guarded))
        callout_know(guarded->callout, number, guarded->pinned.unknown);
    else if (counting.count == COUNT_KNOWN)
        guarded->pinned.known = number;
    else if (counting.count == COUNT_UNKNOWN)
        guarded->pinned.unknown = number;
    guarded->is_counted = guarded->is_counted || counting.count == COUNT_KNOWN;
}

static void
ask_count(struct guards *guards, const char *domain, enum count count, const char *kind,
    int64_t since)
{
    struct plan_store *store = guards->context->store;
    struct counting *counting = allocate(sizeof(*counting));
    char key[600];
    char from[24];

    *counting = (struct counting){guards, count, since, ""};
    (void)span_copy(span_of(domain), counting->domain, sizeof(counting->domain));
    (void)snprintf(
        key, sizeof(key), "%.256sguard:%s:%s", plan_store_prefix(store), kind, domain);
    (void)snprintf(from, sizeof(from), "%" PRId64, since);
    if (!redis_ask(plan_store_redis(store), was_counted, counting, SPAN("ZCOUNT"),
            span_of(key), span_of(from), SPAN("+inf")))
        free(counting);
}

static void
ask_pinned(struct guards *guards, const char *domain)
{
    ask_count(guards, domain, COUNT_UNKNOWN, "unknown",
        guards->now - GUARD_UNKNOWN_PIN_SECONDS);
    ask_count(guards, domain, COUNT_KNOWN, "known", guards->now - GUARD_PIN_SECONDS);
}

/* The second kind first: it goes along with the count of the stage. */
static void
ask_counts(struct guarded *guarded)
{
    int64_t now = guarded->guards->now;
    int64_t since = counts_since(guarded);

    if (now < guarded->asked_at + COUNT_AGAIN_S && now >= guarded->asked_at)
        return;
    guarded->asked_at = now;
    ask_pinned(guarded->guards, guarded->domain);
    ask_count(guarded->guards, guarded->domain, COUNT_OF_STAGE, "known", since);
}

/* --- at each look --- */

static void
start_anew(struct guarded *guarded)
{
    guarded->stopped[0] = '\0';
    guarded->anew = guarded->guards->now;
    callout_restart(guarded->callout);
}

/* What it said before a person's `resume` no longer counts. */
static void
look_at_plan(struct guarded *guarded, const struct plan_entry *entry)
{
    enum plan_state before = guarded->state;
    enum plan_state state = entry == NULL ? PLAN_NONE : entry->record.state;
    bool is_resumed = before == PLAN_PAUSED && state != PLAN_PAUSED &&
                      can_be_stopped(state); /* an abort is no word to go on */
    bool is_started = !can_be_stopped(before) && can_be_stopped(state);
    bool is_over = !can_be_stopped(state) &&
                   guarded->guards->now >= guarded->stopped_at + GUARDS_QUIET_S;

    guarded->state = state;
    if (guarded->stopped[0] != '\0' && (is_resumed || is_started || is_over))
        start_anew(guarded);
    /* Another controller's, or our own in a former life. */
    if (guarded->stopped[0] == '\0' && state == PLAN_PAUSED &&
        guard_is_word(entry->record.why))
        stop(guarded, entry->record.why);
}

/* What answers now: the override file goes before. */
static void
look_at_routes(struct guarded *guarded, const struct plan_entry *entry)
{
    const struct guards *guards = guarded->guards;
    struct replica_domain found;
    const struct domain_state *state = NULL;
    struct guard_rules rules = {.max_misprovisioned = MAX_MISPROVISIONED};
    bool asks_old;

    if (replica_find_domain(guards->owner->replica(guards->owner->argument),
            span_of(guarded->domain), &found) &&
        found.ours)
        state = found.state;
    asks_old = state != NULL && !domain_state_old_is_site(state);
    if (state != NULL) {
        unsigned weight =
            found.override.has_weight ? found.override.weight : state->weight;
        enum domain_mode mode =
            found.override.has_mode ? found.override.mode : state->mode;

        rules.old_is_final = weight < FULL && mode != DOMAIN_MODE_NEW;
    }
    rules.old_can_be_asked = asks_old;
    if (entry != NULL)
        rules.max_misprovisioned = entry->record.max_misprovisioned;
    callout_set_rules(guarded->callout, &rules);
    callout_set_route(
        guarded->callout, GUARD_ASK_NEW, state != NULL ? state->new_route : "");
    callout_set_route(guarded->callout, GUARD_ASK_OLD, asks_old ? state->old_route : "");
    callout_set_stopped(guarded->callout, state == NULL ||
                                              !guards->context->config->callout ||
                                              guarded->stopped[0] != '\0');
}

static void
look(struct guarded *guarded)
{
    struct plan_store *store = guarded->guards->context->store;
    const struct plan_entry *entry = plan_store_find(store, span_of(guarded->domain));

    look_at_plan(guarded, entry);
    look_at_routes(guarded, entry);
    if (plan_store_is_up(store))
        ask_counts(guarded);
}

/* Nobody was refused there since our start, but maybe before. */
static void
look_for_others(struct guards *guards)
{
    const struct replica *replica = guards->owner->replica(guards->owner->argument);
    struct replica_domain found;
    struct span name;
    char domain[256];

    if (guards->now < guards->pass_at && guards->pass_at <= guards->now + GUARDS_PASS_S)
        return;
    for (unsigned i = 0; i < GUARDS_LOOKED_FOR; i++) {
        if (!replica_next_domain(replica, &guards->cursor, &name, &found)) {
            guards->cursor = 0;
            guards->pass_at = guards->now + GUARDS_PASS_S;
            return;
        }
        if (!found.ours || found.state == NULL || name.length >= sizeof(domain) ||
            (found.state->weight == 0 && found.state->mode != DOMAIN_MODE_NEW))
            continue;
        (void)span_copy(name, domain, sizeof(domain));
        if (find(guards, domain) == NULL)
            ask_pinned(guards, domain);
    }
}

void
guards_look(struct guards *guards, int64_t now)
{
    struct plan_store *store = guards->context->store;

    guards->now = now;
    for (size_t i = 0; i < plan_store_count(store); i++)
        (void)make(guards, plan_store_at(store, i)->domain);
    for (size_t i = 0; i < guards->count; i++)
        look(guards->rows[i]);
    if (plan_store_is_up(store))
        look_for_others(guards);
    pinnings_look(guards->pinnings, now);
}

void
guards_refused(struct guards *guards, const struct refusal *refusal)
{
    struct guarded *guarded = find(guards, refusal->domain);

    if (guarded == NULL) {
        guarded = make(guards, refusal->domain);
        look(guarded);
    }
    callout_refused(guarded->callout, span_of(refusal->recipient), span_of(refusal->unit),
        span_of(refusal->reply));
}

const char *
guards_stopped(const struct guards *guards, const char *domain)
{
    const struct guarded *guarded = find(guards, domain);

    return guarded != NULL ? guarded->stopped : "";
}

bool
guards_pinned(
    const struct guards *guards, const char *domain, struct guards_pinned *pinned)
{
    const struct guarded *guarded = find(guards, domain);

    if (guarded == NULL || !guarded->is_counted)
        return false;
    *pinned = guarded->pinned;
    return true;
}

void
guards_measure(const struct guards *guards)
{
    for (size_t i = 0; i < guards->count; i++) {
        const struct guarded *guarded = guards->rows[i];
        const char *const known[] = {guarded->domain, "known"};
        const char *const unknown[] = {guarded->domain, "unknown"};
        struct metrics *metrics = guards->context->metrics;

        if (!guarded->is_counted)
            continue;
        metrics_set(metrics_series(metrics, "cutover_guard_pins", known),
            (double)guarded->pinned.known);
        metrics_set(metrics_series(metrics, "cutover_guard_pins", unknown),
            (double)guarded->pinned.unknown);
    }
}
