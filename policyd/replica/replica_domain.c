#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/replica/replica_inside.h"
#include "shared/base/allocate.h"

/* Domains, and what the override file says of them. */

struct domain_record {
    struct domain_state *state;
    struct replica_override override;
    bool ours;
    bool suspect;
    uint64_t rev;
    char why[REPLICA_WHY_MAX];
};

static struct span
pointer_value(void *const *pointer)
{
    return span_make(pointer, sizeof(*pointer));
}

static void *
value_pointer(struct span value)
{
    void *pointer;

    assert(value.length == sizeof(pointer));
    memcpy(&pointer, value.data, sizeof(pointer));
    return pointer;
}

static struct domain_record *
find_record(const struct replica *replica, struct span name)
{
    struct span value;

    return packed_table_find(&replica->domains, name, &value) ? value_pointer(value)
                                                              : NULL;
}

static struct domain_record *
need_record(struct replica *replica, struct span name)
{
    struct domain_record *record = find_record(replica, name);
    void *pointer;

    if (record != NULL)
        return record;
    if (name.length == 0 || name.length > REPLICA_NAME_MAX ||
        replica->domains.count == REPLICA_DOMAINS_MAX)
        return NULL;
    record = pointer = allocate(sizeof(*record));
    if (packed_table_put(&replica->domains, name, pointer_value(&pointer)))
        return record;
    free(record);
    return NULL;
}

static void
free_record(struct domain_record *record)
{
    domain_state_free(record->state);
    free(record);
}

/* A record that says nothing any more goes. */
static void
drop_if_empty(struct replica *replica, struct span name, struct domain_record *record)
{
    if (record->ours || record->suspect || record->override.has_mode ||
        record->override.has_weight || record->override.unclear)
        return;
    packed_table_remove(&replica->domains, name);
    free_record(record);
}

static struct replica_domain
show_record(const struct domain_record *record)
{
    return (struct replica_domain){
        .ours = record->ours,
        .state = record->state,
        .override = record->override,
        .suspect = record->suspect,
        .why = record->suspect ? record->why : NULL,
        .rev = record->rev,
    };
}

void
replica_clear_domains(struct replica *replica)
{
    struct packed_entry entry;
    uint64_t cursor = 0;

    while (packed_table_next(&replica->domains, &cursor, &entry))
        free_record(value_pointer(entry.value));
    packed_table_clear(&replica->domains);
}

size_t
replica_domain_memory(const struct replica *replica)
{
    return packed_table_memory(&replica->domains) +
           replica->domains.count * sizeof(struct domain_record);
}

bool
replica_find_domain(
    const struct replica *replica, struct span name, struct replica_domain *found)
{
    const struct domain_record *record = find_record(replica, name);

    if (record == NULL)
        return false;
    *found = show_record(record);
    return true;
}

size_t
replica_domain_count(const struct replica *replica)
{
    return replica->ours_count;
}

bool
replica_next_domain(const struct replica *replica, uint64_t *cursor, struct span *name,
    struct replica_domain *found)
{
    struct packed_entry entry;

    if (!packed_table_next(&replica->domains, cursor, &entry))
        return false;
    *name = entry.key;
    *found = show_record(value_pointer(entry.value));
    return true;
}

bool
replica_put_domain(
    struct replica *replica, struct span name, struct domain_state *state, uint64_t rev)
{
    struct domain_record *record = need_record(replica, name);

    if (record == NULL) {
        domain_state_free(state);
        return false;
    }
    domain_state_free(record->state);
    record->state = state;
    record->rev = rev;
    replica->ours_count += !record->ours;
    record->ours = true;
    return true;
}

bool
replica_set_suspect(struct replica *replica, struct span name, const char *why)
{
    struct domain_record *record =
        why == NULL ? find_record(replica, name) : need_record(replica, name);

    if (record == NULL)
        return why == NULL;
    record->suspect = why != NULL;
    if (why != NULL)
        (void)span_copy(span_first(span_of(why), sizeof(record->why) - 1), record->why,
            sizeof(record->why));
    drop_if_empty(replica, name, record);
    return true;
}

bool
replica_set_override(
    struct replica *replica, struct span name, const struct replica_override *override)
{
    struct domain_record *record = need_record(replica, name);

    if (record == NULL)
        return false;
    record->override = *override;
    drop_if_empty(replica, name, record);
    return true;
}

void
replica_clear_overrides(struct replica *replica)
{
    struct packed_entry entry;
    uint64_t cursor = 0;

    replica->unclear = false;
    while (packed_table_next(&replica->domains, &cursor, &entry)) {
        struct domain_record *record = value_pointer(entry.value);

        record->override = (struct replica_override){0};
        drop_if_empty(replica, entry.key, record);
    }
}

void
replica_remove_domain(struct replica *replica, struct span name)
{
    struct domain_record *record = find_record(replica, name);

    if (record == NULL)
        return;
    replica->ours_count -= record->ours;
    domain_state_free(record->state);
    *record = (struct domain_record){.override = record->override};
    drop_if_empty(replica, name, record);
}
