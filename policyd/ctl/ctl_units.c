#include "policyd/ctl/ctl_units.h"

#include <stdlib.h>
#include <time.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_world.h"
#include "policyd/ctl/ctl_write.h"
#include "policyd/routing/route_decide.h"
#include "shared/base/allocate.h"

enum { BUNCH = 1000, SHOWN_MAX = 20 };

/* Some of them at a time. */
struct bunch {
    struct ctl_units *units;
    struct ctl_world world;
    struct span names[BUNCH];
    enum route_place places[BUNCH];
    size_t movers;
};

void
ctl_units_add(struct ctl_units *units, struct span address, struct span unit)
{
    units->wishes =
        allocate_more(units->wishes, units->count, &units->room, sizeof(*units->wishes));
    units->wishes[units->count++] = (struct ctl_unit_wish){address, unit};
}

void
ctl_units_clear(struct ctl_units *units)
{
    free(units->wishes);
    units->wishes = NULL;
    units->count = units->room = 0;
}

static enum route_place
place_of(const struct bunch *bunch, struct span address)
{
    struct route route;

    route_decide(&bunch->units->ctl->config->serve->route_rules, bunch->world.replica,
        address, (int64_t)time(NULL), &route);
    return route.place;
}

static void
tell_mover(struct bunch *bunch, const struct ctl_unit_wish *wish, enum route_place from,
    enum route_place to)
{
    struct arena *arena = bunch->units->ctl->arena;

    if (++bunch->movers > SHOWN_MAX)
        return;
    ctl_output_say("  %s: %s -> %s, as one of %s", ctl_output_text(arena, wish->address),
        route_place_name(from), route_place_name(to), ctl_output_text(arena, wish->unit));
}

/* Lists are read when their domain is seen for the first time. */
static bool
know_domain(struct bunch *bunch, struct span address, struct error *error)
{
    struct span domain = span_from(address, span_find_last(address, '@') + 1);
    struct replica_domain found;

    if (replica_find_domain(bunch->world.replica, domain, &found) && found.state != NULL)
        return true;
    return ctl_world_add_domain(&bunch->world, domain, error) &&
           ctl_world_add_lists(&bunch->world, domain, error);
}

static bool
look_at(struct bunch *bunch, const struct ctl_unit_wish *wishes, size_t count,
    struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        bunch->names[i] = wishes[i].address;
        if (!know_domain(bunch, wishes[i].address, error))
            return false;
    }
    if (!ctl_world_add_names(&bunch->world, bunch->names, count, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        bunch->places[i] = place_of(bunch, wishes[i].address);
        bunch->names[i] = wishes[i].unit;
    }
    if (!ctl_world_add_names(&bunch->world, bunch->names, count, error))
        return false;
    for (size_t i = 0; i < count; i++)
        (void)replica_put_unit(bunch->world.replica, wishes[i].address, wishes[i].unit);
    for (size_t i = 0; i < count; i++) {
        enum route_place place = place_of(bunch, wishes[i].address);

        if (place != bunch->places[i])
            tell_mover(bunch, &wishes[i], bunch->places[i], place);
    }
    return true;
}

static bool
count_movers(struct ctl_units *units, size_t *movers, struct error *error)
{
    struct bunch *bunch = arena_take(units->ctl->arena, sizeof(*bunch));
    bool done = true;

    bunch->units = units;
    ctl_world_open(&bunch->world, units->ctl);
    for (size_t i = 0; done && i < units->count; i += BUNCH)
        done = look_at(bunch, units->wishes + i,
            units->count - i < BUNCH ? units->count - i : BUNCH, error);
    ctl_world_clear(&bunch->world);
    *movers = bunch->movers;
    return done;
}

static bool
write_all(struct ctl_units *units, const char *from, size_t movers, struct error *error)
{
    struct ctl *ctl = units->ctl;
    struct span *keys = allocate_array(units->count + 1, sizeof(*keys));
    struct span *values = allocate_array(units->count + 1, sizeof(*values));
    const struct ctl_values all = {keys, values, units->count, 0};
    struct ctl_event event = {
        .what = "unit",
        .from = "",
        .to = arena_printf(ctl->arena, "as in %s (%zu)", from, units->count),
        .why = ctl->arguments.values[CTL_WHY],
    };
    bool done;

    if (movers > 0)
        event.why = arena_printf(ctl->arena, "%s%sforced: %zu change sides",
            event.why != NULL ? event.why : "", event.why != NULL ? "; " : "", movers);
    for (size_t i = 0; i < units->count; i++) {
        keys[i] = ctl_store_key(ctl, ctl->arena, "unit:", units->wishes[i].address);
        values[i] = units->wishes[i].unit;
    }
    done = ctl_write_values(ctl, &all, &event, error);
    free(keys);
    free(values);
    return done;
}

int
ctl_units_write(struct ctl_units *units, const char *from)
{
    struct ctl *ctl = units->ctl;
    size_t movers = 0;
    struct error error;

    if (units->count == 0) {
        ctl_output_say("nothing to write: all are in these units already");
        return CTL_DONE;
    }
    if (!count_movers(units, &movers, &error))
        return ctl_store_fail(ctl, &error);
    if (movers > SHOWN_MAX)
        ctl_output_say("  and %zu more", movers - SHOWN_MAX);
    if (movers > 0 && !ctl_arguments_has(&ctl->arguments, CTL_FORCE))
        return ctl_output_fail(CTL_REFUSED,
            "%zu address%s would change sides at once; nothing was written (--force "
            "writes it; at weight 0 nobody would)",
            movers, movers == 1 ? "" : "es");
    if (!write_all(units, from, movers, &error))
        return ctl_store_fail(ctl, &error);
    ctl_output_say("%zu unit%s written%s", units->count, units->count == 1 ? "" : "s",
        movers == 0 ? ", nobody changes sides" : "");
    return CTL_DONE;
}
