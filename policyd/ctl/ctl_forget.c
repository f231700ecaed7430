#include "policyd/ctl/ctl_forget.h"

#include <stdlib.h>

#include "policyd/ctl/ctl_leave.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_policyd.h"
#include "policyd/ctl/ctl_store.h"
#include "policyd/ctl/ctl_walk.h"
#include "policyd/ctl/ctl_world.h"
#include "policyd/state/domain_state.h"

enum { PAGE_MAX = 64 << 20, FIRST_ROOM = 64 };

/* Pins on addresses of a domain, and on units that such addresses belong to. */
struct people {
    struct ctl *ctl;
    const char *domain;
    struct span *units; /* canonical, in their order */
    size_t unit_count;
    size_t room;
    size_t pins;
};

static bool
is_of_domain(const struct people *people, struct span name)
{
    size_t at = span_find_last(name, '@');

    return at != SPAN_NONE && span_is(span_from(name, at + 1), people->domain);
}

static void
take_unit(void *argument, struct span name, struct span value)
{
    struct people *people = argument;
    struct ctl *ctl = people->ctl;
    struct span unit;

    if (!is_of_domain(people, ctl_store_canonical_unit(ctl, ctl->arena, name)))
        return;
    unit = ctl_store_canonical_unit(ctl, ctl->arena, value);
    if (unit.length == 0 || is_of_domain(people, unit))
        return;
    if (people->unit_count == people->room) {
        people->room = people->room == 0 ? FIRST_ROOM : 2 * people->room;
        people->units = realloc(people->units, people->room * sizeof(*people->units));
        if (people->units == NULL)
            abort();
    }
    people->units[people->unit_count++] = arena_span(ctl->arena, unit);
}

static int
compare(const void *left, const void *right)
{
    const struct span *a = left;
    const struct span *b = right;

    return span_compare(*a, *b);
}

static bool
is_unit_of_it(const struct people *people, struct span name)
{
    return people->unit_count > 0 && bsearch(&name, people->units, people->unit_count,
                                         sizeof(*people->units), compare) != NULL;
}

static void
take_pin(void *argument, struct span name, struct span value)
{
    struct people *people = argument;
    struct span on;

    if (!ctl_leave_pin_counts(value))
        return;
    on = ctl_store_canonical_unit(people->ctl, people->ctl->arena, name);
    if (is_of_domain(people, on) || is_unit_of_it(people, on))
        people->pins++;
}

/* NULL: there are none.  Who can't ask Redis can't write to it either. */
static const char *
name_pins(struct ctl *ctl, const char *domain)
{
    struct people people = {.ctl = ctl, .domain = domain};
    struct error error;

    if (ctl_walk(ctl, "unit:", take_unit, &people, &error)) {
        if (people.unit_count > 0)
            qsort(people.units, people.unit_count, sizeof(*people.units), compare);
        (void)ctl_walk(ctl, "pin:", take_pin, &people, &error);
    }
    free(people.units);
    return people.pins == 0 ? NULL
                            : arena_printf(ctl->arena,
                                  "pins to new, standby or hold: %zu", people.pins);
}

/* Others look their local parts up there, and would find nothing. */
static const char *
name_aliases(struct ctl *ctl, const struct ctl_json *status, const char *domain)
{
    const struct ctl_json *other = ctl_json_get(status, "domains")->first;
    const char *first = NULL;
    size_t count = 0;

    for (; other != NULL; other = other->next) {
        if (!span_is(ctl_json_text(other, "same_as"), domain) ||
            span_is(ctl_json_text(other, "mode"), "forgotten"))
            continue;
        if (count++ == 0)
            first = ctl_output_text(ctl->arena, ctl_json_text(other, "domain"));
    }
    if (count < 2)
        return first == NULL ? NULL : arena_printf(ctl->arena, "%s is same_as it", first);
    return arena_printf(
        ctl->arena, "%s and %zu more domains are same_as it", first, count - 1);
}

/* What speaks for the people of an alias is what stands under the other domain. */
static const char *
name_target(struct ctl *ctl, const struct ctl_json *status, const char *target)
{
    const struct ctl_json *domain = ctl_policyd_find_domain(status, target);
    const char *reason = domain == NULL ? NULL : ctl_leave_reason(ctl, domain);

    if (reason == NULL && domain != NULL && ctl_json_is_true(domain, "good") &&
        !span_is(ctl_json_text(domain, "mode"), "forgotten") &&
        !span_is(ctl_json_text(domain, "old"), DOMAIN_OLD_SITE))
        reason = "its old is not the site's own way";
    return reason == NULL
               ? NULL
               : arena_printf(ctl->arena, "it is same_as %s: %s", target, reason);
}

static const char *
find_people(struct ctl *ctl, const struct ctl_json *status, const char *domain,
    const struct ctl_json *own)
{
    const char *target = arena_text(ctl->arena, ctl_json_text(own, "same_as"));
    const char *reasons[3] = {name_aliases(ctl, status, domain)};
    const char *all = NULL;

    if (target[0] != '\0')
        reasons[1] = name_target(ctl, status, target);
    reasons[2] = name_pins(ctl, target[0] != '\0' ? target : domain);
    for (size_t i = 0; i < 3; i++) {
        if (reasons[i] != NULL)
            all = all == NULL ? reasons[i]
                              : arena_printf(ctl->arena, "%s; %s", all, reasons[i]);
    }
    return all;
}

/* As Redis has it, where the change would be written. */
static const struct ctl_json *
read_status(struct ctl *ctl)
{
    const struct ctl_json *status = NULL;
    struct buffer page;
    struct error error;

    buffer_init(&page, PAGE_MAX);
    if (ctl_world_status_page(ctl, &page, &error))
        status = ctl_json_parse(
            ctl->arena, arena_span(ctl->arena, buffer_span(&page)), &error);
    buffer_clear(&page);
    return status;
}

bool
ctl_forget_guard(struct ctl *ctl, const char *domain, const char **forced)
{
    const struct ctl_json *status = read_status(ctl);
    const struct ctl_json *own =
        status == NULL ? NULL : ctl_policyd_find_domain(status, domain);

    *forced = NULL;
    if (own == NULL || span_is(ctl_json_text(own, "mode"), "forgotten"))
        return true;
    *forced = find_people(ctl, status, domain, own);
    return ctl_leave_pass(ctl, "forget", *forced);
}
