#include "policyd/cutover/route_inputs.h"

#include <stdlib.h>

#include "shared/base/allocate.h"
#include "shared/base/buffer.h"
#include "shared/base/number.h"
#include "shared/service/clock.h"

enum { CHANGES_MAX = 20000, KEY_MAX = 8192, VALUE_MAX = 65536, ARENA_MAX = 64 << 20 };

/* A change that is to be saved; of a domain, its name alone. */
struct pending {
    enum replica_change_kind kind;
    int64_t time_ms;
    struct span name;
    struct span list;
    struct span value;
};

struct route_inputs {
    struct missed_inputs *missed;
    struct arena *arena;
    struct pending *changes;
    size_t count;
    bool compare;
    int64_t compare_ms;
};

struct route_inputs *
route_inputs_new(void)
{
    struct route_inputs *inputs = allocate(sizeof(*inputs));

    inputs->missed = missed_inputs_new();
    inputs->arena = arena_new(ARENA_MAX);
    inputs->changes = allocate_array(CHANGES_MAX, sizeof(*inputs->changes));
    return inputs;
}

void
route_inputs_free(struct route_inputs *inputs)
{
    if (inputs == NULL)
        return;
    missed_inputs_free(inputs->missed);
    arena_free(inputs->arena);
    free(inputs->changes);
    free(inputs);
}

static void
forget(struct route_inputs *inputs)
{
    inputs->count = 0;
    inputs->compare = false;
    arena_reset(inputs->arena);
}

void
route_inputs_change(struct route_inputs *inputs, const struct replica_change *change)
{
    /* Of a member, `to` says whether it is there. */
    struct span member = change->to.length > 0 ? change->to : change->from;
    struct pending *pending;

    if (inputs->compare)
        return;
    if (inputs->count == CHANGES_MAX) {
        route_inputs_compare(inputs);
        return;
    }
    pending = &inputs->changes[inputs->count++];
    *pending = (struct pending){change->kind, clock_wall_ms(),
        arena_span(inputs->arena, change->name), arena_span(inputs->arena, change->list),
        arena_span(inputs->arena, change->to)};
    if (change->kind == CHANGE_MEMBER)
        pending->value = change->to.length > 0 ? SPAN("1") : SPAN("");
    if (change->kind == CHANGE_MEMBER)
        pending->list =
            span_of(arena_printf(inputs->arena, "%.*s:%.*s", (int)change->list.length,
                change->list.data, (int)member.length, member.data));
}

void
route_inputs_compare(struct route_inputs *inputs)
{
    forget(inputs);
    inputs->compare = true;
    inputs->compare_ms = clock_wall_ms();
}

/* --- values --- */

static void
add_field(struct buffer *out, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0')
        buffer_printf(out, "%s=%s\n", name, value);
}

/* As domain_state reads it again; what the override file says goes before. */
static void
write_domain(const struct replica_domain *domain, struct buffer *out)
{
    const struct domain_state *state = domain->state;
    enum domain_mode mode;
    unsigned weight;
    char text[8];

    if (state == NULL)
        return;
    weight = domain->override.has_weight ? domain->override.weight : state->weight;
    mode = domain->override.has_mode ? domain->override.mode : state->mode;
    domain_weight_write(weight, text);
    add_field(out, "weight", text);
    add_field(out, "mode", domain_mode_name(mode));
    add_field(out, "old", state->old_route);
    add_field(out, "new", state->new_route);
    add_field(out, "standby", state->standby_route);
    add_field(out, "same_as", state->same_as);
    add_field(out, "inside", domain_inside_name(state->inside));
    if (state->list_count > 0)
        buffer_append_text(out, "lists=");
    for (size_t i = 0; i < state->list_count; i++)
        buffer_printf(out, "%s%s", i > 0 ? " " : "", state->lists[i]);
    if (state->list_count > 0)
        buffer_append_octet(out, '\n');
}

/* One entry, its key made of up to three parts. */
struct saving {
    struct books *books;
    struct error *error;
    struct missed_inputs *missed; /* NULL: nothing is compared */
    int64_t time_ms;
    struct buffer key;
    struct buffer value;
};

static bool
enter_key(struct saving *saving, struct span key, struct span value)
{
    return (saving->missed == NULL || missed_inputs_note(saving->missed, saving->books,
                                          key, value, saving->error)) &&
           books_enter_input(saving->books, saving->time_ms, key, value, saving->error);
}

static bool
enter(struct saving *saving, const char *kind, struct span name, struct span value)
{
    buffer_reset(&saving->key);
    buffer_append_text(&saving->key, kind);
    buffer_append(&saving->key, name);
    return enter_key(saving, buffer_span(&saving->key), value);
}

static bool
enter_domain(struct saving *saving, const struct replica *replica, struct span name)
{
    struct replica_domain domain;

    buffer_reset(&saving->value);
    if (replica_find_domain(replica, name, &domain))
        write_domain(&domain, &saving->value);
    return enter(saving, "domain:", name, buffer_span(&saving->value));
}

static bool
enter_pin(struct saving *saving, struct span name, const struct pin *pin)
{
    char until[21];

    buffer_reset(&saving->value);
    if (pin->place != PIN_NONE) {
        buffer_append_text(&saving->value, pin_place_name(pin->place));
        if (pin->until != 0) {
            number_rfc3339_write(pin->until, until);
            buffer_printf(&saving->value, " until=%s", until);
        }
    }
    return enter(saving, "pin:", name, buffer_span(&saving->value));
}

