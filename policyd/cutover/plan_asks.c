#include "policyd/cutover/plan_asks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"

enum { KEY_ROOM = 600 };

struct plan_asks {
    const struct plan_context *context;
    struct plan_entry *entry;
    struct probe *probes[DOMAIN_SIDES];
    char expected[DOMAIN_SIDES][SMTP_FINGERPRINT_MAX + 1]; /* as it was last told */
    char seen[DOMAIN_SIDES][SMTP_FINGERPRINT_MAX + 1];     /* as it was last written */
};

static const char *const sides[DOMAIN_SIDES] = {"old", "new"};

/* --- certificates --- */

static void
write_field(const struct plan_asks *asks, const char *command, const char *field,
    const char *value)
{
    struct plan_store *store = asks->context->store;
    char key[KEY_ROOM];

    (void)snprintf(key, sizeof(key), "%.256sprobe:%s", plan_store_prefix(store),
        asks->entry->domain);
    (void)redis_ask(plan_store_redis(store), NULL, NULL, span_of(command), span_of(key),
        span_of(field), span_of(value));
}

/* The first one that is seen is expected from then on. */
static void
probe_done(void *argument, struct probe *probe)
{
    struct plan_asks *asks = argument;
    enum domain_side side = probe_side(probe);
    const char *fingerprint = probe_fingerprint(probe);
    char field[16];

    if (fingerprint[0] == '\0' || !plan_store_is_up(asks->context->store))
        return;
    if (asks->entry->expected[side][0] == '\0')
        write_field(asks, "HSETNX", sides[side], fingerprint);
    if (strcmp(asks->seen[side], fingerprint) == 0)
        return;
    (void)snprintf(field, sizeof(field), "%s_seen", sides[side]);
    write_field(asks, "HSET", field, fingerprint);
    (void)snprintf(asks->seen[side], sizeof(asks->seen[side]), "%s", fingerprint);
}

/* Another one than was told before is a person's word. */
static void
tell_expected(struct plan_asks *asks, enum domain_side side)
{
    const char *expected = asks->entry->expected[side];
    char *told = asks->expected[side];

    if (expected[0] == '\0' || strcmp(expected, told) == 0)
        return;
    if (told[0] == '\0')
        probe_expect(asks->probes[side], expected);
    else
        probe_accept(asks->probes[side], expected);
    (void)snprintf(told, SMTP_FINGERPRINT_MAX + 1, "%s", expected);
}

/* --- what is asked now --- */

/* One that is older than two of its intervals says nothing of this slot. */
static void
note_probe(struct plan_asks *asks, enum domain_side side, int64_t now_ms)
{
    const struct plan_probe_view *view = probe_view(asks->probes[side]);
    struct plan_slot *slot;

    if (view->at_ms == 0 || view->result == PLAN_PROBE_NONE ||
        now_ms - view->at_ms > 2 * view->interval_ms)
        return;
    slot = plan_series_at(&asks->entry->series, now_ms);
    if (slot != NULL)
        slot->probes[side] = view->result;
}

void
plan_asks_update(struct plan_asks *asks, const struct domain_state *state, int64_t now_ms)
{
    bool is_site = state != NULL && domain_state_old_is_site(state);

    probe_set_route(asks->probes[SIDE_NEW], state != NULL ? state->new_route : "");
    probe_set_route(
        asks->probes[SIDE_OLD], state != NULL && !is_site ? state->old_route : "");
    for (unsigned side = 0; side < DOMAIN_SIDES; side++) {
        tell_expected(asks, (enum domain_side)side);
        note_probe(asks, (enum domain_side)side, now_ms);
    }
}

void
plan_asks_probe(
    const struct plan_asks *asks, int64_t now_ms, struct plan_opinion *opinion)
{
    plan_probe_ask(asks->entry->domain, probe_view(asks->probes[SIDE_NEW]),
        probe_view(asks->probes[SIDE_OLD]), now_ms, opinion);
}

void
plan_asks_measure(const struct plan_asks *asks, struct metrics *metrics)
{
    for (unsigned side = 0; side < DOMAIN_SIDES; side++)
        probe_measure(asks->probes[side], metrics);
}

/* --- life --- */

static struct probe *
new_probe(struct plan_asks *asks, struct smtp_tls *tls, enum domain_side side)
{
    const struct cutover_config *config = asks->context->config;
    const struct probe_options options = {
        .domain = asks->entry->domain,
        .side = side,
        .hello = asks->context->gateway,
        .sender = config->probe_sender,
        .recipient = config->probe_recipient,
        .interval_ms = config->probe_interval_ms,
        .tls = tls,
        .done = probe_done,
        .argument = asks,
    };

    return probe_new(asks->context->base, &options);
}

struct plan_asks *
plan_asks_new(
    const struct plan_context *context, struct smtp_tls *tls, struct plan_entry *entry)
{
    struct plan_asks *asks = allocate(sizeof(*asks));

    *asks = (struct plan_asks){.context = context, .entry = entry};
    for (unsigned side = 0; side < DOMAIN_SIDES; side++)
        asks->probes[side] = new_probe(asks, tls, (enum domain_side)side);
    return asks;
}

void
plan_asks_free(struct plan_asks *asks)
{
    if (asks == NULL)
        return;
    for (unsigned side = 0; side < DOMAIN_SIDES; side++) {
        probe_forget_metrics(asks->probes[side], asks->context->metrics);
        probe_free(asks->probes[side]);
    }
    free(asks);
}
