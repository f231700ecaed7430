/*
 * ctl_unit_sources - the files of `unit load` and `unit why`, read into links between
 * canonical addresses of our domains.
 */
#ifndef POLICYD_CTL_CTL_UNIT_SOURCES_H
#define POLICYD_CTL_CTL_UNIT_SOURCES_H

#include "policyd/ctl/ctl_units.h"
#include "policyd/units/unit_graph.h"

enum { CTL_UNIT_DOMAINS_MAX = 1000 };

struct ctl_unit_sources {
    struct ctl *ctl;
    const char *const *files; /* as they were named; what the links' `file` counts */
    size_t file_count;
    struct unit_graph *graph; /* NULL: the files are orders */
    struct ctl_units orders;
    const char *domains[CTL_UNIT_DOMAINS_MAX]; /* of the addresses linked */
    size_t domain_count;

    /* While they are read. */
    size_t file;
    bool is_order;
    size_t odd;       /* lines of this file that were left out */
    size_t elsewhere; /* links between two domains */
    size_t wrong;     /* lines of orders that are none */
    struct error trouble;
};

/* Reads all; CTL_DONE, or the exit code with all said. */
int ctl_unit_sources_read(struct ctl_unit_sources *sources, struct ctl *ctl,
    const char *const *files, size_t count);
void ctl_unit_sources_clear(struct ctl_unit_sources *sources);

/* "delegate, permissions.csv:12", in the arena. */
const char *ctl_unit_sources_edge(
    const struct ctl_unit_sources *sources, const struct unit_edge *edge);

#endif
