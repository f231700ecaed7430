#include "policyd/units/unit_cut.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"

enum { ROUNDS_MAX = 50, LEVELS_MAX = 20 };

/* One level: nodes, or pieces of the level before taken as nodes. */
struct level {
    uint32_t count;
    uint32_t most;
    uint32_t *sizes;
    uint32_t *starts; /* of a node's part in `ends` and `weights`; one more than nodes */
    uint32_t *ends;
    uint32_t *weights;
    uint32_t *pieces;
    uint32_t *totals; /* sizes of pieces */
    bool *settled;    /* nodes that don't move */
    /* While a node is looked at: its links by piece. */
    uint64_t *links;
    uint32_t *touched;
};

static int
compare_edges(const void *left, const void *right)
{
    const struct unit_cut_edge *a = left;
    const struct unit_cut_edge *b = right;

    if (a->left != b->left)
        return a->left < b->left ? -1 : 1;
    return a->right == b->right ? 0 : a->right < b->right ? -1 : 1;
}

/* Both ways, pairs added up, none from a node to itself; *count is what is left. */
static struct unit_cut_edge *
both_ways(const struct unit_cut_edge *edges, size_t *count)
{
    struct unit_cut_edge *all = allocate_array(*count * 2 + 1, sizeof(*all));
    size_t kept = 0;
    size_t n = 0;

    for (size_t i = 0; i < *count; i++) {
        if (edges[i].left == edges[i].right)
            continue;
        all[n++] = edges[i];
        all[n++] = (struct unit_cut_edge){edges[i].right, edges[i].left, edges[i].weight};
    }
    qsort(all, n, sizeof(*all), compare_edges);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && compare_edges(&all[kept - 1], &all[i]) == 0)
            all[kept - 1].weight += all[i].weight;
        else
            all[kept++] = all[i];
    }
    *count = kept;
    return all;
}

static void
level_init(struct level *level, size_t count, const uint32_t *sizes,
    const struct unit_cut_edge *edges, size_t edge_count, uint32_t most)
{
    struct unit_cut_edge *all = both_ways(edges, &edge_count);

    *level = (struct level){.count = (uint32_t)count, .most = most};
    level->sizes = allocate_array(count + 1, sizeof(uint32_t));
    level->starts = allocate_array(count + 2, sizeof(uint32_t));
    level->ends = allocate_array(edge_count + 1, sizeof(uint32_t));
    level->weights = allocate_array(edge_count + 1, sizeof(uint32_t));
    level->pieces = allocate_array(count + 1, sizeof(uint32_t));
    level->totals = allocate_array(count + 1, sizeof(uint32_t));
    level->settled = allocate_array(count + 1, sizeof(bool));
    level->links = allocate_array(count + 1, sizeof(uint64_t));
    level->touched = allocate_array(count + 1, sizeof(uint32_t));
    if (count > 0)
        memcpy(level->sizes, sizes, count * sizeof(uint32_t));
    for (size_t i = 0; i < edge_count; i++) {
        level->starts[all[i].left + 1]++;
        level->ends[i] = all[i].right;
        level->weights[i] = all[i].weight;
    }
    for (uint32_t i = 0; i < level->count; i++) {
        level->starts[i + 1] += level->starts[i];
        level->pieces[i] = i;
        level->totals[i] = level->sizes[i];
    }
    free(all);
}

static void
level_clear(struct level *level)
{
    free(level->sizes);
    free(level->starts);
    free(level->ends);
    free(level->weights);
    free(level->pieces);
    free(level->totals);
    free(level->settled);
    free(level->links);
    free(level->touched);
}

/* Links of a node by piece; gives how many pieces, its own among them. */
static uint32_t
gather(struct level *level, uint32_t node)
{
    uint32_t count = 0;

    level->touched[count++] = level->pieces[node];
    level->links[level->pieces[node]] = 0;
    for (uint32_t i = level->starts[node]; i < level->starts[node + 1]; i++) {
        uint32_t piece = level->pieces[level->ends[i]];

        if (level->links[piece] == 0 && piece != level->pieces[node])
            level->touched[count++] = piece;
        level->links[piece] += level->weights[i];
    }
    return count;
}

static int64_t
gain_of(const struct level *level, uint32_t node, uint32_t piece, uint32_t total)
{
    return (int64_t)level->links[piece] - (int64_t)level->sizes[node] * (int64_t)total;
}

