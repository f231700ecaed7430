#include "policyd/routing/policy_instances.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/attributes.h"
#include "shared/base/digest.h"

enum { FIRST_SLOTS = 256, SLOTS_MAX = 2 * POLICY_INSTANCES_MAX };

struct slot {
    unsigned char name[16]; /* the start of the instance's SHA-256 */
    uint64_t backend;       /* of the backend's; never 0 */
    int64_t used;           /* 0: a free slot */
};

/* Open addressing, at most half full; what has expired goes when the table is made anew.
 */
struct policy_instances {
    struct slot *slots;
    size_t slot_count; /* a power of two */
    size_t taken;
    int64_t swept; /* when it was last made anew */
};

static struct slot *
slots_new(size_t count)
{
    struct slot *slots;

    assert(count > 0);
    slots = calloc(count, sizeof(*slots));

    if (slots == NULL)
        abort();
    return slots;
}

static bool
is_alive(const struct slot *slot, int64_t now)
{
    return slot->used != 0 && now - slot->used <= POLICY_INSTANCE_SECONDS;
}

/* The slot with this name, or the free one where it would stand. */
static struct slot *
find_slot(struct slot *slots, size_t count, const unsigned char name[16])
{
    size_t at;

    memcpy(&at, name, sizeof(at));
    for (;;) {
        struct slot *slot = &slots[at & (count - 1)];

        if (slot->used == 0 || memcmp(slot->name, name, sizeof(slot->name)) == 0)
            return slot;
        at++;
    }
}

static void
make_anew(struct policy_instances *instances, int64_t now)
{
    struct slot *old = instances->slots;
    size_t old_count = instances->slot_count;
    size_t alive = 0;

    for (size_t i = 0; i < old_count; i++)
        alive += is_alive(&old[i], now);
    while (instances->slot_count > FIRST_SLOTS && alive * 8 < instances->slot_count)
        instances->slot_count /= 2;
    while (instances->slot_count < SLOTS_MAX && alive * 4 > instances->slot_count)
        instances->slot_count *= 2;
    instances->slots = slots_new(instances->slot_count);
    for (size_t i = 0; i < old_count; i++) {
        if (is_alive(&old[i], now))
            *find_slot(instances->slots, instances->slot_count, old[i].name) = old[i];
    }
    instances->taken = alive;
    instances->swept = now;
    free(old);
}

static bool
has_room(struct policy_instances *instances, int64_t now)
{
    if (instances->taken * 2 < instances->slot_count)
        return true;
    /* Where all are alive, looking again at once would find the same. */
    if (instances->slot_count == SLOTS_MAX && now <= instances->swept)
        return false;
    make_anew(instances, now);
    return instances->taken * 2 < instances->slot_count;
}

static uint64_t
hash(struct span text, unsigned char name[16])
{
    uint8_t digest[DIGEST_SHA256_SIZE];
    uint64_t number;

    digest_sha256(text, digest);
    if (name != NULL)
        memcpy(name, digest, 16);
    memcpy(&number, digest + 16, sizeof(number));
    return number | 1;
}

struct policy_instances *
policy_instances_new(void)
{
    struct policy_instances *instances = calloc(1, sizeof(*instances));

    if (instances == NULL)
        abort();
    instances->slot_count = FIRST_SLOTS;
    instances->slots = slots_new(FIRST_SLOTS);
    return instances;
}

void
policy_instances_free(struct policy_instances *instances)
{
    if (instances == NULL)
        return;
    free(instances->slots);
    free(instances);
}

bool
policy_instances_bind(struct policy_instances *instances, struct span instance,
    struct span backend, int64_t now)
{
    uint64_t wanted = hash(backend, NULL);
    unsigned char name[16];
    struct slot *slot;

    (void)hash(instance, name);
    slot = find_slot(instances->slots, instances->slot_count, name);
    if (slot->used == 0) {
        if (!has_room(instances, now))
            return false;
        slot = find_slot(instances->slots, instances->slot_count, name);
    }
    if (!is_alive(slot, now)) {
        instances->taken += slot->used == 0;
        memcpy(slot->name, name, sizeof(slot->name));
        slot->backend = wanted;
    }
    if (slot->backend != wanted)
        return false;
    slot->used = now;
    return true;
}

bool
policy_instances_has(
    const struct policy_instances *instances, struct span instance, int64_t now)
{
    unsigned char name[16];

    (void)hash(instance, name);
    return is_alive(find_slot(instances->slots, instances->slot_count, name), now);
}

size_t
policy_instances_count(const struct policy_instances *instances)
{
    return instances->taken;
}

static bool
parse_hexadecimal(struct span text, uint64_t *number)
{
    *number = 0;
    if (text.length == 0 || text.length > 12)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        char octet = span_lower_octet(text.data[i]);

        if (octet >= '0' && octet <= '9')
            *number = *number * 16 + (uint64_t)(octet - '0');
        else if (octet >= 'a' && octet <= 'f')
            *number = *number * 16 + (uint64_t)(octet - 'a' + 10);
        else
            return false;
    }
    return true;
}

int64_t
policy_instance_began(struct span instance)
{
    uint64_t numbers[4];
    struct span part;
    size_t count = 0;

    while (span_split(&instance, '.', &part)) {
        if (count == ARRAY_LENGTH(numbers) || !parse_hexadecimal(part, &numbers[count]))
            return 0;
        count++;
    }
    return count == ARRAY_LENGTH(numbers) ? (int64_t)numbers[1] : 0;
}
