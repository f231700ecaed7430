#include "policyd/units/unit_graph.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/units/unit_cut.h"
#include "shared/base/allocate.h"
#include "shared/base/arena.h"

enum { TEXTS_MAX = 1 << 30, LINK_WEIGHT = 100 };

/* As it was given. */
struct given {
    struct span left;
    struct span right;
    enum unit_link_kind kind;
    unsigned file;
    size_t line;
};

struct unit_graph {
    struct arena *arena;
    struct given *given;
    size_t given_count;
    size_t given_room;
    /* Settled. */
    struct span *names;
    size_t count;
    struct unit_edge *edges;
    size_t edge_count;
    size_t edge_room;
    bool *hubs;
    size_t *units;
    size_t unit_count;
    size_t *starts; /* of an address' part in `near`, edges by number */
    size_t *near;
    size_t *towards; /* edge towards the root, and one more; 0: none */
    size_t *cuts;
    size_t cut_count;
    struct unit_graph_told told;
};

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

/* --- names --- */

static int
compare_spans(const void *left, const void *right)
{
    return span_compare(*(const struct span *)left, *(const struct span *)right);
}

static void
name_all(struct unit_graph *graph)
{
    struct span *names = allocate_array(graph->given_count * 2 + 1, sizeof(*names));
    size_t count = 0;
    size_t kept = 0;

    for (size_t i = 0; i < graph->given_count; i++) {
        if (graph->given[i].kind != UNIT_LINK_MEMBER)
            names[count++] = graph->given[i].left;
        names[count++] = graph->given[i].right;
    }
    qsort(names, count, sizeof(*names), compare_spans);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || !span_equal(names[kept - 1], names[i]))
            names[kept++] = names[i];
    }
    graph->names = names;
    graph->count = kept;
    graph->hubs = allocate_array(kept + 1, sizeof(*graph->hubs));
    graph->units = allocate_array(kept + 1, sizeof(*graph->units));
    graph->towards = allocate_array(kept + 1, sizeof(*graph->towards));
}

static size_t
number_of(const struct unit_graph *graph, struct span name)
{
    const struct span *found =
        bsearch(&name, graph->names, graph->count, sizeof(name), compare_spans);

    assert(found != NULL);
    return (size_t)(found - graph->names);
}

/* --- edges --- */

static void
add_edge(struct unit_graph *graph, size_t left, size_t right, const struct given *given)
{
    if (left == right)
        return;
    graph->edges = allocate_more(
        graph->edges, graph->edge_count, &graph->edge_room, sizeof(*graph->edges));
    graph->edges[graph->edge_count++] = (struct unit_edge){
        .left = left < right ? left : right,
        .right = left < right ? right : left,
        .kind = given->kind,
        .file = given->file,
        .line = given->line,
    };
}

static int
compare_members(const void *left, const void *right)
{
    const struct given *a = left;
    const struct given *b = right;
    int order = span_compare(a->left, b->left);

    if (order == 0)
        order = span_compare(a->right, b->right);
    return order != 0 ? order : a->line < b->line ? -1 : a->line > b->line;
}

/* Members of one group, sorted; each once. */
static void
add_group(
    struct unit_graph *graph, const struct given *members, size_t count, size_t *degrees)
{
    size_t numbers[UNIT_GROUP_MAX];
    size_t lines[UNIT_GROUP_MAX];
    size_t kept = 0;

    graph->told.groups++;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && span_equal(members[i].right, members[i - 1].right))
            continue;
        if (kept == UNIT_GROUP_MAX) {
            graph->told.large_groups++;
            return;
        }
        lines[kept] = i;
        numbers[kept++] = number_of(graph, members[i].right);
    }
    for (size_t i = 0; i < kept; i++) {
        degrees[numbers[i]]++;
        for (size_t j = i + 1; j < kept; j++)
            add_edge(graph, numbers[i], numbers[j], &members[lines[j]]);
    }
}

static void
add_groups(struct unit_graph *graph, size_t *degrees)
{
    struct given *members = allocate_array(graph->given_count + 1, sizeof(*members));
    size_t count = 0;
    size_t begin = 0;

    for (size_t i = 0; i < graph->given_count; i++) {
        if (graph->given[i].kind == UNIT_LINK_MEMBER)
            members[count++] = graph->given[i];
    }
    qsort(members, count, sizeof(*members), compare_members);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && span_equal(members[i].left, members[i + 1].left))
            continue;
        add_group(graph, members + begin, i + 1 - begin, degrees);
        begin = i + 1;
    }
    free(members);
}

static int
compare_edges(const void *left, const void *right)
{
    const struct unit_edge *a = left;
    const struct unit_edge *b = right;

    if (a->left != b->left)
        return a->left < b->left ? -1 : 1;
    if (a->right != b->right)
        return a->right < b->right ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->file != b->file)
        return a->file < b->file ? -1 : 1;
    return a->line < b->line ? -1 : a->line > b->line;
}

/* A hub is told by those that it is linked with directly, and by its groups. */
static void
find_hubs(struct unit_graph *graph, size_t *degrees)
{
    const struct unit_edge *last = NULL;

    for (size_t i = 0; i < graph->edge_count; i++) {
        const struct unit_edge *edge = &graph->edges[i];

        if (edge->kind == UNIT_LINK_MEMBER || edge->kind == UNIT_LINK_KEPT ||
            (last != NULL && last->left == edge->left && last->right == edge->right))
            continue;
        last = edge;
        degrees[edge->left]++;
        degrees[edge->right]++;
    }
    for (size_t i = 0; i < graph->count; i++) {
        graph->hubs[i] = degrees[i] > UNIT_HUB_LINKS;
        graph->told.hubs += graph->hubs[i];
    }
}

static bool
joins(const struct unit_graph *graph, const struct unit_edge *edge)
{
    return !graph->hubs[edge->left] && !graph->hubs[edge->right];
}

static bool
add_edges(struct unit_graph *graph, struct error *error)
{
    size_t *degrees = allocate_array(graph->count + 1, sizeof(*degrees));
    bool few;

    for (size_t i = 0; i < graph->given_count; i++) {
        const struct given *given = &graph->given[i];

        if (given->kind != UNIT_LINK_MEMBER)
            add_edge(graph, number_of(graph, given->left), number_of(graph, given->right),
                given);
    }
    graph->told.links = graph->edge_count;
    add_groups(graph, degrees);
    few = graph->edge_count <= UNIT_GRAPH_LINKS_MAX;
    if (few) {
        if (graph->edge_count > 0)
            qsort(graph->edges, graph->edge_count, sizeof(*graph->edges), compare_edges);
        find_hubs(graph, degrees);
    }
    free(degrees);
    return few || error_permanent(error, "more than %d links", UNIT_GRAPH_LINKS_MAX);
}

/* --- units --- */

static uint32_t
find_root(uint32_t *parents, uint32_t node)
{
    while (parents[node] != node) {
        parents[node] = parents[parents[node]];
        node = parents[node];
    }
    return node;
}

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
        a = find_root(parents, (uint32_t)edge->left);
        b = find_root(parents, (uint32_t)edge->right);
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
        uint32_t piece = pieces[find_root(parents, i)];

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
                find_root(parents, (uint32_t)edge->left),
                find_root(parents, (uint32_t)edge->right),
                weight_of(edge, degrees),
            };
    }
    for (uint32_t i = 0; i < graph->count; i++) {
        if (find_root(parents, i) != i)
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
    name_all(graph);
    if (!add_edges(graph, error))
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
