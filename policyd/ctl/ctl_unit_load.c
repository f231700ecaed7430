/*
 * unit load: who moves together, by files of the site's own.
 */
#include <stdlib.h>
#include <string.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_unit_sources.h"
#include "policyd/ctl/ctl_walk.h"
#include "policyd/routing/bucket.h"
#include "policyd/units/unit_name.h"
#include "shared/base/allocate.h"

enum { SHOWN_MAX = 10 };

/* An address of the graph, with what Redis says of it today. */
struct standing {
    struct span unit; /* of its key; empty: none */
};

struct loading {
    struct ctl *ctl;
    struct ctl_unit_sources sources;
    struct unit_graph *graph; /* of the sources */
    struct standing *standings;
    size_t *members; /* addresses by number, unit after unit */
    struct unit_member *known;
    struct unit_range *ranges;
    struct span *units; /* of today, by number less one */
    size_t unit_count;
    size_t *order; /* units of the graph, by domain */
};

/* --- what is there --- */

static bool
is_of_ours(const struct ctl_unit_sources *sources, struct span address)
{
    size_t at = span_find_last(address, '@');

    for (size_t i = 0; at != SPAN_NONE && i < sources->domain_count; i++) {
        if (span_is(span_from(address, at + 1), sources->domains[i]))
            return true;
    }
    return false;
}

/* Members of a unit that is there stay together: the name is a node like theirs. */
static void
take_unit(void *argument, struct span name, struct span value)
{
    struct loading *loading = argument;

    if (is_of_ours(&loading->sources, name) && value.length > 0 &&
        !span_equal(name, value))
        unit_graph_link(loading->graph, UNIT_LINK_KEPT, name, value, UINT32_MAX, 0);
}

static size_t
find_address(const struct unit_graph *graph, struct span name)
{
    size_t low = 0;
    size_t high = unit_graph_count(graph);

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = span_compare(unit_graph_name(graph, middle), name);

        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

static void
note_unit(void *argument, struct span name, struct span value)
{
    struct loading *loading = argument;
    size_t i = is_of_ours(&loading->sources, name) ? find_address(loading->graph, name)
                                                   : SIZE_MAX;

    if (i != SIZE_MAX)
        loading->standings[i].unit = arena_span(loading->ctl->arena, value);
}

/* --- layout --- */

static struct span
domain_of(const struct loading *loading, size_t unit)
{
    const struct unit_range *range = &loading->ranges[unit];

    for (size_t i = range->first; i < range->first + range->count; i++) {
        struct span name = unit_graph_name(loading->graph, loading->members[i]);
        size_t at = span_find_last(name, '@');

        if (at != SPAN_NONE)
            return span_from(name, at + 1);
    }
    return SPAN("");
}

static int
compare_texts(const void *left, const void *right)
{
    return span_compare(*(const struct span *)left, *(const struct span *)right);
}

/* Names of units there are today, sorted, each once. */
static void
number_units(struct loading *loading)
{
    size_t count = unit_graph_count(loading->graph);
    size_t kept = 0;
    size_t n = 0;

    loading->units = allocate_array(count * 2 + 1, sizeof(*loading->units));
    for (size_t i = 0; i < count; i++) {
        if (loading->standings[i].unit.length > 0)
            loading->units[n++] = loading->standings[i].unit;
    }
    qsort(loading->units, n, sizeof(*loading->units), compare_texts);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || !span_equal(loading->units[kept - 1], loading->units[i]))
            loading->units[kept++] = loading->units[i];
    }
    loading->unit_count = kept;
}

/* From 1; 0: none. */
static size_t
unit_number(const struct loading *loading, struct span name)
{
    const struct span *found =
        bsearch(&name, loading->units, loading->unit_count, sizeof(name), compare_texts);

    return found == NULL ? 0 : (size_t)(found - loading->units) + 1;
}

