#include "policyd/ctl/ctl_world.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policyd/replica/override_text.h"
#include "policyd/routing/status_page.h"
#include "policyd/setup/setup_file.h"
#include "shared/base/idn.h"

enum { NAMES_OCTETS = 256 << 20 };

static void
add_overrides(struct ctl_world *world)
{
    const char *path = world->ctl->config->serve->override;
    struct override_text overrides;
    struct buffer text;
    struct error error;

    if (path[0] == '\0' || access(path, R_OK) != 0)
        return;
    buffer_init(&text, OVERRIDE_TEXT_MAX);
    if (setup_file_read(path, &text, &error)) {
        if (!override_text_parse(buffer_span(&text), &overrides))
            override_text_doubt(&overrides);
        replica_set_unclear(world->replica, overrides.unclear);
        for (size_t i = 0; i < overrides.count; i++)
            (void)replica_set_override(world->replica,
                span_of(overrides.entries[i].domain), &overrides.entries[i].override);
        override_text_clear(&overrides);
    }
    buffer_clear(&text);
}

void
ctl_world_open(struct ctl_world *world, struct ctl *ctl)
{
    *world =
        (struct ctl_world){.ctl = ctl, .replica = replica_new(), .odd = ctl_odd_new(ctl)};
    replica_set_loaded(world->replica);
    add_overrides(world);
}

void
ctl_world_clear(struct ctl_world *world)
{
    replica_free(world->replica);
    ctl_odd_free(world->odd);
    world->replica = NULL;
    world->odd = NULL;
}

/* Takes the state out of what was read. */
static void
put(struct ctl_world *world, struct ctl_domain *domain)
{
    char why[REPLICA_WHY_MAX];

    if (domain->state != NULL) {
        uint64_t rev = domain->state->rev;

        (void)replica_put_domain(world->replica, domain->name, domain->state, rev);
        domain->state = NULL;
    } else if (domain->count > 0 || domain->is_no_hash) {
        (void)snprintf(why, sizeof(why), "%.60s: %.130s",
            domain->is_no_hash ? "the key" : domain->problem.field,
            domain->is_no_hash ? "no hash" : domain->problem.text);
        (void)replica_set_suspect(world->replica, domain->name, why);
    }
}

static bool
is_known(const struct ctl_world *world, struct span name)
{
    struct replica_domain found;

    return replica_find_domain(world->replica, name, &found) &&
           (found.state != NULL || found.suspect);
}

/* A domain's hash, however its key is written. */
static bool
read_domain(struct ctl_world *world, struct span name, struct ctl_domain *domain,
    struct error *error)
{
    struct span written;

    if (!ctl_store_domain(world->ctl, name, domain, error))
        return false;
    if (domain->count > 0 || domain->is_no_hash)
        return true;
    if (!ctl_odd_find(world->odd, "domain:", name, &written, error))
        return false;
    if (written.length == 0)
        return true;
    ctl_domain_clear(domain);
    if (!ctl_store_domain(world->ctl, written, domain, error))
        return false;
    domain->name = name;
    return true;
}

bool
ctl_world_add_domain(struct ctl_world *world, struct span name, struct error *error)
{
    struct replica_domain found;
    struct ctl_domain domain;

    for (int i = 0; i < 2 && !is_known(world, name); i++) {
        if (!read_domain(world, name, &domain, error))
            return false;
        put(world, &domain);
        if (!replica_find_domain(world->replica, name, &found) || found.state == NULL ||
            found.state->same_as[0] == '\0')
            return true;
        name = arena_span(world->ctl->arena, span_of(found.state->same_as));
    }
    return true;
}

static bool
take_domain_key(void *argument, struct span key, struct error *error)
{
    struct ctl_world *world = argument;
    char name[DOMAIN_MAX + 1];

    if (!idn_to_ascii(span_from(key, sizeof("domain:") - 1), name))
        return true;
    return ctl_world_add_domain(
        world, arena_span(world->ctl->arena, span_of(name)), error);
}

static bool
add_all_domains(struct ctl_world *world, struct error *error)
{
    return ctl_store_scan(world->ctl, "domain:*", take_domain_key, world, error);
}

/* A list that is being read. */
struct list {
    struct ctl_world *world;
    struct span domain;
    struct span name;
};

static bool
take_member(void *argument, struct span member, struct error *error)
{
    struct list *list = argument;
    struct recipient recipient;

    (void)error;
    if (ctl_store_canonical_recipient(list->world->ctl, member, &recipient))
        member = recipient_address(&recipient);
    (void)replica_put_member(list->world->replica, list->domain, list->name, member);
    return true;
}

static bool
add_list(
    struct ctl_world *world, struct span domain, const char *name, struct error *error)
{
    struct ctl *ctl = world->ctl;
    struct list list = {world, domain, span_of(name)};
    const char *key =
        arena_printf(ctl->arena, "%.*s:%s", (int)domain.length, domain.data, name);
    struct span redis_key = ctl_store_key(ctl, ctl->arena, "list:", span_of(key));
    struct span written;
    uint64_t count;

