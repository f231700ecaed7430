/*
 * unit_graph_inside - the state of unit_graph, for its own files: unit_graph.c, and
 * unit_graph_links.c, where what was given becomes addresses and links between them.
 */
#ifndef POLICYD_UNITS_UNIT_GRAPH_INSIDE_H
#define POLICYD_UNITS_UNIT_GRAPH_INSIDE_H

#include "policyd/units/unit_graph.h"
#include "shared/base/arena.h"

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

/* Addresses by number, in order of their octets. */
void unit_graph_name_all(struct unit_graph *graph);

/* Links between numbers, sorted; groups count as links between their members, hubs are
 * found.  False: more than the ceiling. */
bool unit_graph_add_edges(struct unit_graph *graph, struct error *error);

#endif
