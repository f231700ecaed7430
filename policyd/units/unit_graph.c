#include "policyd/units/unit_graph.h"

#include <stdlib.h>

#include "policyd/units/unit_cut.h"
#include "policyd/units/unit_graph_inside.h"
#include "shared/base/allocate.h"

enum { TEXTS_MAX = 1 << 30, LINK_WEIGHT = 100 };

struct unit_graph *
unit_graph_new(void)
{
    struct unit_graph *graph = allocate(sizeof(*graph));

    graph->arena = arena_new(TEXTS_MAX);
    return graph;
}

void
unit_graph_free(struct unit_graph *graph)
{
    if (graph == NULL)
        return;
    arena_free(graph->arena);
    free(graph->given);
    free(graph->names);
    free(graph->edges);
    free(graph->hubs);
    free(graph->units);
    free(graph->starts);
    free(graph->near);
    free(graph->towards);
    free(graph->cuts);
    free(graph);
}

void
unit_graph_link(struct unit_graph *graph, enum unit_link_kind kind, struct span left,
    struct span right, unsigned file, size_t line)
{
    graph->given = allocate_more(
        graph->given, graph->given_count, &graph->given_room, sizeof(*graph->given));
    graph->given[graph->given_count++] = (struct given){
        arena_span(graph->arena, left),
        arena_span(graph->arena, right),
        kind,
        file,
        line,
    };
}

static bool
joins(const struct unit_graph *graph, const struct unit_edge *edge)
{
    return !graph->hubs[edge->left] && !graph->hubs[edge->right];
}

/* --- units --- */

/* Each address' person: names of one person are one node, whatever else is cut. */
static void
join_aliases(const struct unit_graph *graph, uint32_t *parents, uint32_t *sizes)
{
    for (uint32_t i = 0; i < graph->count; i++) {
        parents[i] = i;
        sizes[i] = 1;
    }
    for (size_t i = 0; i < graph->edge_count; i++) {
        const struct unit_edge *edge = &graph->edges[i];
        uint32_t a;
        uint32_t b;

        if (edge->kind != UNIT_LINK_ALIAS || !joins(graph, edge))
            continue;
        a = unit_cut_root(parents, (uint32_t)edge->left);
        b = unit_cut_root(parents, (uint32_t)edge->right);
        if (a == b || sizes[a] + sizes[b] > UNIT_ADDRESSES_MAX)
            continue;
        parents[a > b ? a : b] = a < b ? a : b;
        sizes[a < b ? a : b] += sizes[a > b ? a : b];
    }
}

static void
number_units(struct unit_graph *graph, const uint32_t *pieces, uint32_t *parents)
{
    size_t *numbers = allocate_array(graph->count + 1, sizeof(*numbers));

    for (uint32_t i = 0; i < graph->count; i++) {
        uint32_t piece = pieces[unit_cut_root(parents, i)];

        if (numbers[piece] == 0)
            numbers[piece] = ++graph->unit_count;
        graph->units[i] = numbers[piece] - 1;
    }
    free(numbers);
}

/* In hundredths.  A link with somebody who has many counts up to twice: he is the box
 * that others share.  What is one unit now stays so, where nothing stronger speaks
 * against it. */
static uint32_t
weight_of(const struct unit_edge *edge, const uint32_t *degrees)
{
    uint32_t left = degrees[edge->left];
    uint32_t most = degrees[edge->right] > left ? degrees[edge->right] : left;

    if (edge->kind == UNIT_LINK_KEPT)
        return 4 * LINK_WEIGHT;
    return LINK_WEIGHT + (most < LINK_WEIGHT / 2 ? 2 * most : LINK_WEIGHT);
}

