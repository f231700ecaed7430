/* What is asked: a part of plan_store. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "policyd/cutover/plan_store_inside.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum {
    HOUR_MS = 3600 * 1000,
    WHOLE_AGAIN_MS = 3 * 60 * 1000,
    SLOTS_MAX = 8 * 24 * 60, /* as long as counts of a minute are kept */
    RECENT_SLOTS = 5,
    RECENT_MS = 15000,     /* or so long, where that is more slots */
    SLOTS_A_ROUND = 2000,  /* questions for slots, besides the last ones */
    DOMAINS_A_ROUND = 200, /* without a plan */
    SHOW_AGAIN_S = 5,
    GATEWAY_SILENT_S = 8 * 86400, /* then it is no gateway any more */
};

/* False: the connection takes no more, or is down. */
static bool
ask(struct plan_store *store, struct ask what, size_t count, const struct span *words)
{
    store->asks = allocate_more(
        store->asks, store->ask_count, &store->ask_room, sizeof(struct ask));
    store->asks[store->ask_count] = what;
    if (store->is_lost ||
        !redis_command(store->redis, plan_store_answered, store, count, words)) {
        store->is_lost = true;
        return false;
    }
    store->ask_count++;
    return true;
}

static struct span
key_of(struct plan_store *store, const char *kind, const char *name)
{
    return span_of(arena_printf(store->scratch, "%s%s%s", store->prefix, kind, name));
}

static void
ask_hash(struct plan_store *store, struct ask what, const char *kind, const char *name)
{
    const struct span words[] = {SPAN("HGETALL"), key_of(store, kind, name)};

    (void)ask(store, what, 2, words);
}

static void
ask_slot(struct plan_store *store, struct plan_entry *entry, int64_t slot_ms)
{
    static const char *const sides[DOMAIN_SIDES] = {"old", "new"};
    char name[400];

    for (unsigned side = 0; side < DOMAIN_SIDES; side++) {
        const struct ask what = {.kind = ASK_COUNTS,
            .entry = entry,
            .side = (enum domain_side)side,
            .slot_ms = slot_ms};

        (void)snprintf(name, sizeof(name), "%s:%s:%" PRId64, entry->domain, sides[side],
            slot_ms / 1000);
        ask_hash(store, what, "stat:", name);
    }
}

static int64_t
slot_of(const struct plan_store *store, int64_t time_ms)
{
    return time_ms / store->options.slot_ms * store->options.slot_ms;
}

/* From where on: the stage's begin, and an hour for those who look. */
static int64_t
first_slot(const struct plan_store *store, const struct plan_entry *entry, int64_t now_ms)
{
    int64_t from = now_ms - HOUR_MS;
    int64_t most = SLOTS_MAX * store->options.slot_ms;

    if (entry->record.since > 0 && entry->record.since * 1000 < from)
        from = entry->record.since * 1000;
    if (from < now_ms - most)
        from = now_ms - most;
    return slot_of(store, from);
}

/* A part of all slots, where that is due.  Gives how many questions it was. */
static size_t
ask_whole(struct plan_store *store, struct plan_entry *entry, int64_t now_ms, size_t most)
{
    int64_t from = first_slot(store, entry, now_ms);
    size_t asked = 0;

    if (entry->read_to_ms == 0 &&
        (now_ms >= entry->read_next_ms || now_ms < entry->read_next_ms - WHOLE_AGAIN_MS ||
            !entry->is_whole)) {
        entry->read_from_ms = from;
        entry->read_to_ms = from;
        plan_series_drop(&entry->series, from);
    }
    while (entry->read_to_ms != 0 && asked < most && !store->is_lost) {
        ask_slot(store, entry, entry->read_to_ms);
        asked += DOMAIN_SIDES;
        entry->read_to_ms += store->options.slot_ms;
        if (entry->read_to_ms > now_ms) {
            entry->read_to_ms = 0;
            entry->read_next_ms = now_ms + WHOLE_AGAIN_MS;
            entry->was_asked_whole = true;
        }
    }
    return asked;
}

static int64_t
recent_ms(const struct plan_store *store)
{
    int64_t span_ms = RECENT_SLOTS * store->options.slot_ms;

    return span_ms > RECENT_MS ? span_ms : RECENT_MS;
}

/* After a time without an answer the last slots are not all that is missing. */
static void
look_for_a_gap(struct plan_store *store)
{
    store->begun_ms = clock_now_ms();
    if (store->begun_ms - store->round_ms <= (uint64_t)recent_ms(store))
        return;
    for (size_t i = 0; i < store->shown; i++) {
        store->entries[i]->is_whole = false;
        store->entries[i]->read_to_ms = 0;
    }
}

