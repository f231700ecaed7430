/*
 * Redis in the model: two hashes, a compare-and-set over both, and the loss of the last
 * writes at a failover.
 */
#include <stdio.h>
#include <string.h>

#include "tests/simulate/world.h"

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

bool
redis_write(
    struct world *world, const struct redis_data *read, const struct plan_write *write)
{
    struct redis_data *data = &world->redis.data;

    if (!hash_equal(&data->plan, &read->plan) ||
        !hash_equal(&data->domain, &read->domain))
        return false;
    for (size_t i = 0; i < write->plan_count; i++)
        hash_set(&data->plan, write->plan[i].name, write->plan[i].value);
    for (size_t i = 0; i < write->domain_count; i++)
        hash_set(&data->domain, write->domain[i].name, write->domain[i].value);
    return true;
}

void
redis_tick(struct world *world)
{
    struct redis_model *redis = &world->redis;

    redis->copies[redis->copied++ % COPIES] = redis->data;
}