/* `domain:list:member` */
static bool
enter_member(struct saving *saving, struct span domain, struct span list,
    struct span member, struct span value)
{
    buffer_reset(&saving->key);
    buffer_append_text(&saving->key, "list:");
    buffer_append(&saving->key, domain);
    buffer_append_octet(&saving->key, ':');
    buffer_append(&saving->key, list);
    if (member.length > 0) {
        buffer_append_octet(&saving->key, ':');
        buffer_append(&saving->key, member);
    }
    return books_enter_input(
        saving->books, saving->time_ms, buffer_span(&saving->key), value, saving->error);
}

/* --- all of it --- */

static bool
enter_domains(struct saving *saving, const struct replica *replica)
{
    struct replica_domain domain;
    struct span name;
    uint64_t cursor = 0;

    while (replica_next_domain(replica, &cursor, &name, &domain)) {
        if (!enter_domain(saving, replica, name))
            return false;
    }
    return true;
}

static bool
enter_pins_and_units(struct saving *saving, const struct replica *replica)
{
    struct pin pin;
    struct span name;
    struct span value;
    uint64_t cursor = 0;

    while (replica_next(replica, REPLICA_PIN, &cursor, &name, &value)) {
        pin = replica_pin_unpack(value);
        if (!enter_pin(saving, name, &pin))
            return false;
    }
    cursor = 0;
    while (replica_next(replica, REPLICA_UNIT, &cursor, &name, &value)) {
        if (!enter(saving, "unit:", name, value))
            return false;
    }
    return true;
}

static bool
enter_lists(struct saving *saving, const struct replica *replica)
{
    struct span domain;
    struct span list;
    struct span member;
    uint64_t cursor = 0;
    size_t count;

    while (replica_next_list(replica, &cursor, &domain, &list, &count)) {
        uint64_t members = 0;

        while (replica_next_member(replica, domain, list, &members, &member)) {
            if (!enter_member(saving, domain, list, member, SPAN("1")))
                return false;
        }
    }
    return true;
}

/* What the books know and the replica no longer has. */
struct gone {
    const struct replica *replica;
    struct arena *arena;
    struct span *keys;
    size_t count;
    size_t room;
};

/* `domain:list:member` */
static bool
has_member(const struct replica *replica, struct span name)
{
    size_t first = span_find(name, ':');
    struct span rest = first == SPAN_NONE ? SPAN("") : span_from(name, first + 1);
    size_t second = span_find(rest, ':');

    return second != SPAN_NONE &&
           replica_list_has(replica, span_first(name, first), span_first(rest, second),
               span_from(rest, second + 1));
}

static bool
has_key(const struct replica *replica, struct span key)
{
    size_t colon = span_find(key, ':');
    struct span kind = span_first(key, colon);
    struct span name = colon == SPAN_NONE ? SPAN("") : span_from(key, colon + 1);
    struct replica_domain domain;
    struct pin pin;

    if (span_is(kind, "domain"))
        return replica_find_domain(replica, name, &domain) && domain.state != NULL;
    if (span_is(kind, "pin"))
        return replica_find_pin(replica, name, &pin);
    if (span_is(kind, "unit"))
        return replica_find_unit(replica, name).length > 0;
    return has_member(replica, name);
}

static void
look_whether_gone(void *argument, struct span key)
{
    struct gone *gone = argument;

    if (has_key(gone->replica, key))
        return;
    gone->keys = allocate_more(gone->keys, gone->count, &gone->room, sizeof(*gone->keys));
    gone->keys[gone->count++] = arena_span(gone->arena, key);
}

static bool
enter_gone(struct saving *saving, const struct replica *replica)
{
    struct gone gone = {.replica = replica, .arena = arena_new(1 << 30)};
    bool done = books_each_input(saving->books, look_whether_gone, &gone, saving->error);

    for (size_t i = 0; i < gone.count && done; i++)
        done = enter_key(saving, gone.keys[i], SPAN(""));
    arena_free(gone.arena);
    free(gone.keys);
    return done;
}

static bool
enter_all(struct saving *saving, const struct replica *replica)
{
    return missed_inputs_begin(saving->missed, saving->books, saving->error) &&
           enter_domains(saving, replica) && enter_pins_and_units(saving, replica) &&
           enter_lists(saving, replica) && enter_gone(saving, replica);
}

static bool
enter_change(
    struct saving *saving, const struct replica *replica, const struct pending *change)
{
    struct pin pin = {.place = PIN_NONE};

    saving->time_ms = change->time_ms;
    switch (change->kind) {
    case CHANGE_DOMAIN:
        return enter_domain(saving, replica, change->name);
    case CHANGE_PIN:
        (void)replica_find_pin(replica, change->name, &pin);
        return enter_pin(saving, change->name, &pin);
    case CHANGE_UNIT:
        return enter(saving, "unit:", change->name, change->value);
    case CHANGE_MEMBER:
    default:
        return enter_member(saving, change->name, change->list, SPAN(""), change->value);
    }
}

bool
route_inputs_save(struct route_inputs *inputs, const struct replica *replica,
    struct books *books, struct error *error)
{
    struct saving saving = {
        .books = books, .error = error, .time_ms = inputs->compare_ms};
    bool done = true;

    if (!replica_is_loaded(replica))
        return true;
    buffer_init(&saving.key, KEY_MAX);
    buffer_init(&saving.value, VALUE_MAX);
    if (inputs->compare) {
        saving.missed = inputs->missed;
        done = enter_all(&saving, replica);
        saving.missed = NULL;
    }
    for (size_t i = 0; i < inputs->count && done; i++)
        done = enter_change(&saving, replica, &inputs->changes[i]);
    buffer_clear(&saving.key);
    buffer_clear(&saving.value);
    if (done)
        forget(inputs);
    return done;
}

void
route_inputs_saved(struct route_inputs *inputs, missed_inputs_tell *tell, void *argument)
{
    missed_inputs_told(inputs->missed, tell, argument);
}
