#include "policyd/replica/replica_members.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/replica/replica.h"
#include "shared/base/allocate.h"

struct list_key {
    char data[2 + 2 * REPLICA_NAME_MAX];
    size_t length;
};

/* The domain's length goes in front, so that no two pairs of names give the same key. */
static bool
make_key(struct span domain, struct span list, struct list_key *key)
{
    if (domain.length == 0 || domain.length > REPLICA_NAME_MAX || list.length == 0 ||
        list.length > REPLICA_NAME_MAX)
        return false;
    key->data[0] = (char)(domain.length >> 8);
    key->data[1] = (char)(domain.length & 0xff);
    memcpy(key->data + 2, domain.data, domain.length);
    memcpy(key->data + 2 + domain.length, list.data, list.length);
    key->length = 2 + domain.length + list.length;
    return true;
}

static struct span
key_span(const struct list_key *key)
{
    return span_make(key->data, key->length);
}

static void
split_key(struct span key, struct span *domain, struct span *list)
{
    size_t length =
        (size_t)(unsigned char)key.data[0] << 8 | (size_t)(unsigned char)key.data[1];

    *domain = span_first(span_from(key, 2), length);
    *list = span_from(key, 2 + length);
}

static struct packed_table *
table_of(struct span value)
{
    void *pointer;

    assert(value.length == sizeof(pointer));
    memcpy(&pointer, value.data, sizeof(pointer));
    return pointer;
}

static struct packed_table *
find_table(const struct replica_members *members, const struct list_key *key)
{
    struct span value;

    return packed_table_find(&members->lists, key_span(key), &value) ? table_of(value)
                                                                     : NULL;
}

static struct packed_table *
find_list(const struct replica_members *members, struct span domain, struct span list)
{
    struct list_key key;

    return make_key(domain, list, &key) ? find_table(members, &key) : NULL;
}

static struct packed_table *
need_list(struct replica_members *members, struct span domain, struct span list)
{
    struct packed_table *table;
    struct list_key key;
    void *pointer;

    if (!make_key(domain, list, &key))
        return NULL;
    table = find_table(members, &key);
    if (table != NULL || members->lists.count == REPLICA_LISTS_MAX)
        return table;
    table = pointer = allocate(sizeof(*table));
    packed_table_init(table, members->lists.hash_key);
    if (packed_table_put(
            &members->lists, key_span(&key), span_make(&pointer, sizeof(pointer))))
        return table;
    free(table);
    return NULL;
}

static void
free_list(struct packed_table *table)
{
    packed_table_clear(table);
    free(table);
}

/* What a list is counts for all; before and after a change of it. */
static void
count_out(struct replica_members *members, const struct packed_table *table)
{
    members->count -= table->count;
    members->memory -= packed_table_memory(table);
}

static void
count_in(struct replica_members *members, const struct packed_table *table)
{
    members->count += table->count;
    members->memory += packed_table_memory(table);
}

void
replica_members_init(struct replica_members *members, struct hash_key hash_key)
{
    *members = (struct replica_members){0};
    packed_table_init(&members->lists, hash_key);
}

void
replica_members_clear(struct replica_members *members)
{
    struct packed_entry entry;
    uint64_t cursor = 0;

    while (packed_table_next(&members->lists, &cursor, &entry))
        free_list(table_of(entry.value));
    packed_table_clear(&members->lists);
    members->count = 0;
    members->memory = 0;
}

bool
replica_members_has(const struct replica_members *members, struct span domain,
    struct span list, struct span unit)
{
    const struct packed_table *table = find_list(members, domain, list);
    struct span value;

    return table != NULL && packed_table_find(table, unit, &value);
}

size_t
replica_members_count(
    const struct replica_members *members, struct span domain, struct span list)
{
    const struct packed_table *table = find_list(members, domain, list);

    return table == NULL ? 0 : table->count;
}

size_t
replica_members_memory(const struct replica_members *members)
{
    return packed_table_memory(&members->lists) + members->memory;
}

bool
replica_members_next_list(const struct replica_members *members, uint64_t *cursor,
    struct span *domain, struct span *list, size_t *count)
{
    struct packed_entry entry;

    if (!packed_table_next(&members->lists, cursor, &entry))
        return false;
    split_key(entry.key, domain, list);
    *count = table_of(entry.value)->count;
    return true;
}

bool
replica_members_next(const struct replica_members *members, struct span domain,
    struct span list, uint64_t *cursor, struct span *unit)
{
    const struct packed_table *table = find_list(members, domain, list);
    struct packed_entry entry;

    if (table == NULL || !packed_table_next(table, cursor, &entry))
        return false;
    *unit = entry.key;
    return true;
}

bool
replica_members_put(struct replica_members *members, struct span domain, struct span list,
    struct span unit)
{
    struct packed_table *table = need_list(members, domain, list);
    bool done;

    if (table == NULL)
        return false;
    count_out(members, table);
    done = packed_table_put(table, unit, SPAN(""));
    count_in(members, table);
    return done;
}

void
replica_members_remove(struct replica_members *members, struct span domain,
    struct span list, struct span unit)
{
    struct list_key key;
    struct packed_table *table;

    if (!make_key(domain, list, &key))
        return;
    table = find_table(members, &key);
    if (table == NULL)
        return;
    count_out(members, table);
    packed_table_remove(table, unit);
    if (table->count > 0) {
        count_in(members, table);
        return;
    }
    packed_table_remove(&members->lists, key_span(&key));
    free_list(table);
}
