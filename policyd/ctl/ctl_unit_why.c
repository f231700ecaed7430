/*
 * unit why: whether two addresses move together, and what links them.
 */
#include <inttypes.h>
#include <time.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_pairs.h"
#include "policyd/ctl/ctl_unit_sources.h"
#include "policyd/ctl/ctl_world.h"
#include "policyd/routing/route_decide.h"
#include "shared/base/json.h"

enum { OUT_MAX = 1 << 20 };

/* One of the two. */
struct side {
    struct span address;
    struct span unit;
    enum route_place place;
};

struct why {
    struct ctl *ctl;
    struct side sides[2];
    struct ctl_unit_sources sources;
    bool has_files;
    struct unit_edge path[UNIT_ADDRESSES_MAX * 2];
    size_t path_count;
    bool has_books;
    uint64_t forth;
    uint64_t back;
};

static bool
read_side(struct why *why, const char *word, struct side *side, int *status)
{
    struct recipient recipient;
    struct error error;

    if (!ctl_store_canonical_recipient(why->ctl, span_of(word), &recipient)) {
        *status = ctl_output_fail(CTL_USAGE, "%s is no address",
            ctl_output_text(why->ctl->arena, span_of(word)));
        return false;
    }
    side->address = arena_span(why->ctl->arena, recipient_address(&recipient));
    if (ctl_store_follow(why->ctl, &side->address, &error))
        return true;
    *status = ctl_store_fail(why->ctl, &error);
    return false;
}

static bool
decide(struct why *why, struct error *error)
{
    struct ctl_world world;
    bool done = true;

    ctl_world_open(&world, why->ctl);
    for (size_t i = 0; i < 2 && done; i++) {
        struct side *side = &why->sides[i];
        struct span domain =
            span_from(side->address, span_find_last(side->address, '@') + 1);
        struct route route;

        done = ctl_world_add_domain(&world, domain, error) &&
               ctl_world_add_lists(&world, domain, error) &&
               ctl_world_add_names(&world, &side->address, 1, error);
        if (!done)
            break;
        route_decide(&why->ctl->config->serve->route_rules, world.replica, side->address,
            (int64_t)time(NULL), &route);
        side->place = route.place;
        side->unit = route.unit.length > 0 ? arena_span(why->ctl->arena, route.unit)
                                           : side->address;
    }
    ctl_world_clear(&world);
    return done;
}

/* --- by the files --- */

static size_t
find_address(const struct unit_graph *graph, struct span name)
{
    for (size_t i = 0; i < unit_graph_count(graph); i++) {
        if (span_equal(unit_graph_name(graph, i), name))
            return i;
    }
    return SIZE_MAX;
}

/* From the first to the second, link by link; links between their units where these
 * differ. */
static void
find_path(struct why *why)
{
    struct unit_graph *graph = why->sources.graph;
    size_t from = find_address(graph, why->sides[0].address);
    size_t to = find_address(graph, why->sides[1].address);
    struct unit_edge edge;

    if (from == SIZE_MAX || to == SIZE_MAX)
        return;
    if (unit_graph_unit(graph, from) == unit_graph_unit(graph, to)) {
        unit_graph_root(graph, to);
        while (why->path_count < UNIT_ADDRESSES_MAX &&
               unit_graph_towards_root(graph, from, &edge)) {
            why->path[why->path_count++] = edge;
            from = edge.left == from ? edge.right : edge.left;
        }
        return;
    }
    for (size_t i = 0; unit_graph_cut(graph, i, &edge); i++) {
        size_t left = unit_graph_unit(graph, edge.left);
        size_t right = unit_graph_unit(graph, edge.right);
        size_t a = unit_graph_unit(graph, from);
        size_t b = unit_graph_unit(graph, to);

        if (why->path_count < UNIT_ADDRESSES_MAX &&
            ((left == a && right == b) || (left == b && right == a)))
            why->path[why->path_count++] = edge;
    }
}

static int
read_files(struct why *why)
{
    struct ctl *ctl = why->ctl;
    struct error error;
    int status;

    if (!why->has_files)
        return CTL_DONE;
    status = ctl_unit_sources_read(&why->sources, ctl,
        (const char *const *)ctl->arguments.words + 3, ctl->arguments.count - 3);
    if (status != CTL_DONE)
        return status;
    if (why->sources.graph == NULL)
        return ctl_output_fail(CTL_USAGE,
            "these files order units; what links two is in csv, ldif, virtual");
    if (!unit_graph_settle(why->sources.graph, &error))
        return ctl_output_fail(CTL_NO, "%s", error.text);
    find_path(why);
    return CTL_DONE;
}

/* --- by the books --- */

