/*
 * fuzz_replica_orders - absence is no order, over sequences of changes.
 *
 * Beside replica_orders stands a Redis of a few domains, lists and many pins and units.
 * Each operation of four octets (what, which, how many, which value) changes that Redis,
 * and replica_orders hears of it live, or not (a lost connection) and then by a load.
 * After each:
 *
 * - a domain that had a state has one, which is the former one or stands in Redis;
 * - a lower rev was not taken, but from a hash without one;
 * - no list of several members has gone at once;
 * - of pins and of units no more than 100 went live within 60 s, nor by one load;
 *
 * unless an operator accepted it, or the file no longer names the domain.
 */
#include "policyd/replica/replica_orders.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/attributes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    DOMAINS = 3,
    LISTS = 3,
    MEMBERS = 6,
    NAMES = 400,
    HASHES = 9,
    OPERATIONS_MAX = 400
};
enum { NOW = 1800000000, LIVE_WINDOW_MS = 60 * 1000, LOSSES_MAX = 100 };

static const char *const domains[DOMAINS] = {"a.example", "b.example", "c.example"};
static const char *const lists[LISTS] = {"exclude", "it", "known"};
static const char *const pins[] = {"new", "old", "hold", "none", "nonsense",
    "new until=2001-01-01T00:00:00Z", "hold until=2030-01-01T00:00:00Z note=x"};
static const char *const units[] = {"team", "sales", "Boss+x@a.example", "@a.example"};
#define ROUTES "old=site new=cutover-new:[192.0.2.2]:25 "
static const char *const hashes[HASHES] = {ROUTES "weight=30", ROUTES "weight=70",
    ROUTES "weight=30 rev=5", ROUTES "weight=70 rev=6", ROUTES "weight=30%", "weight=0",
    ROUTES "weight=0 mode=forgotten rev=7", "same_as=b.example",
    ROUTES "weight=9 what=ever rev=4"};

/* What Redis has; 0: nothing. */
struct redis {
    uint8_t hash[DOMAINS];           /* of hashes, from 1 */
    uint8_t members[DOMAINS][LISTS]; /* a bit each */
    uint8_t pin[NAMES];
    uint8_t unit[NAMES];
};

/* What was answered before the operation. */
struct before {
    bool has_state[DOMAINS];
    uint64_t rev[DOMAINS];
    unsigned weight[DOMAINS];
    size_t members[DOMAINS][LISTS];
    bool pin[NAMES];
    bool unit[NAMES];
};

struct site {
    struct replica_orders *orders;
    struct redis redis;
    struct redis saved;
    bool is_away; /* what changes is not heard */
    bool is_loading;
    bool is_narrow; /* the file no longer names the last domain */
    bool is_meant;  /* accepted, or the file's word: in this operation */
    bool by_load;
    uint64_t lost_ms[2][NAMES]; /* when it went live; 0: it did not */
    uint64_t now_ms;
    int64_t accepted;
};

static const struct replica_rules rules = {
    .recipient = {.delimiters = "+", .fold_local_part = true},
};
static const struct replica_rules narrow = {
    .recipient = {.delimiters = "+", .fold_local_part = true},
    .domains = domains,
    .domain_count = DOMAINS - 1,
};

static struct span
name_of(char text[32], size_t number)
{
    return span_make(
        text, (size_t)snprintf(text, 32, "%zu@%s", number, domains[number % DOMAINS]));
}

static unsigned
targets_of(const struct site *site, bool of_load)
{
    if (of_load)
        return REPLICA_LOADING;
    return site->is_loading ? (unsigned)REPLICA_ANSWERING | (unsigned)REPLICA_LOADING
                            : REPLICA_ANSWERING;
}

/* --- reading --- */

