#include "policyd/cutover/plan_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/cutover/plan_store_inside.h"
#include "policyd/replica/replica_orders.h"
#include "shared/base/allocate.h"
#include "shared/base/number.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum { TELL_AGAIN_MS = 10 * 60 * 1000 };

struct plan_store *
plan_store_new(struct event_base *base, const struct plan_store_options *options)
{
    static const struct redis_events events = {0};
    struct plan_store *store = allocate(sizeof(*store));

    *store = (struct plan_store){.options = *options, .accepted = -1};
    store->prefix = allocate_text(span_of(options->prefix));
    (void)span_copy(span_of(options->gateway), store->gateway, sizeof(store->gateway));
    store->scratch = arena_new(SCRATCH_MAX);
    store->redis = redis_new(base, options->redis, &events, store);
    store->append = event_append_new(store->redis);
    return store;
}

void
plan_store_free(struct plan_store *store)
{
    if (store == NULL)
        return;
    redis_free(store->redis); /* what is in flight is answered with nothing */
    event_append_free(store->append);
    for (size_t i = 0; i < store->count; i++) {
        store->options.gone(store->options.argument, store->entries[i]);
        plan_entry_free(store->entries[i]);
    }
    free(store->entries);
    free(store->asks);
    free(store->prefix);
    arena_free(store->scratch);
    free(store);
}

bool
plan_store_is_up(const struct plan_store *store)
{
    return redis_is_up(store->redis);
}

int64_t
plan_store_read_at(const struct plan_store *store)
{
    return store->read_at;
}

int64_t
plan_store_clock_ahead(const struct plan_store *store)
{
    return store->ahead_s;
}

struct redis *
plan_store_redis(struct plan_store *store)
{
    return store->redis;
}

const char *
plan_store_prefix(const struct plan_store *store)
{
    return store->prefix;
}

void
plan_store_tell(
    struct plan_store *store, const char *about, const struct redis_reply *reply)
{
    struct told *told = NULL;
    uint64_t now = clock_now_ms();

    if (reply == NULL || reply->kind != REDIS_ERROR)
        return;
    for (size_t i = 0; i < TOLD_MAX; i++) {
        if (store->told[i].about == NULL || strcmp(store->told[i].about, about) == 0) {
            told = &store->told[i];
            break;
        }
    }
    if (told == NULL || (told->about != NULL && now < told->at_ms + TELL_AGAIN_MS))
        return;
    *told = (struct told){about, now};
    log_say(LOG_LEVEL_WARNING, "redis refuses %s: %.*s", about,
        (int)span_first(reply->text, 200).length, reply->text.data);
}

/* --- entries --- */

size_t
plan_store_count(const struct plan_store *store)
{
    return store->shown;
}

struct plan_entry *
plan_store_at(const struct plan_store *store, size_t i)
{
    return store->entries[i];
}

struct plan_entry *
plan_store_find(const struct plan_store *store, struct span domain)
{
    for (size_t i = 0; i < store->count; i++) {
        if (span_is(domain, store->entries[i]->domain))
            return store->entries[i];
    }
    return NULL;
}

struct plan_entry *
plan_store_make(struct plan_store *store, struct span domain)
{
    struct plan_entry *entry = plan_store_find(store, domain);

    if (entry != NULL)
        return entry;
    store->entries = allocate_more(
        store->entries, store->count, &store->room, sizeof(struct plan_entry *));
    entry = plan_entry_new(domain, store->options.slot_ms);
    store->entries[store->count++] = entry;
    return entry;
}

/* Those without a plan go, those that have one stand first. */
static void
sort_out(struct plan_store *store)
{
    size_t kept = 0;

    for (size_t i = 0; i < store->count; i++) {
        struct plan_entry *entry = store->entries[i];

        if (entry->is_there || entry->is_writing) {
            store->entries[kept++] = entry;
            continue;
        }
        store->options.gone(store->options.argument, entry);
        plan_entry_free(entry);
    }
    store->count = kept;
    store->shown = kept;
}

/* --- answers --- */

static void
take_heartbeat(
    struct plan_store *store, const char *name, const struct redis_reply *reply)
{
    struct gateway_row *gateway = NULL;
    char before[GATEWAY_TEXT_SIZE];

    for (size_t i = 0; i < store->gateway_count; i++) {
        if (strcmp(store->gateways[i].name, name) == 0)
            gateway = &store->gateways[i];
    }
    if (gateway == NULL)
        return;
    memcpy(before, gateway->digest, sizeof(before));
    for (size_t i = 0; reply->kind == REDIS_ARRAY && i + 1 < reply->count; i += 2)
        gateway_row_take(gateway, reply->elements[i].text, reply->elements[i + 1].text);
    if (strcmp(before, gateway->digest) != 0)
        gateway->digest_since = gateway->time;
}

static void
add_gateway(struct plan_store *store, struct span name)
{
    for (size_t i = 0; i < store->gateway_count; i++) {
        if (span_is(name, store->gateways[i].name))
            return;
    }
    if (store->gateway_count < PLAN_STORE_GATEWAYS_MAX &&
        gateway_row_init(&store->gateways[store->gateway_count], name))
        store->gateway_count++;
}