static void
count_mails(struct why *why)
{
    struct span address = why->sides[0].address;
    const char *domain =
        arena_text(why->ctl->arena, span_from(address, span_find_last(address, '@') + 1));
    const struct ctl_pair *pair;
    struct ctl_pairs pairs;
    struct error error;

    why->has_books = ctl_pairs_read(why->ctl, domain, &pairs, &error);
    pair = why->has_books ? ctl_pairs_find(&pairs, address, why->sides[1].address) : NULL;
    if (pair != NULL) {
        bool turned = !span_equal(pair->left, address);

        why->forth = turned ? pair->back : pair->forth;
        why->back = turned ? pair->forth : pair->back;
    }
    ctl_pairs_clear(&pairs);
}

/* --- told --- */

static bool
are_one(const struct why *why)
{
    return span_equal(why->sides[0].unit, why->sides[1].unit);
}

static void
print_path(const struct why *why)
{
    struct arena *arena = why->ctl->arena;

    if (why->path_count == 0) {
        ctl_output_say("these files have no link between them");
        return;
    }
    for (size_t i = 0; i < why->path_count; i++)
        ctl_output_say("  %s - %s (%s)",
            ctl_output_text(
                arena, unit_graph_name(why->sources.graph, why->path[i].left)),
            ctl_output_text(
                arena, unit_graph_name(why->sources.graph, why->path[i].right)),
            ctl_unit_sources_edge(&why->sources, &why->path[i]));
}

static void
print(const struct why *why)
{
    struct arena *arena = why->ctl->arena;

    if (are_one(why))
        ctl_output_say("one unit: %s", ctl_output_text(arena, why->sides[0].unit));
    else
        ctl_output_say("two units");
    for (size_t i = 0; i < 2; i++)
        ctl_output_say("  %s: unit %s, %s", ctl_output_text(arena, why->sides[i].address),
            ctl_output_text(arena, why->sides[i].unit),
            route_place_name(why->sides[i].place));
    if (why->has_files)
        print_path(why);
    if (why->has_books)
        ctl_output_say("mails in %d days: %" PRIu64 " there, %" PRIu64 " back",
            CTL_PAIRS_DAYS, why->forth, why->back);
    else
        ctl_output_say("the books could not be asked how often they write to each other");
}

static void
print_json(const struct why *why)
{
    struct buffer out;
    struct json json;

    buffer_init(&out, OUT_MAX);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    json_bool(&json, "together", are_one(why));
    json_array_begin(&json, "addresses");
    for (size_t i = 0; i < 2; i++) {
        json_object_begin(&json, NULL);
        json_span(&json, "address", why->sides[i].address);
        json_span(&json, "unit", why->sides[i].unit);
        json_text(&json, "place", route_place_name(why->sides[i].place));
        json_object_end(&json);
    }
    json_array_end(&json);
    json_array_begin(&json, "links");
    for (size_t i = 0; i < why->path_count; i++) {
        const struct unit_edge *edge = &why->path[i];

        json_object_begin(&json, NULL);
        json_span(&json, "left", unit_graph_name(why->sources.graph, edge->left));
        json_span(&json, "right", unit_graph_name(why->sources.graph, edge->right));
        json_text(&json, "kind", unit_link_name(edge->kind));
        json_text(&json, "from", ctl_unit_sources_edge(&why->sources, edge));
        json_object_end(&json);
    }
    json_array_end(&json);
    if (why->has_books) {
        json_integer(&json, "mails", (int64_t)why->forth);
        json_integer(&json, "back", (int64_t)why->back);
    }
    json_object_end(&json);
    ctl_output_document(&out);
}

int
ctl_unit_why(struct ctl *ctl)
{
    struct why *why = arena_take(ctl->arena, sizeof(*why));
    struct error error;
    int status = CTL_DONE;

    why->ctl = ctl;
    why->has_files = ctl->arguments.count > 3;
    if (ctl->arguments.count < 3)
        return ctl_output_fail(
            CTL_USAGE, "two addresses are wanted: unit why ADDRESS ADDRESS [FILE...]");
    for (size_t i = 0; i < 2; i++) {
        if (!read_side(why, ctl->arguments.words[i + 1], &why->sides[i], &status))
            return status;
    }
    if (!decide(why, &error))
        return ctl_store_fail(ctl, &error);
    status = read_files(why);
    if (status == CTL_DONE) {
        count_mails(why);
        if (ctl_arguments_has(&ctl->arguments, CTL_JSON))
            print_json(why);
        else
            print(why);
        status = are_one(why) ? CTL_DONE : CTL_NO;
    }
    ctl_unit_sources_clear(&why->sources);
    return status;
}