static void
take(struct site *site, bool of_load, const char *kind, struct span name,
    const struct replica_value *value)
{
    struct replica_key about;
    char text[100];
    struct span key;

    key = span_make(text, (size_t)snprintf(text, sizeof(text), "%s:%.*s", kind,
                              (int)name.length, name.data));
    replica_key_parse(key, SPAN(""), &rules.recipient, &about);
    assert(about.kind > REPLICA_KEY_BAD);
    replica_orders_take(site->orders, targets_of(site, of_load), key, &about, value);
}

static void
read_text(
    struct site *site, bool of_load, const char *kind, size_t number, const char *text)
{
    const struct replica_value value = {
        .kind = text == NULL ? VALUE_ABSENT : VALUE_TEXT, .text = span_of(text)};
    char name[32];

    if (text != NULL || !of_load)
        take(site, of_load, kind, name_of(name, number), &value);
}

static void
read_pin(struct site *site, bool of_load, size_t number)
{
    uint8_t at = site->redis.pin[number];

    read_text(site, of_load, "pin", number, at == 0 ? NULL : pins[at - 1]);
}

static void
read_unit(struct site *site, bool of_load, size_t number)
{
    uint8_t at = site->redis.unit[number];

    read_text(site, of_load, "unit", number, at == 0 ? NULL : units[at - 1]);
}

static void
read_hash(struct site *site, bool of_load, size_t number)
{
    struct domain_field fields[16];
    struct replica_value value = {.kind = VALUE_ABSENT, .fields = fields};
    uint8_t at = site->redis.hash[number];
    struct span rest = at == 0 ? SPAN("") : span_of(hashes[at - 1]);
    struct span word;

    while (span_word(&rest, &word)) {
        size_t equals = span_find(word, '=');

        value.kind = VALUE_FIELDS;
        fields[value.count++] =
            (struct domain_field){span_first(word, equals), span_from(word, equals + 1)};
    }
    if (value.kind != VALUE_ABSENT || !of_load)
        take(site, of_load, "domain", span_of(domains[number]), &value);
}

static void
read_list(struct site *site, bool of_load, size_t number, size_t list)
{
    uint8_t members = site->redis.members[number][list];
    struct replica_key about;
    char text[64];
    struct span key = span_make(text,
        (size_t)snprintf(text, sizeof(text), "list:%s:%s", domains[number], lists[list]));

    if (members == 0 && of_load)
        return;
    replica_key_parse(key, SPAN(""), &rules.recipient, &about);
    replica_orders_begin_list(site->orders, targets_of(site, of_load), key, &about);
    for (size_t i = 0; i < MEMBERS; i++) {
        char name[32];

        if ((members >> i & 1) != 0)
            replica_orders_take_member(site->orders, name_of(name, i));
    }
    replica_orders_end_list(site->orders, LIST_READ);
    while (replica_orders_step_list(site->orders, 3))
        continue;
}

/* --- loads --- */

static void
begin_load(struct site *site)
{
    replica_orders_begin_load(site->orders);
    site->is_loading = true;
    site->is_away = false;
    for (size_t i = 0; i < DOMAINS; i++) {
        read_hash(site, true, i);
        for (size_t j = 0; j < LISTS; j++)
            read_list(site, true, i, j);
    }
    for (size_t i = 0; i < NAMES; i++) {
        read_pin(site, true, i);
        read_unit(site, true, i);
    }
}

static void
finish_load(struct site *site)
{
    if (replica_orders_is_accepting(site->orders))
        site->is_meant = true;
    while (replica_orders_step_load(site->orders, 50) == REPLICA_LOAD_GOES_ON)
        continue;
    site->is_loading = false;
    site->by_load = true;
}

/* --- what happens --- */

static void
change_names(struct site *site, bool is_pin, size_t first, size_t count, uint8_t value)
{
    uint8_t *values = is_pin ? site->redis.pin : site->redis.unit;

    for (size_t i = first; i < first + count && i < NAMES; i++) {
        values[i] = value;
        if (!site->is_away)
            (is_pin ? read_pin : read_unit)(site, false, i);
    }
}

