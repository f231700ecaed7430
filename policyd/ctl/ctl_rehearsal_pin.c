/* rehearsal --pin-refused: those whose mailbox new refuses stay on old, with their unit.
 */
#include <stdlib.h>
#include <time.h>

#include "policyd/ctl/ctl_bulk.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_rehearsal.h"
#include "policyd/ctl/ctl_world.h"
#include "policyd/routing/route_decide.h"
#include "shared/base/allocate.h"

#define VALUE "old note=rehearsal"

static bool
is_added(const struct ctl_bulk *bulk, struct span key)
{
    for (size_t i = 0; i < bulk->count; i++) {
        if (span_equal(bulk->keys[i], key))
            return true;
    }
    return false;
}

/* Who was pinned meanwhile, or has moved, is left alone. */
static void
add(struct ctl_bulk *bulk, const struct ctl_world *world, struct span address)
{
    struct ctl *ctl = bulk->ctl;
    struct span unit;
    struct route route;

    route_decide(&ctl->config->serve->route_rules, world->replica, address,
        (int64_t)time(NULL), &route);
    if (route.place != ROUTE_OLD || route.reason == ROUTE_REASON_PIN)
        return;
    unit = arena_span(ctl->arena, route.unit);
    /* Addresses come once, a unit of several may come with each. */
    if (span_equal(unit, address) ||
        !is_added(bulk, ctl_store_key(ctl, ctl->arena, "pin:", unit)))
        ctl_bulk_add(bulk, "pin:", unit, SPAN(VALUE));
}

static bool
gather(struct ctl_bulk *bulk, const struct ctl_rehearsal *rehearsal,
    struct ctl_world *world, struct error *error)
{
    struct ctl *ctl = rehearsal->ctl;
    struct span domain = span_of(rehearsal->domain);
    struct span *names = arena_take(ctl->arena, (rehearsal->count + 1) * sizeof(*names));
    size_t count = 0;

    for (size_t i = 0; i < rehearsal->count; i++) {
        if (rehearsal_result_is_of_mailbox(&rehearsal->people[i].result))
            names[count++] = rehearsal->people[i].address;
    }
    if (!ctl_world_add_domain(world, domain, error) ||
        !ctl_world_add_lists(world, domain, error) ||
        !ctl_world_add_names(world, names, count, error))
        return false;
    bulk->keys = allocate_array(count + 1, sizeof(*bulk->keys));
    bulk->values = allocate_array(count + 1, sizeof(*bulk->values));
    for (size_t i = 0; i < count; i++)
        add(bulk, world, names[i]);
    return true;
}

int
ctl_rehearsal_pin(struct ctl_rehearsal *rehearsal)
{
    struct ctl *ctl = rehearsal->ctl;
    struct ctl_bulk bulk = {.ctl = ctl, .file = ""};
    struct ctl_event event = {
        .domain = rehearsal->domain,
        .what = "pin",
        .to = VALUE,
        .why = ctl->arguments.values[CTL_WHY],
    };
    struct ctl_world world;
    struct error error;
    int status;

    ctl_world_open(&world, ctl);
    status = gather(&bulk, rehearsal, &world, &error) ? ctl_bulk_write(&bulk, &event)
                                                      : ctl_store_fail(ctl, &error);
    ctl_world_clear(&world);
    if (status == CTL_DONE)
        ctl_output_say(
            "%zu pin%s written: %s", bulk.count, bulk.count == 1 ? "" : "s", VALUE);
    free(bulk.keys);
    free(bulk.values);
    return status;
}
