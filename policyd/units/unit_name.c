#include "policyd/units/unit_name.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"

enum { POINTS = 100, HUNDREDTHS = 100 };

/* How many addresses stand below each whole weight, less how many should. */
struct balance {
    double off[POINTS + 1];
};

static void
place(struct balance *balance, unsigned bucket, size_t size)
{
    for (unsigned point = 0; point <= POINTS; point++) {
        double should = (double)size * point / POINTS;

        balance->off[point] += (bucket < point * HUNDREDTHS ? (double)size : 0) - should;
    }
}

/* cost[point]: what a bucket at that whole weight would add to the sum of squares. */
static void
weigh(const struct balance *balance, size_t size, double cost[POINTS + 1])
{
    double below = 0;

    for (unsigned point = POINTS + 1; point-- > 0;) {
        double off = balance->off[point] - (double)size * point / POINTS;

        cost[point] = below;
        below += 2 * (double)size * off + (double)size * (double)size;
    }
}

static size_t
moved_by(
    const struct unit_member *members, size_t count, unsigned bucket, unsigned weight)
{
    size_t moved = 0;

    for (size_t i = 0; i < count; i++)
        moved += members[i].now != UNIT_NAME_UNKNOWN &&
                 (members[i].now < weight) != (bucket < weight);
    return moved;
}

static void
choose(struct balance *balance, const struct unit_member *members,
    struct unit_range *range, unsigned weight)
{
    double cost[POINTS + 1];
    size_t fewest = SIZE_MAX;
    double best = 0;

    weigh(balance, range->count, cost);
    range->name = range->first;
    for (size_t i = range->first; i < range->first + range->count; i++) {
        unsigned bucket = members[i].bucket;
        size_t moved =
            weight == 0 ? 0
                        : moved_by(members + range->first, range->count, bucket, weight);
        double now = cost[bucket / HUNDREDTHS];

        if (moved < fewest || (moved == fewest && now < best)) {
            fewest = moved;
            best = now;
            range->name = i;
        }
    }
    place(balance, members[range->name].bucket, range->count);
}

/* How many of a range are in that unit today. */
static size_t
count_of(const struct unit_member *members, const struct unit_range *range, size_t unit)
{
    size_t count = 0;

    for (size_t i = range->first; i < range->first + range->count; i++)
        count += members[i].unit == unit;
    return count;
}

/* The name that most of it have today, unless another range has taken it. */
static bool
keep(struct balance *balance, const struct unit_member *members, struct unit_range *range,
    bool *taken)
{
    size_t most = 0;

    range->name = range->first;
    range->keeps_unit = false;
    for (size_t i = range->first; i < range->first + range->count; i++) {
        size_t unit = members[i].unit;
        size_t have = unit == 0 || taken[unit] ? 0 : count_of(members, range, unit);

        if (have > most) {
            most = have;
            range->name = i;
            range->keeps_unit = true;
        }
    }
    if (range->keeps_unit)
        taken[members[range->name].unit] = true;
    else if (range->count > 1)
        return false;
    place(balance,
        range->keeps_unit ? members[range->name].now : members[range->name].bucket,
        range->count);
    return true;
}

static int
compare_ranges(const void *left, const void *right)
{
    const struct unit_range *a = *(struct unit_range *const *)left;
    const struct unit_range *b = *(struct unit_range *const *)right;

    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return a->first < b->first ? -1 : a->first > b->first;
}

/* Large ones first: small ones then even out what they left. */
void
unit_name_choose(const struct unit_member *members, struct unit_range *ranges,
    size_t count, size_t units, unsigned weight)
{
    bool *taken = allocate_array(units + 1, sizeof(*taken));
    struct unit_range **open = allocate_array(count + 1, sizeof(struct unit_range *));
    struct balance balance = {{0}};
    size_t open_count = 0;

    for (size_t i = 0; i < count; i++) {
        if (!keep(&balance, members, &ranges[i], taken))
            open[open_count++] = &ranges[i];
    }
    qsort(open, open_count, sizeof(struct unit_range *), compare_ranges);
    for (size_t i = 0; i < open_count; i++)
        choose(&balance, members, open[i], weight);
    free(open);
    free(taken);
}