static void
expire_pins(struct site *site, size_t first, size_t count, int64_t seconds)
{
    char name[32];

    for (size_t i = first; i < first + count && i < NAMES; i++)
        replica_orders_take_expiry(site->orders, name_of(name, i), seconds);
}

static void
accept(struct site *site, size_t which)
{
    struct replica_value value = {.kind = VALUE_TEXT};
    char text[64];

    snprintf(text, sizeof(text), "%s %lld", which < DOMAINS ? domains[which] : "*",
        (long long)(NOW + ++site->accepted));
    value.text = span_of(text);
    if (replica_orders_take_accept(site->orders, &value)) {
        begin_load(site);
        finish_load(site);
    }
}

static void
pass_time(struct site *site, uint64_t milliseconds)
{
    site->now_ms += milliseconds;
    replica_orders_set_time(
        site->orders, NOW + (int64_t)(site->now_ms / 1000), site->now_ms);
}

static void
operate(struct site *site, const uint8_t operation[4])
{
    size_t which = operation[1] % (DOMAINS + 1);
    size_t first = (size_t)operation[1] * 2;
    size_t count = operation[2];
    uint8_t value = operation[3];

    switch (operation[0] % 14) {
    case 0: /* a hash, or none */
        site->redis.hash[which % DOMAINS] = value % (HASHES + 1);
        if (!site->is_away)
            read_hash(site, false, which % DOMAINS);
        break;
    case 1: /* a list */
        site->redis.members[which % DOMAINS][count % LISTS] =
            value & ((1U << MEMBERS) - 1);
        if (!site->is_away)
            read_list(site, false, which % DOMAINS, count % LISTS);
        break;
    case 2:
        change_names(site, true, first, count, (uint8_t)(1 + value % ARRAY_LENGTH(pins)));
        break;
    case 3:
        change_names(site, true, first, count, 0);
        break;
    case 4:
        change_names(
            site, false, first, count, (uint8_t)(1 + value % ARRAY_LENGTH(units)));
        break;
    case 5:
        change_names(site, false, first, count, 0);
        break;
    case 6:
        pass_time(site, (uint64_t)count * 1000);
        break;
    case 7: /* the connection goes; the load that runs with it */
        site->is_away = true;
        site->is_loading = false;
        replica_orders_drop_load(site->orders);
        break;
    case 8:
        begin_load(site);
        break;
    case 9:
        if (!site->is_loading)
            begin_load(site);
        finish_load(site);
        break;
    case 10: /* flushed, or restarted empty */
        memset(&site->redis, 0, sizeof(site->redis));
        begin_load(site);
        finish_load(site);
        break;
    case 11: /* a dump, and its restore */
        if (value % 2 == 0) {
            site->saved = site->redis;
            break;
        }
        site->redis = site->saved;
        begin_load(site);
        finish_load(site);
        break;
    case 12:
        accept(site, which);
        break;
    default:
        if (value % 2 == 0) {
            expire_pins(site, first, count, value);
            break;
        }
        site->is_meant = true;
        site->is_narrow = value % 4 == 1;
        replica_orders_set_rules(site->orders, site->is_narrow ? &narrow : &rules);
        begin_load(site);
        finish_load(site);
    }
}

/* --- what must be true --- */

static bool
has_pin(const struct replica *replica, size_t number, int64_t now)
{
    char name[32];
    struct pin pin;

    return replica_find_pin(replica, name_of(name, number), &pin) &&
           pin.place != PIN_BAD && pin_counts(&pin, now);
}

static bool
has_unit(const struct replica *replica, size_t number)
{
    char name[32];

    return replica_find_unit(replica, name_of(name, number)).length > 0;
}

