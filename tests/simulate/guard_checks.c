/*
 * What has to hold of the misprovision guard, whatever happens: whoever lacks a mailbox
 * on new gets his mail on old, nobody else is pinned, and a side that refuses us stops it
 * within two minutes, without pins and after twenty questions.
 */
#include <string.h>

#include "tests/simulate/world.h"

enum {
    BURST_LEAST = 25, /* recipients refused at once: more than PLAN_ALIKE */
    STOPPED_SECONDS = 120,
    QUESTIONS_MOST = 20,
    WAIT_SECONDS = 900, /* two attempts, a minute and a flush */
    FULL = 10000,
    QUIET_SECONDS = 600,
};

void
checks_delivered(
    struct world *world, const struct message *message, enum domain_side side)
{
    struct truth *truth = &world->truth;

    truth->delivered[side]++;
    if (side == SIDE_NEW)
        undo_model_landed(world, message->unit);
    if (side == SIDE_NEW && truth->ledger[message->unit] == 0)
        truth->ledger[message->unit] = world->now;
}

void
checks_refused(struct world *world, struct gateway *gateway, unsigned unit)
{
    const struct backend *new = &world->backends[SIDE_NEW];
    bool is_asked = gateway->refused_at[unit] > world->now - GUARD_SECONDS_AGAIN - 60;

    gateway->refused_at[unit] = world->now;
    gateway->us_fresh += new->refuses_us && !is_asked;
    world->truth.lacks[unit] =
        world->truth.lacks[unit] || new->refuses_us || new->lacks[unit];
}

/* At 100 nothing goes back, and a site's own old can't be asked whom it knows. */
bool
checks_is_final(const struct world *world)
{
    return world->old_is_site && world->truth.weight == FULL;
}

static bool
is_whole(const struct world *world)
{
    return world->backends[SIDE_OLD].fails == 0 && world->backends[SIDE_NEW].fails == 0;
}

void
checks_burst(const struct world *world, struct gateway *gateway)
{
    if (world->now == world->us_began && gateway->us_fresh > BURST_LEAST &&
        gateway->troubled < world->now && is_whole(world) && !world->old_is_site &&
        gateway->controller.stopped[0] == '\0')
        gateway->us_at = world->now;
    gateway->us_fresh = 0;
}

/* A person said so (or what he said last was lost), or there is no plan that could be
 * stopped and it was quiet. */
static bool
may_ask_again(const struct world *world, const struct gateway *gateway)
{
    const char *state = hash_get(&world->redis.data.plan, "state");
    bool is_over = strcmp(state, "aborted") == 0 || strcmp(state, "rolled-back") == 0;

    return world->truth.may_forget || world->truth.told_to_go >= gateway->us_at ||
           (is_over && world->now >= gateway->us_at + QUIET_SECONDS);
}

void
checks_asked(struct world *world, struct gateway *gateway, unsigned unit)
{
    if (may_ask_again(world, gateway))
        gateway->us_at = 0;
    if (gateway->us_at == 0 || world->backends[SIDE_NEW].lacks[unit])
        return;
    if (++gateway->us_asked > QUESTIONS_MOST)
        world_fault(world, "%s asks on, though new refuses us", gateway->name);
}

void
checks_found(
    struct world *world, const struct gateway *gateway, unsigned unit, bool is_known)
{
    bool is_lacking = world->backends[SIDE_NEW].lacks[unit];

    if (!world->truth.lacks[unit])
        world_fault(world, "%s pins user%u, whom new takes", gateway->name, unit);
    if (is_known && world->backends[SIDE_OLD].lacks[unit])
        world_fault(world, "%s says that old knows user%u", gateway->name, unit);
    if (!is_known && !world->old_is_site && !world->backends[SIDE_OLD].lacks[unit])
        world_fault(world, "%s says that nobody knows user%u", gateway->name, unit);
    if (gateway->us_at > 0 && !is_lacking)
        world_fault(world, "%s pins user%u, though new refuses us", gateway->name, unit);
}

/* Without trouble the guard is all that is between a missing mailbox and its mail. */
static void
check_found_in_time(struct world *world, const struct gateway *gateway)
{
    for (size_t i = 0; i < gateway->waiting_count; i++) {
        const struct message *message = &gateway->waiting[i];

        if (message->since < world->now - WAIT_SECONDS &&
            !world->backends[SIDE_OLD].lacks[message->unit])
            world_fault(world, "mail for user%u, whom old knows, waits on %s",
                message->unit, gateway->name);
    }
}

static bool
goes_on(const struct world *world)
{
    const char *state = hash_get(&world->redis.data.plan, "state");

    return strcmp(state, "running") == 0 || strcmp(state, "waiting") == 0 ||
           strcmp(state, "done") == 0;
}

void
checks_guard(struct world *world, struct gateway *gateway)
{
    if (world->trouble == 0 && !checks_is_final(world))
        check_found_in_time(world, gateway);
    /* It may again, or it can't be known any more. */
    if (gateway->troubled >= gateway->us_at || !is_whole(world) ||
        may_ask_again(world, gateway) || !world->backends[SIDE_NEW].refuses_us)
        gateway->us_at = 0;
    if (gateway->us_at > 0 && world->now >= gateway->us_at + STOPPED_SECONDS &&
        goes_on(world))
        world_fault(world, "new refuses us, and the plan goes on");
}
