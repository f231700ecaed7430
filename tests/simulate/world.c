#include "tests/simulate/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t
chance_next(struct chance *chance)
{
    uint64_t z = (chance->state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

unsigned
chance_below(struct chance *chance, unsigned limit)
{
    return (unsigned)(chance_next(chance) % limit);
}

bool
chance_of(struct chance *chance, unsigned thousandths)
{
    return chance_below(chance, 1000) < thousandths;
}

void
world_tell(struct world *world, const char *format, ...)
{
    va_list arguments;

    if (!world->is_told)
        return;
    printf("%6lld  ", (long long)(world->now - START));
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

void
world_fault(struct world *world, const char *format, ...)
{
    va_list arguments;
    int used;

    if (world->fault[0] != '\0')
        return;
    used = snprintf(
        world->fault, sizeof(world->fault), "at %lld: ", (long long)(world->now - START));
    va_start(arguments, format);
    (void)vsnprintf(
        world->fault + used, sizeof(world->fault) - (size_t)used, format, arguments);
    va_end(arguments);
    world_tell(world, "FAULT %s", world->fault);
}

static void
set_text(struct hash *hash, const char *name, const char *value)
{
    hash_set(hash, span_of(name), span_of(value));
}

static void
set_up_site(struct world *world)
{
    struct redis_data *data = &world->redis.data;

    set_text(&data->domain, "old",
        world->old_is_site ? "site" : "cutover-old:[old.example]:25");
    set_text(&data->domain, "new", "cutover-new:[new.example]:25");
    set_text(&data->domain, "weight", "0");
    set_text(&data->domain, "rev", "1");
    set_text(&data->plan, "stages",
        chance_of(&world->chance, 300) ? "list:canary 30 70 100" : "30 70 100");
    set_text(&data->plan, "stays",
        strncmp(hash_get(&data->plan, "stages"), "list", 4) == 0 ? "8m 10m 10m 10m"
                                                                 : "10m 10m 10m");
    set_text(&data->plan, "slow", "95 10m");
    set_text(&data->plan, "fast", "50 4m");
    set_text(&data->plan, "min_success", "99");
    set_text(&data->plan, "max_delay", "2s");
    if (world->trouble > 0 && chance_of(&world->chance, 200))
        set_text(&data->plan, "max_misprovisioned", "3");
    if (world->has_window)
        set_text(&data->plan, "advance_window", "Tue 12:00-12:30, Tue 12:45-20:00");
    world->redis.is_up = true;
}

/* Some on old alone, some on neither. */
static void
set_up_mailboxes(struct world *world)
{
    struct backend *old = &world->backends[SIDE_OLD];
    struct backend *new = &world->backends[SIDE_NEW];
    unsigned lacking = chance_of(&world->chance, 500) ? 5 : 0;
    unsigned unknown = chance_of(&world->chance, 300) ? 5 : 0;

    for (unsigned i = 0; i < lacking; i++)
        new->lacks[chance_below(&world->chance, UNITS)] = true;
    for (unsigned i = 0; i < unknown; i++) {
        unsigned unit = chance_below(&world->chance, UNITS);

        old->lacks[unit] = new->lacks[unit] = true;
    }
}

void
world_new(struct world *world, uint64_t seed, size_t gateways, bool is_told)
{
    world->seed = seed;
    world->is_told = is_told;
    world->chance.state = seed;
    world->undo_chance.state = ~seed;
    world->now = START;
    world->ends = START + 2 * 3600;
    world->calm_from = START + 4800;
    world->gateway_count = 1 + chance_below(&world->chance, GATEWAYS_FEW);
    if (gateways > 0)
        world->gateway_count = gateways;
    world->has_hook = chance_of(&world->chance, 500);
    world->has_window = chance_of(&world->chance, 300);
    world->trouble = chance_below(&world->chance, 5);
    world->old_is_site = chance_of(&world->chance, 200);
    world->min_samples = 20;
    world->rate = 1 + chance_below(&world->chance, 2);
    world->backends[SIDE_OLD].delay_ms = 300;
    world->backends[SIDE_NEW].delay_ms = 300;
    set_up_site(world);
    set_up_mailboxes(world);
    for (size_t i = 0; i < world->gateway_count; i++) {
        struct gateway *gateway = &world->gateways[i];

        (void)snprintf(gateway->name, sizeof(gateway->name), "gw%zu", i);
        gateway->replica = replica_new();
        for (unsigned unit = 0; unit < 3; unit++) {
            char name[40];

            (void)snprintf(name, sizeof(name), "user%u@example.com", unit);
            (void)replica_put_member(
                gateway->replica, SPAN("example.com"), SPAN("canary"), span_of(name));
        }
        replica_set_loaded(gateway->replica);
        gateway->waiting = calloc(WAITING_MAX, sizeof(*gateway->waiting));
        if (gateway->waiting == NULL)
            abort();
        controller_start(world, &gateway->controller);
    }
}

void
world_free(struct world *world)
{
    for (size_t i = 0; i < world->gateway_count; i++) {
        controller_stop(&world->gateways[i].controller);
        replica_free(world->gateways[i].replica);
        free(world->gateways[i].waiting);
    }
    plan_series_clear(&world->redis.stats);
}

bool
world_run(struct world *world)
{
    world->redis.stats.slot_ms = SLOT_SECONDS * 1000;
    while (world->now < world->ends && world->fault[0] == '\0') {
        faults_tick(world);
        operators_tick(world);
        redis_tick(world);
        for (size_t i = 0; i < world->gateway_count; i++)
            gateway_tick(world, &world->gateways[i]);
        for (size_t i = 0; i < world->gateway_count; i++)
            controller_tick(world, &world->gateways[i]);
        checks_tick(world);
        world->now += TICK_SECONDS;
    }
    if (world->fault[0] == '\0')
        checks_at_end(world);
    if (world->fault[0] == '\0')
        undo_model_run(world);
    return world->fault[0] == '\0';
}
