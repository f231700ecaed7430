#include "policyd/replica/replica.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/replica/packed_table.h"
#include "policyd/replica/replica_members.h"
#include "shared/base/allocate.h"

struct domain_record {
    struct domain_state *state;
    struct replica_override override;
    bool ours;
    bool suspect;
    uint64_t rev;
    char why[REPLICA_WHY_MAX];
};

struct replica {
    bool loaded;
    bool unclear;
    char hold_text[REPLICA_HOLD_TEXT_MAX + 1];
    size_t ours_count;
    struct packed_table domains;              /* name -> struct domain_record * */
    struct packed_table named[REPLICA_KINDS]; /* name -> value */
    struct replica_members members;
};

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

/* --- values of the tables --- */

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

/* --- domains --- */

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
    if (!is_name(name) || replica->domains.count == REPLICA_DOMAINS_MAX)
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

/* --- the whole --- */

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
    struct packed_entry entry;
    uint64_t cursor = 0;

    if (replica == NULL)
        return;
    while (packed_table_next(&replica->domains, &cursor, &entry))
        free_record(value_pointer(entry.value));
    packed_table_clear(&replica->domains);
    for (size_t kind = 0; kind < REPLICA_KINDS; kind++)
        packed_table_clear(&replica->named[kind]);
    replica_members_clear(&replica->members);
    free(replica);
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
replica_domain_count(const struct replica *replica)
{
    return replica->ours_count;
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
    return packed_table_memory(&replica->domains) +
           packed_table_memory(&replica->named[REPLICA_PIN]) +
           packed_table_memory(&replica->named[REPLICA_UNIT]) +
           replica_members_memory(&replica->members) +
           replica->domains.count * sizeof(struct domain_record);
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
replica_set_unclear(struct replica *replica, bool unclear)
{
    replica->unclear = unclear;
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
