/*
 * preflight: who moves with the next stage, and whether new takes them.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "policyd/ctl/ctl_addresses.h"
#include "policyd/ctl/ctl_plan.h"
#include "policyd/ctl/ctl_preflight.h"
#include "policyd/ctl/ctl_preflight_movers.h"
#include "policyd/ctl/ctl_preflight_taken.h"
#include "policyd/ctl/ctl_world.h"
#include "policyd/plan/plan_mover.h"
#include "policyd/routing/route_decide.h"

enum { ALL = 10000 };

struct movers {
    struct ctl_preflight *preflight;
    struct ctl_world world;
    struct ctl_addresses all;
    enum route_place *places; /* of each, now */
    enum route_place *next;   /* and with the next stage */
    struct check_mover *items;
    size_t mover_count;
    const char *place; /* that is asked */
    size_t known;      /* of the items, the first ones: taken before */
    size_t noted;      /* of the others, so many are kept */
};

static struct plan_stage
next_stage(struct movers *movers)
{
    const struct domain_state *state = movers->preflight->domain.state;
    struct plan_stage next = {.weight = ALL};
    struct ctl_plan plan;
    struct error error;
    bool is_read =
        ctl_plan_read(movers->preflight->ctl, movers->preflight->name, &plan, &error);

    (void)plan_mover_next(is_read ? &plan.record : NULL, state->weight, &next);
    return next;
}

/* The state, with a field instead of its own. */
static void
put_state(struct movers *movers, const char *name, const char *value)
{
    const struct ctl_domain *domain = &movers->preflight->domain;
    struct ctl *ctl = movers->preflight->ctl;
    struct domain_field *fields =
        arena_take(ctl->arena, (domain->count + 1) * sizeof(*fields));
    struct domain_problem problem;
    struct domain_state *state;
    size_t count = 0;

    for (size_t i = 0; i < domain->count; i++) {
        if (name == NULL || !span_is(domain->fields[i].name, name))
            fields[count++] = domain->fields[i];
    }
    if (name != NULL)
        fields[count++] = (struct domain_field){span_of(name), span_of(value)};
    state = domain_state_parse(domain->name, fields, count,
        &ctl->config->serve->state_rules, &problem, NULL, NULL);
    if (state != NULL)
        (void)replica_put_domain(
            movers->world.replica, span_of(movers->preflight->name), state, 0);
}

static void
put_next(struct movers *movers)
{
    const struct plan_stage stage = next_stage(movers);
    struct arena *arena = movers->preflight->ctl->arena;
    const char *lists = stage.list;
    char weight[8];

    if (stage.list[0] == '\0') {
        domain_weight_write(stage.weight, weight);
        put_state(movers, "weight", arena_text(arena, span_of(weight)));
        return;
    }
    for (size_t i = 0; i < movers->preflight->domain.state->list_count; i++)
        lists = arena_printf(
            arena, "%s %s", lists, movers->preflight->domain.state->lists[i]);
    put_state(movers, "lists", arena_text(arena, span_of(lists)));
}

static enum route_place
place_of(const struct movers *movers, size_t i)
{
    struct route route;

    route_decide(&movers->preflight->ctl->config->serve->route_rules,
        movers->world.replica, movers->all.names[i], (int64_t)time(NULL), &route);
    return route.place;
}

/* By what decides now, then by what will. */
static bool
find_places(struct movers *movers, struct error *error)
{
    struct ctl *ctl = movers->preflight->ctl;
    struct span domain = span_of(movers->preflight->name);

    if (movers->preflight->domain.state == NULL)
        return error_permanent(error, "%s", movers->preflight->no_domain);
    movers->places = arena_take(ctl->arena, movers->all.count * sizeof(*movers->places));
    movers->next = arena_take(ctl->arena, movers->all.count * sizeof(*movers->next));
    if (!ctl_world_add_domain(&movers->world, domain, error) ||
        !ctl_world_add_lists(&movers->world, domain, error) ||
        !ctl_world_add_names(&movers->world, movers->all.names, movers->all.count, error))
        return false;
    put_state(movers, NULL, NULL);
    for (size_t i = 0; i < movers->all.count; i++)
        movers->places[i] = place_of(movers, i);
    put_next(movers);
    for (size_t i = 0; i < movers->all.count; i++)
        movers->next[i] = place_of(movers, i);
    return true;
}