    /* Also tells a set from a value of another type. */
    if (!ctl_store_member_count(ctl, redis_key, &count, error))
        return false;
    if (count == 0) {
        if (!ctl_odd_find(world->odd, "list:", span_of(key), &written, error))
            return false;
        redis_key = ctl_store_key(ctl, ctl->arena, "list:", written);
        count = written.length;
    }
    return count == 0 || ctl_store_members(ctl, redis_key, take_member, &list, error);
}

bool
ctl_world_add_lists(struct ctl_world *world, struct span domain, struct error *error)
{
    struct replica_domain found;

    if (!replica_find_domain(world->replica, domain, &found) || found.state == NULL)
        return true;
    if (!add_list(world, domain, "exclude", error) ||
        !add_list(world, domain, "known", error))
        return false;
    for (size_t i = 0; i < found.state->list_count; i++) {
        if (!add_list(world, domain, found.state->lists[i], error))
            return false;
    }
    return true;
}

/* Those that were not found, where their keys are written otherwise. */
static bool
read_odd_values(struct ctl_world *world, struct arena *arena, const char *kind,
    const struct span *names, size_t count, struct span *values, struct error *error)
{
    struct span *keys = arena_take(arena, (count + 1) * sizeof(*keys));
    struct span *found = arena_take(arena, (count + 1) * sizeof(*found));
    size_t *places = arena_take(arena, (count + 1) * sizeof(*places));
    size_t odd = 0;

    for (size_t i = 0; i < count; i++) {
        struct span written;

        if (values[i].data != NULL)
            continue;
        if (!ctl_odd_find(world->odd, kind, names[i], &written, error))
            return false;
        if (written.length == 0)
            continue;
        keys[odd] = ctl_store_key(world->ctl, arena, kind, written);
        places[odd++] = i;
    }
    if (odd > 0 && !ctl_store_values(world->ctl, arena, keys, odd, found, error))
        return false;
    for (size_t i = 0; i < odd; i++)
        values[places[i]] = found[i];
    return true;
}

/* The values of "pin:" and so on for each name. */
static bool
read_values(struct ctl_world *world, struct arena *arena, const char *kind,
    const struct span *names, size_t count, struct span *values, struct error *error)
{
    struct span *keys = arena_take(arena, (count + 1) * sizeof(*keys));

    for (size_t i = 0; i < count; i++)
        keys[i] = ctl_store_key(world->ctl, arena, kind, names[i]);
    return ctl_store_values(world->ctl, arena, keys, count, values, error) &&
           read_odd_values(world, arena, kind, names, count, values, error);
}

static void
put_pin(struct ctl_world *world, struct span name, struct span text)
{
    struct error ignored;
    struct pin pin;

    if (text.data == NULL)
        return;
    if (!pin_parse(text, &pin, &ignored))
        pin = (struct pin){.place = PIN_BAD};
    (void)replica_put_pin(world->replica, name, pin.place, pin.until);
}

static bool
add_pins(struct ctl_world *world, struct arena *arena, const struct span *names,
    size_t count, struct error *error)
{
    struct span *values = arena_take(arena, (count + 1) * sizeof(*values));

    if (!read_values(world, arena, "pin:", names, count, values, error))
        return false;
    for (size_t i = 0; i < count; i++)
        put_pin(world, names[i], values[i]);
    return true;
}

/* *units gets the units that differ from their recipients. */
static bool
add_units(struct ctl_world *world, struct arena *arena, const struct span *names,
    size_t count, struct span *units, size_t *unit_count, struct error *error)
{
    struct span *values = arena_take(arena, (count + 1) * sizeof(*values));

    *unit_count = 0;
    if (!read_values(world, arena, "unit:", names, count, values, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct span unit;

        if (values[i].data == NULL)
            continue;
        unit = ctl_store_canonical_unit(world->ctl, arena, values[i]);
        if (unit.data == NULL)
            continue;
        (void)replica_put_unit(world->replica, names[i], unit);
        units[(*unit_count)++] = unit;
    }
    return true;
}

bool
ctl_world_add_names(
    struct ctl_world *world, const struct span *names, size_t count, struct error *error)
{
    struct arena *arena = arena_new(NAMES_OCTETS);
    struct span *units = arena_take(arena, (count + 1) * sizeof(*units));
    size_t unit_count;
    bool done = add_units(world, arena, names, count, units, &unit_count, error) &&
                add_pins(world, arena, names, count, error) &&
                add_pins(world, arena, units, unit_count, error);

    arena_free(arena);
    return done;
}

bool
ctl_world_status_page(struct ctl *ctl, struct buffer *page, struct error *error)
{
    struct ctl_world world;
    struct status_facts facts = {
        .source = "redis",
        .version = POSTSHIFT_VERSION,
        .host = ctl->host,
        .redis_up = true,
        .only_domains = true,
    };
    bool done;

    ctl_world_open(&world, ctl);
    done = add_all_domains(&world, error);
    if (done) {
        facts.redis_address = redis_sync_address(ctl->redis);
        status_page_write(page, &facts, &ctl->config->serve->route_rules, world.replica);
    }
    ctl_world_clear(&world);
    return done;
}