static void
cut(struct unit_graph *graph)
{
    uint32_t *parents = allocate_array(graph->count + 1, sizeof(*parents));
    uint32_t *sizes = allocate_array(graph->count + 1, sizeof(*sizes));
    uint32_t *pieces = allocate_array(graph->count + 1, sizeof(*pieces));
    struct unit_cut_edge *edges = allocate_array(graph->edge_count + 1, sizeof(*edges));
    uint32_t *degrees = allocate_array(graph->count + 1, sizeof(*degrees));
    size_t count = 0;

    join_aliases(graph, parents, sizes);
    for (size_t i = 0; i < graph->edge_count; i++) {
        degrees[graph->edges[i].left]++;
        degrees[graph->edges[i].right]++;
    }
    for (size_t i = 0; i < graph->edge_count; i++) {
        const struct unit_edge *edge = &graph->edges[i];

        if (joins(graph, edge))
            edges[count++] = (struct unit_cut_edge){
                unit_cut_root(parents, (uint32_t)edge->left),
                unit_cut_root(parents, (uint32_t)edge->right),
                weight_of(edge, degrees),
            };
    }
    for (uint32_t i = 0; i < graph->count; i++) {
        if (unit_cut_root(parents, i) != i)
            sizes[i] = 0;
    }
    unit_cut(graph->count, sizes, edges, count, UNIT_ADDRESSES_MAX, pieces);
    number_units(graph, pieces, parents);
    free(parents);
    free(sizes);
    free(pieces);
    free(edges);
    free(degrees);
}

/* --- what is near --- */

static void
list_near(struct unit_graph *graph)
{
    size_t *next = allocate_array(graph->count + 1, sizeof(*next));

    graph->starts = allocate_array(graph->count + 2, sizeof(*graph->starts));
    graph->near = allocate_array(graph->edge_count * 2 + 1, sizeof(*graph->near));
    graph->cuts = allocate_array(graph->edge_count + 1, sizeof(*graph->cuts));
    for (size_t i = 0; i < graph->edge_count; i++) {
        graph->starts[graph->edges[i].left + 1]++;
        graph->starts[graph->edges[i].right + 1]++;
    }
    for (size_t i = 0; i < graph->count; i++) {
        graph->starts[i + 1] += graph->starts[i];
        next[i] = graph->starts[i];
    }
    for (size_t i = 0; i < graph->edge_count; i++) {
        const struct unit_edge *edge = &graph->edges[i];

        graph->near[next[edge->left]++] = i;
        graph->near[next[edge->right]++] = i;
        if (joins(graph, edge) && graph->units[edge->left] != graph->units[edge->right])
            graph->cuts[graph->cut_count++] = i;
    }
    free(next);
}

bool
unit_graph_settle(struct unit_graph *graph, struct error *error)
{
    unit_graph_name_all(graph);
    if (!unit_graph_add_edges(graph, error))
        return false;
    cut(graph);
    list_near(graph);
    return true;
}

size_t
unit_graph_count(const struct unit_graph *graph)
{
    return graph->count;
}

struct span
unit_graph_name(const struct unit_graph *graph, size_t i)
{
    return graph->names[i];
}

size_t
unit_graph_units(const struct unit_graph *graph)
{
    return graph->unit_count;
}

size_t
unit_graph_unit(const struct unit_graph *graph, size_t i)
{
    return graph->units[i];
}

bool
unit_graph_is_hub(const struct unit_graph *graph, size_t i)
{
    return graph->hubs[i];
}

/* Breadth first. */
void
unit_graph_root(struct unit_graph *graph, size_t root)
{
    size_t line[UNIT_ADDRESSES_MAX];
    size_t count = 0;

    graph->towards[root] = 0;
    line[count++] = root;
    for (size_t at = 0; at < count; at++) {
        size_t node = line[at];

        for (size_t i = graph->starts[node]; i < graph->starts[node + 1]; i++) {
            const struct unit_edge *edge = &graph->edges[graph->near[i]];
            size_t other = edge->left == node ? edge->right : edge->left;

            if (other == root || graph->towards[other] != 0 || !joins(graph, edge) ||
                graph->units[other] != graph->units[root] || count == UNIT_ADDRESSES_MAX)
                continue;
            graph->towards[other] = graph->near[i] + 1;
            line[count++] = other;
        }
    }
}

bool
unit_graph_towards_root(const struct unit_graph *graph, size_t i, struct unit_edge *edge)
{
    if (graph->towards[i] == 0)
        return false;
    *edge = graph->edges[graph->towards[i] - 1];
    return true;
}

size_t
unit_graph_cut_count(const struct unit_graph *graph)
{
    return graph->cut_count;
}

bool
unit_graph_cut(const struct unit_graph *graph, size_t i, struct unit_edge *edge)
{
    if (i >= graph->cut_count)
        return false;
    *edge = graph->edges[graph->cuts[i]];
    return true;
}

struct unit_graph_told
unit_graph_told(const struct unit_graph *graph)
{
    return graph->told;
}
