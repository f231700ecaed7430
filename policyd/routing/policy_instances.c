#include "policyd/routing/policy_instances.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"
#include "shared/base/digest.h"

enum { FIRST_SLOTS = 256, HALF_MAX = POLICY_INSTANCES_MAX / 2 };

struct slot {
    unsigned char name[16]; /* the start of the instance's SHA-256 */
    uint64_t backend;       /* of the backend's; 0: a free slot */
};

/* Open addressing, at most half full. */
struct table {
    struct slot *slots;
    size_t slot_count; /* a power of two */
    size_t taken;
};

/*
 * When the recent ones are HALF_MAX, they become the former ones, and those that nobody
 * has asked for since are forgotten.
 */
struct policy_instances {
    struct table recent;
    struct table former;
};

static struct table
table_new(size_t slot_count)
{
    struct table table = {.slot_count = slot_count};

    assert(slot_count > 0);
    table.slots = allocate_array(slot_count, sizeof(*table.slots));
    return table;
}

/* The slot with this name, or the free one where it would stand. */
static struct slot *
find_slot(const struct table *table, const unsigned char name[16])
{
    size_t at;

    memcpy(&at, name, sizeof(at));
    for (;;) {
        struct slot *slot = &table->slots[at & (table->slot_count - 1)];

        if (slot->backend == 0 || memcmp(slot->name, name, sizeof(slot->name)) == 0)
            return slot;
        at++;
    }
}

static void
grow(struct table *table)
{
    struct table larger = table_new(2 * table->slot_count);

    for (size_t i = 0; i < table->slot_count; i++) {
        if (table->slots[i].backend != 0)
            *find_slot(&larger, table->slots[i].name) = table->slots[i];
    }
    larger.taken = table->taken;
    free(table->slots);
    *table = larger;
}

static void
put(struct policy_instances *instances, const unsigned char name[16], uint64_t backend)
{
    struct slot *slot;

    if (instances->recent.taken == HALF_MAX) {
        free(instances->former.slots);
        instances->former = instances->recent;
        instances->recent = table_new(FIRST_SLOTS);
    }
    if (2 * instances->recent.taken >= instances->recent.slot_count)
        grow(&instances->recent);
    slot = find_slot(&instances->recent, name);
    memcpy(slot->name, name, sizeof(slot->name));
    slot->backend = backend;
    instances->recent.taken++;
}

/* What it is bound to; 0: not known.  Who is asked for becomes a recent one. */
static uint64_t
find(struct policy_instances *instances, const unsigned char name[16])
{
    uint64_t backend = find_slot(&instances->recent, name)->backend;

    if (backend != 0)
        return backend;
    backend = find_slot(&instances->former, name)->backend;
    if (backend != 0)
        put(instances, name, backend);
    return backend;
}

/* The start of the digest names an instance, what follows a backend. */
static uint64_t
hash(struct span text, unsigned char name[16])
{
    uint8_t digest[DIGEST_SHA256_SIZE];
    uint64_t number;

    digest_sha256(text, digest);
    memcpy(name, digest, 16);
    memcpy(&number, digest + 16, sizeof(number));
    return number | 1;
}

struct policy_instances *
policy_instances_new(void)
{
    struct policy_instances *instances = allocate(sizeof(*instances));

    instances->recent = table_new(FIRST_SLOTS);
    instances->former = table_new(FIRST_SLOTS);
    return instances;
}

void
policy_instances_free(struct policy_instances *instances)
{
    if (instances == NULL)
        return;
    free(instances->recent.slots);
    free(instances->former.slots);
    free(instances);
}

bool
policy_instances_bind(struct policy_instances *instances, struct span instance,
    bool accepted, struct span backend)
{
    unsigned char ignored[16];
    unsigned char name[16];
    uint64_t wanted = hash(backend, ignored);
    uint64_t bound;

    (void)hash(instance, name);
    bound = find(instances, name);
    if (bound != 0 || accepted)
        return bound == wanted;
    put(instances, name, wanted);
    return true;
}

size_t
policy_instances_count(const struct policy_instances *instances)
{
    return instances->recent.taken + instances->former.taken;
}
