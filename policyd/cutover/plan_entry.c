#include "policyd/cutover/plan_entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/base/number.h"

enum { ARENA_MAX = 4 << 20, NAME_MAX_OCTETS = 255, COUNT_MAX = 1000000000 };

struct plan_entry *
plan_entry_new(struct span domain, int64_t slot_ms)
{
    struct plan_entry *entry = allocate(sizeof(*entry));

    (void)span_copy(domain, entry->domain, sizeof(entry->domain));
    entry->arena = arena_new(ARENA_MAX);
    entry->series.slot_ms = slot_ms;
    return entry;
}

void
plan_entry_free(struct plan_entry *entry)
{
    if (entry == NULL)
        return;
    arena_free(entry->arena);
    plan_series_clear(&entry->series);
    free(entry);
}

/* --- hashes --- */

static bool
bad(struct plan_entry *entry, const char *text)
{
    entry->is_bad = true;
    (void)snprintf(entry->problem, sizeof(entry->problem), "%s", text);
    return false;
}

/* False: no hash, or one that is too large. */
static bool
take_hash(
    struct plan_entry *entry, const struct redis_reply *reply, struct plan_hash *hash)
{
    hash->count = 0;
    if (reply->kind != REDIS_ARRAY || reply->count % 2 != 0 ||
        reply->count / 2 > DOMAIN_STATE_FIELDS_MAX)
        return false;
    for (size_t i = 0; i < reply->count; i += 2) {
        const struct redis_reply *pair = &reply->elements[i];

        if (pair[0].kind != REDIS_STRING || pair[1].kind != REDIS_STRING ||
            pair[0].text.length > NAME_MAX_OCTETS ||
            pair[1].text.length > DOMAIN_STATE_VALUE_MAX)
            return false;
        hash->fields[hash->count++] =
            (struct domain_field){arena_span(entry->arena, pair[0].text),
                arena_span(entry->arena, pair[1].text)};
    }
    return true;
}

static void
take_record(struct plan_entry *entry, const struct plan_record *record)
{
    if (record->rev < entry->top_rev) {
        (void)snprintf(entry->problem, sizeof(entry->problem),
            "rev %" PRIu64 " is lower than %" PRIu64
            ", which was seen before: an old state, by which nothing is moved until "
            "`postshiftctl accept-state`",
            record->rev, entry->top_rev);
        entry->is_bad = true;
        return;
    }
    entry->top_rev = record->rev;
    if (record->since != entry->record.since || record->stage != entry->record.stage)
        entry->is_whole = entry->is_whole &&
                          record->since * 1000 >= entry->read_from_ms &&
                          entry->read_from_ms > 0;
    entry->record = *record;
}

static void
parse(struct plan_entry *entry)
{
    struct domain_problem problem;
    struct plan_record *record = allocate(sizeof(*record));
    char text[400];

    entry->is_bad = false;
    entry->problem[0] = '\0';
    if (plan_record_parse(entry->plan.fields, entry->plan.count, record, &problem)) {
        take_record(entry, record);
    } else {
        (void)snprintf(text, sizeof(text), "%.63s=\"%.150s\" (%.180s)", problem.field,
            problem.value, problem.text);
        (void)bad(entry, text);
    }
    free(record);
}

void
plan_entry_take_plan(struct plan_entry *entry, const struct redis_reply *reply)
{
    arena_reset(entry->arena);
    entry->is_there = reply->kind != REDIS_ARRAY || reply->count > 0;
    entry->state.count = 0;
    if (!entry->is_there) {
        entry->plan.count = 0;
        return;
    }
    if (take_hash(entry, reply, &entry->plan))
        parse(entry);
    else
        (void)bad(entry, reply->kind == REDIS_ERROR
                             ? "its key is no hash, or may not be read"
                             : "it has too many fields, or too long ones");
}

void
plan_entry_take_state(struct plan_entry *entry, const struct redis_reply *reply)
{
    if (!take_hash(entry, reply, &entry->state) && !entry->is_bad)
        (void)bad(entry, "the domain's own hash can't be read");
}

/* --- counts --- */

static uint64_t *
find_count(struct plan_counts *counts, struct span name)
{
    const struct {
        const char *name;
        uint64_t *count;
    } rows[] = {
        {"ok",          &counts->ok         },
        {"fail",        &counts->fail       },
        {"neutral",     &counts->neutral    },
        {"rejected",    &counts->rejected   },
        {"unknown",     &counts->unknown    },
        {"toobig",      &counts->toobig     },
        {"delay_ms",    &counts->delay_ms   },
        {"delay_count", &counts->delay_count},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (span_is(name, rows[i].name))
            return rows[i].count;
    }
    return NULL;
}