/* Moves a node where it has most to gain; whether it moved. */
static bool
move(struct level *level, uint32_t node)
{
    uint32_t own = level->pieces[node];
    uint32_t size = level->sizes[node];
    uint32_t count = gather(level, node);
    uint32_t best = own;
    int64_t most = gain_of(level, node, own, level->totals[own] - size);

    for (uint32_t i = 1; i < count; i++) {
        uint32_t piece = level->touched[i];
        int64_t gain = gain_of(level, node, piece, level->totals[piece]);

        if (level->totals[piece] + size <= level->most &&
            (gain > most || (gain == most && best != own && piece < best))) {
            best = piece;
            most = gain;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        level->links[level->touched[i]] = 0;
    if (best == own)
        return false;
    level->totals[own] -= size;
    level->totals[best] += size;
    level->pieces[node] = best;
    return true;
}

static bool
move_all(struct level *level)
{
    bool moved_any = false;
    bool moved = true;

    for (int round = 0; moved && round < ROUNDS_MAX; round++) {
        moved = false;
        for (uint32_t node = 0; node < level->count; node++)
            moved |= !level->settled[node] && move(level, node);
        moved_any |= moved;
    }
    return moved_any;
}

/* What hangs together and fits is one piece, and settled. */
static void
settle_small(struct level *level)
{
    uint32_t *parents = allocate_array(level->count + 1, sizeof(*parents));
    uint64_t *sums = allocate_array(level->count + 1, sizeof(*sums));

    for (uint32_t i = 0; i < level->count; i++)
        parents[i] = i;
    for (uint32_t i = 0; i < level->count; i++) {
        for (uint32_t j = level->starts[i]; j < level->starts[i + 1]; j++) {
            uint32_t a = unit_cut_root(parents, i);
            uint32_t b = unit_cut_root(parents, level->ends[j]);

            parents[a > b ? a : b] = a < b ? a : b;
        }
    }
    for (uint32_t i = 0; i < level->count; i++)
        sums[unit_cut_root(parents, i)] += level->sizes[i];
    for (uint32_t i = 0; i < level->count; i++) {
        uint32_t root = unit_cut_root(parents, i);

        level->settled[i] = sums[root] <= level->most;
        if (!level->settled[i] || root == i)
            continue;
        level->pieces[i] = root;
        level->totals[i] -= level->sizes[i];
        level->totals[root] += level->sizes[i];
    }
    free(parents);
    free(sums);
}

/* The pieces of a level as nodes of the next; names[node] is the node that it becomes. */
static void
level_next(const struct level *level, uint32_t *names, struct level *next)
{
    uint32_t *sizes = allocate_array(level->count + 1, sizeof(*sizes));
    uint32_t *numbers = allocate_array(level->count + 1, sizeof(*numbers));
    struct unit_cut_edge *edges =
        allocate_array((size_t)level->starts[level->count] + 1, sizeof(*edges));
    size_t edge_count = 0;
    uint32_t count = 0;

    for (uint32_t i = 0; i < level->count; i++) {
        uint32_t piece = level->pieces[i];

        if (numbers[piece] == 0)
            numbers[piece] = ++count; /* one more than the number */
        names[i] = numbers[piece] - 1;
        sizes[names[i]] += level->sizes[i];
    }
    for (uint32_t i = 0; i < level->count; i++) {
        for (uint32_t j = level->starts[i]; j < level->starts[i + 1]; j++) {
            if (level->ends[j] > i)
                edges[edge_count++] = (struct unit_cut_edge){
                    names[i], names[level->ends[j]], level->weights[j]};
        }
    }
    level_init(next, count, sizes, edges, edge_count, level->most);
    free(sizes);
    free(numbers);
    free(edges);
}

/* Pieces move as nodes do; where they went is written back to the nodes of `level`. */
static bool
join_pieces(struct level *level)
{
    uint32_t *names = allocate_array(level->count + 1, sizeof(*names));
    uint32_t *firsts = allocate_array(level->count + 1, sizeof(*firsts));
    struct level next;
    bool moved;

    level_next(level, names, &next);
    moved = move_all(&next);
    memset(firsts, 0xff, (level->count + 1) * sizeof(*firsts));
    memset(level->totals, 0, level->count * sizeof(*level->totals));
    for (uint32_t i = 0; i < level->count; i++) {
        uint32_t piece = next.pieces[names[i]];

        if (firsts[piece] == UINT32_MAX)
            firsts[piece] = i;
        level->pieces[i] = firsts[piece];
        level->totals[firsts[piece]] += level->sizes[i];
    }
    level_clear(&next);
    free(names);
    free(firsts);
    return moved;
}

void
unit_cut(size_t count, const uint32_t *sizes, const struct unit_cut_edge *edges,
    size_t edge_count, uint32_t most, uint32_t *pieces)
{
    struct level level;

    assert(count < UINT32_MAX && edge_count < UINT32_MAX / 2);
    level_init(&level, count, sizes, edges, edge_count, most);
    settle_small(&level);
    for (int i = 0; i < LEVELS_MAX; i++) {
        bool moved = move_all(&level);

        if (!(join_pieces(&level) || moved))
            break;
    }
    if (count > 0)
        memcpy(pieces, level.pieces, count * sizeof(*pieces));
    level_clear(&level);
}

uint32_t
unit_cut_root(uint32_t *parents, uint32_t node)
{
    while (parents[node] != node) {
        parents[node] = parents[parents[node]];
        node = parents[node];
    }
    return node;
}
