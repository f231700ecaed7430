/*
 * simulate - schedules of mail, faults and orders around a plan, from seeds.
 *
 *     simulate [--schedules N] [--seed FIRST] [--gateways N] [--tell]
 *
 * A seed whose invariants do not hold is printed, and replays alone with --seed N
 * --schedules 1 --tell.  Exits 1 then.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulate/world.h"

struct sums {
    uint64_t advances;
    uint64_t rollbacks;
    uint64_t freezes;
    uint64_t done;
    uint64_t pins;
    uint64_t accepted;
};

static bool
run_one(uint64_t seed, size_t gateways, bool is_told, struct sums *sums)
{
    struct world *world = calloc(1, sizeof(*world));
    bool holds;

    if (world == NULL)
        abort();
    world_new(world, seed, gateways, is_told);
    holds = world_run(world);
    if (!holds)
        printf("seed %" PRIu64 ": %s\n", seed, world->fault);
    sums->advances += world->truth.advances;
    sums->rollbacks += world->truth.rollbacks;
    sums->freezes += world->truth.freezes;
    sums->accepted += world->truth.accepted;
    sums->pins += world->truth.pins;
    sums->done += strcmp(hash_get(&world->redis.data.plan, "state"), "done") == 0;
    world_free(world);
    free(world);
    return holds;
}

int
main(int argc, char **argv)
{
    uint64_t schedules = 1000;
    uint64_t first = 1;
    uint64_t gateways = 0;
    bool is_told = false;
    uint64_t bad = 0;
    struct sums sums = {0};

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--tell") == 0) {
            is_told = true;
        } else if (strcmp(argv[i], "--schedules") == 0 && i + 1 < argc) {
            schedules = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            first = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--gateways") == 0 && i + 1 < argc) {
            gateways = strtoull(argv[++i], NULL, 10);
        } else {
            (void)fprintf(stderr,
                "usage: simulate [--schedules N] [--seed N] [--gateways N] "
                "[--tell]\n");
            return 2;
        }
    }
    if (gateways > GATEWAYS_MAX) {
        (void)fprintf(stderr, "simulate: %d gateways at most\n", GATEWAYS_MAX);
        return 2;
    }
    for (uint64_t i = 0; i < schedules && bad < 10; i++)
        bad += !run_one(first + i, (size_t)gateways, is_told, &sums);
    printf("%" PRIu64 " schedules from seed %" PRIu64 ": %" PRIu64 " advances, %" PRIu64
           " rollbacks, %" PRIu64 " freezes, %" PRIu64 " done, %" PRIu64
           " messages, %" PRIu64 " pins of the guard's; %" PRIu64 " failed\n",
        schedules, first, sums.advances, sums.rollbacks, sums.freezes, sums.done,
        sums.accepted, sums.pins, bad);
    return bad > 0;
}