static bool
read_counts(const struct redis_reply *reply, struct plan_counts *counts)
{
    if (reply->kind != REDIS_ARRAY)
        return false;
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        uint64_t *count = find_count(counts, reply->elements[i].text);

        if (count != NULL && !number_unsigned(reply->elements[i + 1].text,
                                 (uint64_t)COUNT_MAX * 1000, count))
            return false;
    }
    return true;
}

bool
plan_entry_take_counts(struct plan_entry *entry, enum domain_side side, int64_t slot_ms,
    const struct redis_reply *reply)
{
    struct plan_counts counts = {0};
    struct plan_slot *slot;

    if (!read_counts(reply, &counts)) {
        entry->unread_ms = slot_ms;
        entry->unread_side = side;
        return false;
    }
    if (entry->unread_ms == slot_ms && entry->unread_side == side)
        entry->unread_ms = 0;
    if (reply->count == 0)
        return true; /* nothing yet; what was there before does not go */
    slot = plan_series_at(&entry->series, slot_ms);
    if (slot != NULL)
        slot->sides[side] = counts;
    return true;
}

/* --- judges --- */

void
plan_entry_judges_write(int64_t since, const struct judge *judge,
    const struct judge *slow, char out[PLAN_JUDGES_MAX])
{
    char failures[JUDGE_TEXT_MAX];
    char delays[JUDGE_TEXT_MAX];

    judge_write(judge, failures);
    judge_write(slow, delays);
    (void)snprintf(out, PLAN_JUDGES_MAX, "%" PRId64 " %s|%s", since, failures, delays);
}

static bool
parse_judges(struct span text, int64_t since, struct judge *failures, struct judge *slow)
{
    int64_t its = 0;
    struct span part;

    return span_split(&text, ' ', &part) && number_signed(part, 0, INT64_MAX, &its) &&
           its == since && span_split(&text, '|', &part) &&
           judge_parse(span_trim(part), failures) && judge_parse(span_trim(text), slow);
}

void
plan_entry_take_judges(
    struct plan_entry *entry, const char *gateway, const struct redis_reply *reply)
{
    entry->judge = (struct judge){0};
    entry->slow_judge = (struct judge){0};
    entry->has_own = false;
    if (reply->kind != REDIS_ARRAY)
        return;
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        struct judge failures;
        struct judge slow;

        if (!parse_judges(
                reply->elements[i + 1].text, entry->record.since, &failures, &slow))
            continue;
        judge_add(&entry->judge, &failures);
        judge_add(&entry->slow_judge, &slow);
        if (span_is(reply->elements[i].text, gateway)) {
            entry->has_own = true;
            entry->own_judge = failures;
            entry->own_slow = slow;
        }
    }
}

/* --- preflight --- */

void
plan_entry_take_preflight(struct plan_entry *entry, const struct redis_reply *reply)
{
    entry->preflight = (struct plan_preflight){.is_there = false};
    for (size_t i = 0; reply->kind == REDIS_ARRAY && i + 1 < reply->count; i += 2)
        plan_preflight_take(
            &entry->preflight, reply->elements[i].text, reply->elements[i + 1].text);
}

/* --- certificates --- */

void
plan_entry_take_probes(struct plan_entry *entry, const struct redis_reply *reply)
{
    static const char *const sides[DOMAIN_SIDES] = {"old", "new"};

    for (size_t i = 0; reply->kind == REDIS_ARRAY && i + 1 < reply->count; i += 2) {
        for (unsigned side = 0; side < DOMAIN_SIDES; side++) {
            if (span_is(reply->elements[i].text, sides[side]))
                (void)span_copy(reply->elements[i + 1].text, entry->expected[side],
                    sizeof(entry->expected[side]));
        }
    }
}

/* --- the rehearsal --- */

void
plan_entry_take_rehearsal(
    struct plan_entry *entry, int64_t now, const struct redis_reply *reply)
{
    entry->rehearsal = (struct rehearsal_view){.gateways = 0};
    for (size_t i = 0; reply->kind == REDIS_ARRAY && i + 1 < reply->count; i += 2)
        (void)rehearsal_view_add(
            &entry->rehearsal, reply->elements[i].text, reply->elements[i + 1].text, now);
}