static void
lay_out(struct loading *loading)
{
    size_t count = unit_graph_count(loading->graph);
    size_t units = unit_graph_units(loading->graph);
    size_t *next = allocate_array(units + 1, sizeof(*next));

    loading->members = allocate_array(count + 1, sizeof(*loading->members));
    loading->known = allocate_array(count + 1, sizeof(*loading->known));
    loading->ranges = allocate_array(units + 1, sizeof(*loading->ranges));
    loading->order = allocate_array(units + 1, sizeof(*loading->order));
    for (size_t i = 0; i < count; i++)
        loading->ranges[unit_graph_unit(loading->graph, i)].count++;
    for (size_t i = 0; i < units; i++) {
        loading->order[i] = i;
        loading->ranges[i].first =
            i == 0 ? 0 : loading->ranges[i - 1].first + loading->ranges[i - 1].count;
        next[i] = loading->ranges[i].first;
    }
    for (size_t i = 0; i < count; i++)
        loading->members[next[unit_graph_unit(loading->graph, i)]++] = i;
    free(next);
}

static void
know_members(struct loading *loading, size_t unit)
{
    const struct unit_range *range = &loading->ranges[unit];
    struct span domain = domain_of(loading, unit);

    for (size_t i = range->first; i < range->first + range->count; i++) {
        struct span name = unit_graph_name(loading->graph, loading->members[i]);
        struct span today = loading->standings[loading->members[i]].unit;

        /* The name of a unit stands for it. */
        if (today.length == 0 && unit_number(loading, name) > 0)
            today = name;
        loading->known[i] = (struct unit_member){
            .bucket = bucket_of(domain, name),
            .now = bucket_of(domain, today.length > 0 ? today : name),
            .unit = unit_number(loading, today),
        };
    }
}

/* --- names --- */

static int
compare_domains(const void *left, const void *right, void *argument)
{
    const struct loading *loading = argument;
    size_t a = *(const size_t *)left;
    size_t b = *(const size_t *)right;
    int order = span_compare(domain_of(loading, a), domain_of(loading, b));

    return order != 0 ? order : a < b ? -1 : a > b;
}

/* In hundredths; 0 where nobody is on new by it. */
static bool
weight_of(struct ctl *ctl, struct span domain, unsigned *weight, struct error *error)
{
    struct ctl_domain found;

    *weight = 0;
    if (!ctl_store_domain(ctl, domain, &found, error))
        return false;
    if (found.state != NULL && found.state->mode == DOMAIN_MODE_SPLIT)
        *weight = found.state->weight;
    ctl_domain_clear(&found);
    return true;
}

/* Units order[begin..end-1], which are of one domain. */
static bool
name_domain(struct loading *loading, size_t begin, size_t end, struct error *error)
{
    struct unit_range *ranges = allocate_array(end - begin, sizeof(*ranges));
    unsigned weight;
    bool known = weight_of(
        loading->ctl, domain_of(loading, loading->order[begin]), &weight, error);

    for (size_t i = begin; i < end; i++)
        ranges[i - begin] = loading->ranges[loading->order[i]];
    if (known)
        unit_name_choose(
            loading->known, ranges, end - begin, loading->unit_count, weight);
    for (size_t i = begin; i < end; i++)
        loading->ranges[loading->order[i]] = ranges[i - begin];
    free(ranges);
    return known;
}

static bool
name_units(struct loading *loading, struct error *error)
{
    size_t units = unit_graph_units(loading->graph);
    size_t begin = 0;

    for (size_t i = 0; i < units; i++)
        know_members(loading, i);
    qsort_r(loading->order, units, sizeof(*loading->order), compare_domains, loading);
    for (size_t i = 0; i < units; i++) {
        if (i + 1 < units && span_equal(domain_of(loading, loading->order[i]),
                                 domain_of(loading, loading->order[i + 1])))
            continue;
        if (!name_domain(loading, begin, i + 1, error))
            return false;
        begin = i + 1;
    }
    return true;
}

/* --- what follows --- */

static void
wish(struct loading *loading, size_t unit)
{
    const struct unit_range *range = &loading->ranges[unit];
    struct span named = unit_graph_name(loading->graph, loading->members[range->name]);

    if (range->keeps_unit)
        named = loading->units[loading->known[range->name].unit - 1];
    for (size_t i = range->first; i < range->first + range->count; i++) {
        size_t member = loading->members[i];
        struct span name = unit_graph_name(loading->graph, member);
        struct span today = loading->standings[member].unit;

        if (span_find(name, '@') != SPAN_NONE &&
            !span_equal(today.length > 0 ? today : name, named))
            ctl_units_add(&loading->sources.orders, name, named);
    }
}