/* Seconds and microseconds. */
static void
take_time(struct plan_store *store, const struct redis_reply *reply)
{
    uint64_t seconds = 0;

    store->redis_time = 0;
    plan_store_tell(store, "to tell its time, without which nothing is moved", reply);
    if (redis_reply_is_array(reply, 2) &&
        number_unsigned(reply->elements[0].text, INT64_MAX, &seconds)) {
        store->redis_time = (int64_t)seconds;
        store->ahead_s = (int64_t)time(NULL) - store->redis_time;
    }
}

/* A newer accept-state than the last one: an old plan of the domains it names is taken as
 * it is.  The first one that is met was heard by who was there before. */
static void
take_accept(struct plan_store *store, const struct redis_reply *reply)
{
    struct span text = reply->text;
    struct span domain;
    int64_t when = 0;

    if (reply->kind != REDIS_STRING || !span_split(&text, ' ', &domain) ||
        !number_signed(
            text, 1, (int64_t)time(NULL) + REPLICA_ACCEPT_AHEAD_SECONDS, &when))
        when = 0;
    for (size_t i = 0; store->accepted >= 0 && when > store->accepted && i < store->count;
         i++) {
        if (span_is(domain, "*") || span_is(domain, store->entries[i]->domain))
            store->entries[i]->top_rev = 0;
    }
    if (when > store->accepted)
        store->accepted = when;
}

/* Those that are no longer named go; the others keep what they said. */
static void
take_gateways(struct plan_store *store, const struct redis_reply *reply)
{
    size_t kept = 0;

    if (reply->kind != REDIS_ARRAY)
        return;
    for (size_t i = 0; i < store->gateway_count; i++) {
        bool is_named = false;

        for (size_t k = 0; k < reply->count && !is_named; k++)
            is_named = span_is(reply->elements[k].text, store->gateways[i].name);
        if (is_named)
            store->gateways[kept++] = store->gateways[i];
    }
    store->gateway_count = kept;
    for (size_t i = 0; i < reply->count; i++)
        add_gateway(store, reply->elements[i].text);
}

static void
take_answer(
    struct plan_store *store, const struct ask *ask, const struct redis_reply *reply)
{
    switch (ask->kind) {
    case ASK_TIME:
        take_time(store, reply);
        break;
    case ASK_ACCEPT:
        take_accept(store, reply);
        break;
    case ASK_PLAN:
        plan_entry_take_plan(ask->entry, reply);
        plan_store_tell(store, "to read plans", reply);
        break;
    case ASK_STATE:
        plan_entry_take_state(ask->entry, reply);
        break;
    case ASK_JUDGES:
        plan_entry_take_judges(ask->entry, store->gateway, reply);
        plan_store_tell(store, "to read what gateways judge", reply);
        break;
    case ASK_PROBES:
        plan_entry_take_probes(ask->entry, reply);
        break;
    case ASK_PREFLIGHT:
        plan_entry_take_preflight(ask->entry, reply);
        break;
    case ASK_REHEARSAL:
        plan_entry_take_rehearsal(ask->entry, (int64_t)time(NULL), reply);
        break;
    case ASK_COUNTS:
        if (!plan_entry_take_counts(ask->entry, ask->side, ask->slot_ms, reply))
            plan_store_tell(store, "to read counts", reply);
        break;
    case ASK_GATEWAYS:
        take_gateways(store, reply);
        break;
    case ASK_GATEWAY:
        take_heartbeat(store, ask->gateway, reply);
        break;
    }
}

/* What was lost is asked for again, from the beginning. */
static void
settle_slots(struct plan_entry *entry, bool is_lost)
{
    if (is_lost) {
        entry->read_to_ms = 0;
        entry->read_next_ms = 0;
    } else if (entry->was_asked_whole) {
        entry->is_whole = true;
    }
    entry->was_asked_whole = false;
}

/* All of a round was answered. */
void
plan_store_end_round(struct plan_store *store)
{
    bool is_lost = store->is_lost;

    store->ask_count = 0;
    store->ask_next = 0;
    store->is_lost = false;
    for (size_t i = 0; i < store->count; i++)
        settle_slots(store->entries[i], is_lost);
    if (is_lost)
        return;
    sort_out(store);
    store->round_ms = store->begun_ms;
    store->read_at = (int64_t)time(NULL);
    store->options.read(store->options.argument);
}

void
plan_store_answered(void *argument, const struct redis_reply *reply)
{
    struct plan_store *store = argument;
    const struct ask *ask = &store->asks[store->ask_next++];

    if (reply == NULL)
        store->is_lost = true;
    else if (!store->is_lost)
        take_answer(store, ask, reply);
    if (store->ask_next == store->ask_count && !store->is_asking)
        plan_store_end_round(store);
}

size_t
plan_store_gateways(const struct plan_store *store, const struct gateway_row **gateways)
{
    *gateways = store->gateways;
    return store->gateway_count;
}
