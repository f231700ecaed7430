/*
 * unit_graph - addresses and what links them, and the units that follow from it.
 *
 * An alias joins always.  A group joins its members where it has at most 40; a larger one
 * is a list, no team.  A hub, an address with more than 100 links (groups count as one
 * each), joins nobody: who may read all boxes would make one unit of all.  What hangs
 * together is a unit up to 50 addresses; more are cut where few links cross: addresses
 * move to the piece that they have most links with, each address already in it counting a
 * hundredth of a link against it (a constant Potts model, so that large pieces have no
 * pull of their own), then pieces do the same, until nothing moves.
 *
 * Nothing depends on the order of links: the same links give the same units.
 */
#ifndef POLICYD_UNITS_UNIT_GRAPH_H
#define POLICYD_UNITS_UNIT_GRAPH_H

#include "policyd/units/unit_link.h"

enum {
    UNIT_GROUP_MAX = 40,
    UNIT_HUB_LINKS = 100,
    UNIT_ADDRESSES_MAX = 50,
    UNIT_GRAPH_LINKS_MAX = 8 << 20, /* with those that groups make */
};

struct unit_graph;

/* A link that stands for why somebody is where he is. */
struct unit_edge {
    size_t left; /* addresses by number */
    size_t right;
    enum unit_link_kind kind;
    unsigned file; /* as it was given */
    size_t line;
};

struct unit_graph *unit_graph_new(void);
void unit_graph_free(struct unit_graph *graph); /* NULL is fine */

/* Spans are copied; `left` of a MEMBER link is the name of the group. */
void unit_graph_link(struct unit_graph *graph, enum unit_link_kind kind, struct span left,
    struct span right, unsigned file, size_t line);

/* Once all links are there.  False: more links than the ceiling. */
bool unit_graph_settle(struct unit_graph *graph, struct error *error);

/* --- after that --- */

/* Addresses in order of their octets. */
size_t unit_graph_count(const struct unit_graph *graph);
struct span unit_graph_name(const struct unit_graph *graph, size_t i);

/* Units count from 0, in order of their first addresses; who is alone has one, too. */
size_t unit_graph_units(const struct unit_graph *graph);
size_t unit_graph_unit(const struct unit_graph *graph, size_t i);
bool unit_graph_is_hub(const struct unit_graph *graph, size_t i);

/* How address i came into its unit: the link towards `root`, which is of the same unit,
 * by the fewest links.  False for the root itself, and where no link within leads there.
 */
void unit_graph_root(struct unit_graph *graph, size_t root);
bool unit_graph_towards_root(
    const struct unit_graph *graph, size_t i, struct unit_edge *edge);

/* Links between different units, of which neither end is a hub. */
size_t unit_graph_cut_count(const struct unit_graph *graph);
bool unit_graph_cut(const struct unit_graph *graph, size_t i, struct unit_edge *edge);

struct unit_graph_told {
    size_t links;
    size_t groups;
    size_t large_groups; /* left out */
    size_t hubs;
};
struct unit_graph_told unit_graph_told(const struct unit_graph *graph);

#endif