static void
tell_cuts(const struct loading *loading)
{
    const struct unit_graph *graph = loading->graph;
    struct arena *arena = loading->ctl->arena;
    size_t count = unit_graph_cut_count(graph);
    struct unit_edge edge;

    if (count > 0)
        ctl_output_say("%zu link%s cut, since a unit has at most %d addresses:", count,
            count == 1 ? " is" : "s are", UNIT_ADDRESSES_MAX);
    for (size_t i = 0; i < SHOWN_MAX && unit_graph_cut(graph, i, &edge); i++)
        ctl_output_say("  %s - %s (%s)",
            ctl_output_text(arena, unit_graph_name(graph, edge.left)),
            ctl_output_text(arena, unit_graph_name(graph, edge.right)),
            ctl_unit_sources_edge(&loading->sources, &edge));
    if (count > SHOWN_MAX)
        ctl_output_say("  and %zu more", count - SHOWN_MAX);
}

static void
tell_hubs(const struct loading *loading)
{
    size_t shown = 0;

    for (size_t i = 0; i < unit_graph_count(loading->graph); i++) {
        if (unit_graph_is_hub(loading->graph, i) && ++shown <= SHOWN_MAX)
            ctl_output_say("joins nobody, having more than %d links: %s", UNIT_HUB_LINKS,
                ctl_output_text(loading->ctl->arena, unit_graph_name(loading->graph, i)));
    }
    if (shown > SHOWN_MAX)
        ctl_output_say("and %zu more", shown - SHOWN_MAX);
}

static void
tell(const struct loading *loading)
{
    struct unit_graph_told told = unit_graph_told(loading->graph);
    size_t together = 0;
    size_t units = 0;

    for (size_t i = 0; i < unit_graph_units(loading->graph); i++) {
        units += loading->ranges[i].count > 1;
        together += loading->ranges[i].count > 1 ? loading->ranges[i].count : 0;
    }
    ctl_output_say("%zu link%s, %zu group%s: %zu unit%s of %zu addresses", told.links,
        told.links == 1 ? "" : "s", told.groups, told.groups == 1 ? "" : "s", units,
        units == 1 ? "" : "s", together);
    if (told.large_groups > 0)
        ctl_output_say("%zu group%s of more than %d members left out", told.large_groups,
            told.large_groups == 1 ? "" : "s", UNIT_GROUP_MAX);
    tell_hubs(loading);
    tell_cuts(loading);
}

static int
work_out(struct loading *loading)
{
    struct error error;

    if (!ctl_walk(loading->ctl, "unit:", take_unit, loading, &error))
        return ctl_store_fail(loading->ctl, &error);
    if (!unit_graph_settle(loading->graph, &error))
        return ctl_output_fail(CTL_NO, "%s", error.text);
    loading->standings =
        allocate_array(unit_graph_count(loading->graph) + 1, sizeof(*loading->standings));
    if (!ctl_walk(loading->ctl, "unit:", note_unit, loading, &error))
        return ctl_store_fail(loading->ctl, &error);
    number_units(loading);
    lay_out(loading);
    if (!name_units(loading, &error))
        return ctl_store_fail(loading->ctl, &error);
    tell(loading);
    for (size_t i = 0; i < unit_graph_units(loading->graph); i++)
        wish(loading, i);
    return CTL_DONE;
}

static const char *
names_of(struct ctl *ctl, const char *const *files, size_t count)
{
    return count == 1
               ? "a file"
               : arena_printf(ctl->arena, "%zu files, of them %s", count, files[0]);
}

int
ctl_unit_load(struct ctl *ctl)
{
    const char *const *files = (const char *const *)ctl->arguments.words + 1;
    size_t count = ctl->arguments.count - 1;
    struct loading *loading = arena_take(ctl->arena, sizeof(*loading));
    int status;

    if (count == 0)
        return ctl_output_fail(CTL_USAGE, "a file is wanted: unit load FILE...");
    loading->ctl = ctl;
    status = ctl_unit_sources_read(&loading->sources, ctl, files, count);
    loading->graph = loading->sources.graph;
    if (status == CTL_DONE && loading->graph != NULL)
        status = work_out(loading);
    if (status == CTL_DONE)
        status = ctl_units_write(&loading->sources.orders, names_of(ctl, files, count));
    ctl_unit_sources_clear(&loading->sources);
    free(loading->standings);
    free(loading->members);
    free(loading->known);
    free(loading->ranges);
    free(loading->units);
    free(loading->order);
    return status;
}
