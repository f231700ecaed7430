/*
 * Any file of a site's: links have two ends, and what hangs together stays below the
 * ceiling.
 */
#include <assert.h>
#include <stdlib.h>

#include "policyd/units/unit_graph.h"
#include "policyd/units/unit_source.h"
#include "shared/base/allocate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
take_link(void *argument, enum unit_link_kind kind, struct span left, struct span right,
    size_t line)
{
    assert(left.length > 0 && right.length > 0 && line > 0);
    unit_graph_link(argument, kind, left, right, 0, line);
}

static void
left_out(void *argument, const char *why, struct span text, size_t line)
{
    (void)argument;
    (void)text;
    assert(why != NULL && line > 0);
}

static void
check_units(const struct unit_graph *graph)
{
    size_t *sizes = allocate_array(unit_graph_units(graph) + 1, sizeof(*sizes));

    for (size_t i = 0; i < unit_graph_count(graph); i++)
        assert(++sizes[unit_graph_unit(graph, i)] <= UNIT_ADDRESSES_MAX);
    free(sizes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct unit_graph *graph = unit_graph_new();
    const struct unit_reader reader = {take_link, left_out, graph, "example.com"};
    struct error error;
    struct span text;

    if (size > 0) {
        text = span_make(data + 1, size - 1);
        (void)unit_format_guess(text);
        (void)unit_source_read((enum unit_format)(data[0] % 4), text, &reader, &error);
        if (unit_graph_settle(graph, &error))
            check_units(graph);
    }
    unit_graph_free(graph);
    return 0;
}