static void
ask_recent(struct plan_store *store, struct plan_entry *entry, int64_t now_ms)
{
    int64_t slot = store->options.slot_ms;

    for (int64_t at = slot_of(store, now_ms - recent_ms(store)); at <= now_ms + slot;
         at += slot)
        ask_slot(store, entry, at);
}

static void
ask_entry(struct plan_store *store, struct plan_entry *entry)
{
    ask_hash(
        store, (struct ask){.kind = ASK_PLAN, .entry = entry}, "plan:", entry->domain);
    ask_hash(
        store, (struct ask){.kind = ASK_STATE, .entry = entry}, "domain:", entry->domain);
}

static void
ask_plans(struct plan_store *store, int64_t now_ms)
{
    size_t left = SLOTS_A_ROUND;

    for (size_t i = 0; i < store->shown && !store->is_lost; i++) {
        struct plan_entry *entry = store->entries[i];
        size_t asked;

        if (entry->record.state == PLAN_NONE)
            continue;
        ask_hash(store, (struct ask){.kind = ASK_JUDGES, .entry = entry},
            "judge:", entry->domain);
        ask_hash(store, (struct ask){.kind = ASK_PROBES, .entry = entry},
            "probe:", entry->domain);
        ask_hash(store, (struct ask){.kind = ASK_PREFLIGHT, .entry = entry},
            "preflight:", entry->domain);
        ask_hash(store, (struct ask){.kind = ASK_REHEARSAL, .entry = entry},
            "rehearsal:", entry->domain);
        ask_recent(store, entry, now_ms);
        asked = ask_whole(store, entry, now_ms, left);
        left -= asked < left ? asked : left;
    }
}

/* Those with a plan, and some of the others. */
static void
ask_domains(struct plan_store *store, const struct replica *replica)
{
    struct replica_domain found;
    struct span name;

    for (size_t i = 0; i < store->shown; i++)
        ask_entry(store, store->entries[i]);
    for (unsigned i = 0; i < DOMAINS_A_ROUND && !store->is_lost; i++) {
        if (!replica_next_domain(replica, &store->domain_cursor, &name, &found)) {
            store->domain_cursor = 0;
            break;
        }
        if (found.ours && name.length < 256 && plan_store_find(store, name) == NULL)
            ask_entry(store, plan_store_make(store, name));
    }
}

static void
ask_gateways(struct plan_store *store)
{
    struct span key = key_of(store, "gateways", "");
    int64_t now = (int64_t)time(NULL);
    const char *since = arena_printf(store->scratch, "%" PRId64, now - GATEWAY_SILENT_S);
    const struct span own[] = {SPAN("ZADD"), key,
        span_of(arena_printf(store->scratch, "%" PRId64, now)), span_of(store->gateway)};
    const struct span all[] = {SPAN("ZRANGEBYSCORE"), key, span_of(since), SPAN("+inf"),
        SPAN("LIMIT"), SPAN("0"),
        span_of(arena_printf(store->scratch, "%d", PLAN_STORE_GATEWAYS_MAX))};

    if (now >= store->shown_at + SHOW_AGAIN_S || now < store->shown_at) {
        (void)redis_command(store->redis, NULL, NULL, 4, own);
        (void)redis_ask(store->redis, NULL, NULL, SPAN("ZREMRANGEBYSCORE"), key,
            SPAN("-inf"), span_of(arena_printf(store->scratch, "(%s", since)));
        store->shown_at = now;
    }
    (void)ask(store, (struct ask){.kind = ASK_GATEWAYS}, 7, all);
    for (size_t i = 0; i < store->gateway_count; i++)
        ask_hash(store,
            (struct ask){.kind = ASK_GATEWAY,
                .gateway = arena_text(store->scratch, span_of(store->gateways[i].name))},
            "gateway:", store->gateways[i].name);
}

void
plan_store_tick(struct plan_store *store, const struct replica *replica)
{
    int64_t now_ms = (int64_t)time(NULL) * 1000;

    if (store->ask_count > store->ask_next || !redis_is_up(store->redis))
        return;
    arena_reset(store->scratch);
    store->ask_count = 0;
    store->ask_next = 0;
    store->is_lost = false;
    look_for_a_gap(store);
    store->is_asking = true;
    (void)ask(store, (struct ask){.kind = ASK_TIME}, 1, REDIS_WORDS(SPAN("TIME")));
    (void)ask(store, (struct ask){.kind = ASK_ACCEPT}, 2,
        REDIS_WORDS(SPAN("GET"), key_of(store, "accept", "")));
    ask_domains(store, replica);
    ask_plans(store, now_ms);
    ask_gateways(store);
    store->is_asking = false;
    if (store->ask_next == store->ask_count)
        plan_store_end_round(store);
}