static void
look(const struct site *site, struct before *before)
{
    const struct replica *replica = replica_orders_answering(site->orders);
    int64_t now = NOW + (int64_t)(site->now_ms / 1000);

    for (size_t i = 0; i < DOMAINS; i++) {
        struct replica_domain found = {.ours = false};

        (void)replica_find_domain(replica, span_of(domains[i]), &found);
        before->has_state[i] = found.state != NULL;
        before->weight[i] = found.state == NULL ? 0 : found.state->weight;
        before->rev[i] = found.rev;
        for (size_t j = 0; j < LISTS; j++)
            before->members[i][j] =
                replica_list_count(replica, span_of(domains[i]), span_of(lists[j]));
    }
    for (size_t i = 0; i < NAMES; i++) {
        before->pin[i] = has_pin(replica, i, now);
        before->unit[i] = has_unit(replica, i);
    }
}

static bool
says(const struct site *site, size_t domain, const char *word)
{
    uint8_t at = site->redis.hash[domain];

    return at > 0 && span_find_text(span_of(hashes[at - 1]), span_of(word)) != SPAN_NONE;
}

static void
check_domain(const struct site *site, size_t i, const struct before *before,
    const struct before *after)
{
    char weight[16];

    assert(!before->has_state[i] || after->has_state[i]);
    if (before->has_state[i] && before->weight[i] != after->weight[i]) {
        snprintf(weight, sizeof(weight), "weight=%u", after->weight[i] / 100);
        assert(says(site, i, weight) || says(site, i, "same_as"));
    }
    if (after->rev[i] < before->rev[i])
        assert(site->redis.hash[i] > 0 && !says(site, i, "rev="));
    for (size_t j = 0; j < LISTS; j++)
        assert(before->members[i][j] < 2 || after->members[i][j] > 0);
}

/* What Redis says itself of its going (`none`, a time) is no loss. */
static void
check_names(struct site *site, bool is_pin, const bool *before, const bool *after)
{
    size_t live = 0;
    size_t by_load = 0;

    for (size_t i = 0; i < NAMES; i++) {
        bool is_none = site->is_narrow && i % DOMAINS == DOMAINS - 1;
        bool says_so = is_none || (is_pin && site->redis.pin[i] != 0);
        uint64_t *lost_ms = &site->lost_ms[is_pin][i];

        if (after[i] || says_so || site->is_meant)
            *lost_ms = 0;
        else if (before[i] && site->by_load)
            by_load++;
        else if (before[i])
            *lost_ms = site->now_ms + 1;
        live += *lost_ms != 0 && site->now_ms + 1 - *lost_ms <= LIVE_WINDOW_MS;
    }
    assert(site->is_meant || (live <= LOSSES_MAX && by_load <= LOSSES_MAX));
}

static void
check(struct site *site, const struct before *before, const struct before *after)
{
    size_t named = site->is_narrow ? DOMAINS - 1 : DOMAINS;

    for (size_t i = 0; i < named && !site->is_meant; i++)
        check_domain(site, i, before, after);
    check_names(site, true, before->pin, after->pin);
    check_names(site, false, before->unit, after->unit);
}

/* What is told has a name, and is a change (of a pin perhaps in its time alone). */
static void
was_changed(void *argument, const struct replica_change *change)
{
    (void)argument;
    assert(change->name.length > 0);
    assert(change->kind == CHANGE_PIN || !span_equal(change->from, change->to));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct replica_events events = {.changed = was_changed};
    static struct before before;
    static struct before after;
    static struct site site;

    memset(&site, 0, sizeof(site));
    site.orders = replica_orders_new(&rules, &events, NULL);
    pass_time(&site, 0);
    look(&site, &before);
    for (size_t i = 0; 4 * i + 4 <= size && i < OPERATIONS_MAX; i++) {
        site.is_meant = false;
        site.by_load = false;
        operate(&site, data + 4 * i);
        look(&site, &after);
        /* What expires meanwhile is over, and no loss. */
        if (data[4 * i] % 14 != 6)
            check(&site, &before, &after);
        before = after;
    }
    replica_orders_free(site.orders);
    return 0;
}
