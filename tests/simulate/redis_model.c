/*
 * Redis in the model: two hashes, a compare-and-set over both, and the loss of the last
 * writes at a failover.
 */
#include <stdio.h>
#include <string.h>

#include "policyd/plan/plan_commit.h"
#include "shared/base/arena.h"
#include "shared/base/number.h"
#include "tests/simulate/world.h"

enum { WORDS_OCTETS_MAX = 1 << 20, FIRST_ARGUMENT = 10 };

const char *
hash_get(const struct hash *hash, const char *name)
{
    for (size_t i = 0; i < hash->count; i++) {
        if (strcmp(hash->fields[i].name, name) == 0)
            return hash->fields[i].value;
    }
    return "";
}

static void
drop(struct hash *hash, struct span name)
{
    for (size_t i = 0; i < hash->count; i++) {
        if (span_is(name, hash->fields[i].name)) {
            hash->fields[i] = hash->fields[--hash->count];
            return;
        }
    }
}

void
hash_set(struct hash *hash, struct span name, struct span value)
{
    size_t i = 0;

    if (value.length == 0) {
        drop(hash, name);
        return;
    }
    while (i < hash->count && !span_is(name, hash->fields[i].name))
        i++;
    if (i == FIELDS_MAX)
        return;
    (void)span_copy(name, hash->fields[i].name, sizeof(hash->fields[i].name));
    (void)span_copy(value, hash->fields[i].value, sizeof(hash->fields[i].value));
    if (i == hash->count)
        hash->count++;
}

bool
hash_equal(const struct hash *left, const struct hash *right)
{
    if (left->count != right->count)
        return false;
    for (size_t i = 0; i < left->count; i++) {
        if (strcmp(hash_get(right, left->fields[i].name), left->fields[i].value) != 0)
            return false;
    }
    return true;
}

size_t
hash_fields(const struct hash *hash, struct domain_field out[FIELDS_MAX])
{
    for (size_t i = 0; i < hash->count; i++) {
        out[i].name = span_of(hash->fields[i].name);
        out[i].value = span_of(hash->fields[i].value);
    }
    return hash->count;
}

/* The script of plan_commit, on the words that it is given. */
struct script {
    const struct span *words;
    size_t at;
};

static uint64_t
take_number(struct script *script)
{
    uint64_t number = 0;

    (void)number_unsigned(script->words[script->at++], INT64_MAX, &number);
    return number;
}

static bool
is_same(struct script *script, const struct hash *hash)
{
    uint64_t count = take_number(script);
    bool same = hash->count == count;

    for (uint64_t i = 0; i < count; i++, script->at += 2) {
        const struct span *pair = &script->words[script->at];

        for (size_t k = 0; k < hash->count; k++) {
            if (span_is(pair[0], hash->fields[k].name))
                same = same && span_is(pair[1], hash->fields[k].value);
        }
    }
    return same;
}

static void
change(struct script *script, struct hash *hash)
{
    for (uint64_t count = take_number(script); count > 0; count--, script->at += 2)
        hash_set(hash, script->words[script->at], script->words[script->at + 1]);
}

/* Behind EVAL, the script, four keys, and what is said of the chain of events. */
static bool
run_commit(struct world *world, const struct span *words)
{
    struct script script = {words, FIRST_ARGUMENT};
    struct redis_data *data = &world->redis.data;
    int64_t age = world->now - (int64_t)take_number(&script);
    bool is_late = age > (int64_t)take_number(&script);
    bool plan = is_same(&script, &data->plan);
    bool domain = is_same(&script, &data->domain);

    if (is_late || !plan || !domain)
        return false;
    change(&script, &data->plan);
    change(&script, &data->domain);
    return true;
}

bool
redis_write(
    struct world *world, const struct redis_data *read, const struct plan_write *write)
{
    struct domain_field plan[FIELDS_MAX];
    struct domain_field domain[FIELDS_MAX];
    const struct plan_commit commit = {
        .prefix = "cutover:",
        .domain = "example.com",
        .host = "gw0",
        .now = world->now,
        .read_at = read->read_at,
        .plan = plan,
        .plan_count = hash_fields(&read->plan, plan),
        .state = domain,
        .state_count = hash_fields(&read->domain, domain),
        .write = write,
    };
    struct arena *arena = arena_new(WORDS_OCTETS_MAX);
    struct event_write *event = plan_commit_write(&commit, arena);
    const struct span *words = NULL;
    bool is_written = event != NULL &&
                      event_write_words(event, &words) > FIRST_ARGUMENT &&
                      run_commit(world, words);

    arena_free(arena);
    return is_written;
}

/* As pinnings writes it, and as its script takes it. */
bool
redis_write_pin(struct world *world, const struct gateway *gateway, unsigned unit,
    const struct kept_pin *pin)
{
    struct pin_model *was = &world->redis.data.pins[unit];
    int64_t kept_s = pin->is_known ? GUARD_PIN_SECONDS : GUARD_UNKNOWN_PIN_SECONDS;

    if (was->place != PIN_NONE && (was->place != PIN_OLD || was->until == 0))
        return false;
    *was = (struct pin_model){PIN_OLD, pin->found + kept_s};
    world->truth.pins++;
    world_tell(world, "%s: pin user%u old", gateway->name, unit);
    return true;
}

void
redis_tick(struct world *world)
{
    struct redis_model *redis = &world->redis;

    redis->copies[redis->copied++ % COPIES] = redis->data;
}
