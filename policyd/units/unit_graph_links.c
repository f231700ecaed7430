#include <assert.h>
#include <stdlib.h>

#include "policyd/units/unit_graph_inside.h"
#include "shared/base/allocate.h"

static int
compare_spans(const void *left, const void *right)
{
    return span_compare(*(const struct span *)left, *(const struct span *)right);
}

void
unit_graph_name_all(struct unit_graph *graph)
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

bool
unit_graph_add_edges(struct unit_graph *graph, struct error *error)
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
