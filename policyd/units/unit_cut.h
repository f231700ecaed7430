/*
 * unit_cut - a weighted graph into pieces of at most so many.
 *
 * What hangs together and is small enough stays whole; the rest is cut by the constant
 * Potts model that unit_graph.h describes.  The result depends on the numbers of the
 * nodes and on nothing else.
 */
#ifndef POLICYD_UNITS_UNIT_CUT_H
#define POLICYD_UNITS_UNIT_CUT_H

#include <stddef.h>
#include <stdint.h>

struct unit_cut_edge {
    uint32_t left;
    uint32_t right;
    uint32_t weight; /* in hundredths: what one more node in a piece counts against it */
};

/*
 * `sizes` of `count` nodes; edges in any order, several of a pair add up.  `pieces` gets
 * a number for each node: that of the piece's first node.  A node that is larger than
 * `most` stays alone.
 */
void unit_cut(size_t count, const uint32_t *sizes, const struct unit_cut_edge *edges,
    size_t edge_count, uint32_t most, uint32_t *pieces);

/* Nodes that hang together as a tree, a root being its own parent: the root of a node;
 * the way there is shortened. */
uint32_t unit_cut_root(uint32_t *parents, uint32_t node);

#endif