static bool
compare(struct movers *movers, struct error *error)
{
    struct ctl *ctl = movers->preflight->ctl;

    if (!find_places(movers, error))
        return false;
    movers->items = arena_take(ctl->arena, movers->all.count * sizeof(*movers->items));
    for (size_t i = 0; i < movers->all.count; i++) {
        if (movers->places[i] != ROUTE_NEW && movers->next[i] == ROUTE_NEW)
            movers->items[movers->mover_count++].address =
                arena_text(ctl->arena, movers->all.names[i]);
    }
    return true;
}

bool
ctl_preflight_places(struct ctl_preflight *preflight, struct span *names, size_t count,
    const enum route_place **now, const enum route_place **next, struct error *error)
{
    struct movers *movers = arena_take(preflight->ctl->arena, sizeof(*movers));
    bool done;

    *movers = (struct movers){
        .preflight = preflight, .all = {names, count}
    };
    ctl_world_open(&movers->world, preflight->ctl);
    done = find_places(movers, error);
    *now = movers->places;
    *next = movers->next;
    ctl_world_clear(&movers->world);
    return done;
}

/* Five more were asked: what new said of them is kept at once, for the run may end. */
static void
note(void *argument, size_t so_far)
{
    struct movers *movers = argument;
    size_t asked = so_far - movers->noted;

    if (ctl_arguments_has(&movers->preflight->ctl->arguments, CTL_SAVE))
        ctl_preflight_taken_keep(movers->preflight, movers->place,
            movers->items + movers->known + movers->noted, asked);
    movers->noted = so_far;
    so_far += movers->known;
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r\033[K%s: movers, %zu of %zu ...%s",
            movers->preflight->name, so_far, movers->mover_count,
            so_far == movers->mover_count ? "\r\033[K" : "");
}

/* False: a line says why. */
static bool
find(struct movers *movers, struct check *check)
{
    const char *path = movers->preflight->ctl->config->addresses;
    struct error error = {.text = ""};
    bool done;

    if (path[0] == '\0') {
        check_add(check, CHECK_SKIPPED, "needs [ctl] addresses");
        return false;
    }
    done = ctl_addresses_read(
               movers->preflight->ctl, movers->preflight->name, &movers->all, &error) &&
           compare(movers, &error);
    if (!done)
        check_add(check, CHECK_UNKNOWN, "%s", error.text);
    else if (movers->mover_count == 0)
        check_add(check, CHECK_PASS, "nobody of %zu addresses moves with the next stage",
            movers->all.count);
    return done && movers->mover_count > 0;
}

void
ctl_preflight_movers(
    struct ctl_preflight *preflight, const struct preflight_places *places)
{
    struct check *check = ctl_preflight_begin(preflight, CHECK_MOVERS);
    struct movers *movers;
    const struct preflight_place *place = preflight_places_first(places);
    const char *trouble;

    if (check == NULL)
        return;
    movers = arena_take(preflight->ctl->arena, sizeof(*movers));
    movers->preflight = preflight;
    ctl_world_open(&movers->world, preflight->ctl);
    if (place == NULL) {
        check_add(check, CHECK_UNKNOWN, "new: there is nobody to be asked");
    } else if (find(movers, check)) {
        movers->place = place->shown;
        movers->known = ctl_preflight_taken_find(
            preflight, place->shown, movers->items, movers->mover_count);
        trouble = preflight_movers_run(place, preflight->ctl->host,
            movers->items + movers->known, movers->mover_count - movers->known, note,
            movers, preflight->ctl->arena);
        if (movers->known > 0)
            check_add(check, CHECK_PASS, "%zu of them were taken within 12 hours",
                movers->known);
        check_talk_movers(movers->items, movers->mover_count, trouble, check);
    }
    /* A second time all of them would be asked again. */
    check->is_final = true;
    ctl_world_clear(&movers->world);
}
