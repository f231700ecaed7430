#include "policyd/replica/replica.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/replica/replica_inside.h"
#include "shared/base/allocate.h"

enum { PIN_SHORT = 1, PIN_LONG = REPLICA_PIN_OCTETS };

static const char *const kind_names[REPLICA_KINDS] = {
    [REPLICA_PIN] = "pin", [REPLICA_UNIT] = "unit"};

/* The tables of this process; a table keeps the key that it began with. */
static struct hash_key table_key;

static bool
is_name(struct span name)
{
    return name.length > 0 && name.length <= REPLICA_NAME_MAX;
}

const char *
replica_kind_name(enum replica_kind kind)
{
    return kind_names[kind];
}

struct span
replica_pin_pack(enum pin_place place, int64_t until, char room[REPLICA_PIN_OCTETS])
{
    room[0] = (char)place;
    memcpy(room + PIN_SHORT, &until, sizeof(until));
    if (place == PIN_NONE)
        return SPAN("");
    return span_make(room, until == 0 ? PIN_SHORT : PIN_LONG);
}

struct pin
replica_pin_unpack(struct span value)
{
    struct pin pin = {.place = PIN_NONE};

    if (value.length > 0)
        pin.place = (enum pin_place)value.data[0];
    if (value.length == PIN_LONG)
        memcpy(&pin.until, value.data + PIN_SHORT, sizeof(pin.until));
    return pin;
}

bool
replica_value_counts(enum replica_kind kind, struct span value, int64_t now)
{
    struct pin pin;

    if (kind == REPLICA_UNIT)
        return true;
    pin = replica_pin_unpack(value);
    return pin.place != PIN_BAD && pin_counts(&pin, now);
}

void
replica_seed(uint64_t seed)
{
    /* Any two different words do for the second half. */
    table_key =
        (struct hash_key){.low = seed, .high = ~seed * UINT64_C(0x9e3779b97f4a7c15)};
}

struct replica *
replica_new(void)
{
    struct replica *replica = allocate(sizeof(*replica));

    packed_blocks_set_up();
    packed_table_init(&replica->domains, table_key);
    for (size_t kind = 0; kind < REPLICA_KINDS; kind++)
        packed_table_init(&replica->named[kind], table_key);
    replica_members_init(&replica->members, table_key);
    return replica;
}

void
replica_free(struct replica *replica)
{
    if (replica == NULL)
        return;
    replica_clear_domains(replica);
    for (size_t kind = 0; kind < REPLICA_KINDS; kind++)
        packed_table_clear(&replica->named[kind]);
    replica_members_clear(&replica->members);
    free(replica);
}

bool
replica_find(const struct replica *replica, enum replica_kind kind, struct span name,
    struct span *value)
{
    *value = (struct span){NULL, 0};
    return packed_table_find(&replica->named[kind], name, value);
}

bool
replica_find_pin(const struct replica *replica, struct span name, struct pin *found)
{
    struct span value;
    bool is_there = replica_find(replica, REPLICA_PIN, name, &value);

    *found = replica_pin_unpack(value);
    return is_there;
}

struct span
replica_find_unit(const struct replica *replica, struct span recipient)
{
    struct span unit;

    (void)replica_find(replica, REPLICA_UNIT, recipient, &unit);
    return unit;
}

bool
replica_list_has(
    const struct replica *replica, struct span domain, struct span list, struct span unit)
{
    return replica_members_has(&replica->members, domain, list, unit);
}

size_t
replica_list_count(const struct replica *replica, struct span domain, struct span list)
{
    return replica_members_count(&replica->members, domain, list);
}

bool
replica_is_loaded(const struct replica *replica)
{
    return replica->loaded;
}

const char *
replica_hold_text(const struct replica *replica)
{
    return replica->hold_text;
}

bool
replica_is_unclear(const struct replica *replica)
{
    return replica->unclear;
}

size_t
replica_count(const struct replica *replica, enum replica_kind kind)
{
    return replica->named[kind].count;
}

size_t
replica_member_count(const struct replica *replica)
{
    return replica->members.count;
}

size_t
replica_memory(const struct replica *replica)
{
    return packed_table_memory(&replica->named[REPLICA_PIN]) +
           packed_table_memory(&replica->named[REPLICA_UNIT]) +
           replica_members_memory(&replica->members) + replica_domain_memory(replica);
}

bool
replica_next(const struct replica *replica, enum replica_kind kind, uint64_t *cursor,
    struct span *name, struct span *value)
{
    struct packed_entry entry;

    if (!packed_table_next(&replica->named[kind], cursor, &entry))
        return false;
    *name = entry.key;
    *value = entry.value;
    return true;
}

bool
replica_next_list(const struct replica *replica, uint64_t *cursor, struct span *domain,
    struct span *list, size_t *count)
{
    return replica_members_next_list(&replica->members, cursor, domain, list, count);
}

bool
replica_next_member(const struct replica *replica, struct span domain, struct span list,
    uint64_t *cursor, struct span *unit)
{
    return replica_members_next(&replica->members, domain, list, cursor, unit);
}

void
replica_set_unclear(struct replica *replica, bool unclear)
{
    replica->unclear = unclear;
}

bool
replica_put(
    struct replica *replica, enum replica_kind kind, struct span name, struct span value)
{
    if (!is_name(name) || value.length > REPLICA_NAME_MAX)
        return false;
    if (value.length > 0)
        return packed_table_put(&replica->named[kind], name, value);
    replica_remove(replica, kind, name);
    return true;
}

void
replica_remove(struct replica *replica, enum replica_kind kind, struct span name)
{
    (void)packed_table_remove(&replica->named[kind], name);
}

bool
replica_put_pin(
    struct replica *replica, struct span name, enum pin_place place, int64_t until)
{
    char room[REPLICA_PIN_OCTETS];

    return replica_put(replica, REPLICA_PIN, name, replica_pin_pack(place, until, room));
}

bool
replica_put_unit(struct replica *replica, struct span recipient, struct span unit)
{
    return replica_put(replica, REPLICA_UNIT, recipient, unit);
}

bool
replica_put_member(
    struct replica *replica, struct span domain, struct span list, struct span unit)
{
    return is_name(unit) && replica_members_put(&replica->members, domain, list, unit);
}

void
replica_remove_member(
    struct replica *replica, struct span domain, struct span list, struct span unit)
{
    replica_members_remove(&replica->members, domain, list, unit);
}

bool
replica_set_hold_text(struct replica *replica, struct span text)
{
    if (text.length > REPLICA_HOLD_TEXT_MAX || span_has_control(text) ||
        !span_is_ascii(text) ||
        (text.length > 0 && span_trim(text).length != text.length))
        return false;
    return span_copy(text, replica->hold_text, sizeof(replica->hold_text));
}

void
replica_set_loaded(struct replica *replica)
{
    replica->loaded = true;
}
