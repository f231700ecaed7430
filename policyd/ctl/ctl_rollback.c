/*
 * rollback: weight to 0, or with --all everything to old; names what stays on new, and
 * what is left to do on each gateway.
 */
#include <inttypes.h>

#include "policyd/ctl/ctl_domain.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/state/pin.h"

enum { SHOWN_MAX = 20, BUNCH = 1000, BUNCH_OCTETS = 16 << 20 };

/* Pins that may keep somebody on new; their values are asked for in bunches. */
struct pins {
    struct ctl *ctl;
    struct span domain;
    struct arena *arena; /* of the bunch */
    struct span names[BUNCH];
    struct span keys[BUNCH];
    size_t count;
    uint64_t on_new;
};

static bool
ask_bunch(struct pins *pins, struct error *error)
{
    struct span *values = arena_take(pins->arena, BUNCH * sizeof(*values));
    struct error ignored;
    struct pin pin;

    if (!ctl_store_values(pins->ctl, pins->arena, pins->keys, pins->count, values, error))
        return false;
    for (size_t i = 0; i < pins->count; i++) {
        if (values[i].data == NULL || !pin_parse(values[i], &pin, &ignored) ||
            pin.place != PIN_NEW)
            continue;
        if (++pins->on_new <= SHOWN_MAX)
            ctl_output_say("  stays on new by its pin: %s",
                ctl_output_text(pins->ctl->arena, pins->names[i]));
    }
    pins->count = 0;
    arena_reset(pins->arena);
    return true;
}

/* Of this domain, or on a unit that is no address and may be of any. */
static bool
take_pin(void *argument, struct span key, struct error *error)
{
    struct pins *pins = argument;
    struct span name = span_from(key, sizeof("pin:") - 1);
    size_t at = span_find_last(name, '@');

    if (at != SPAN_NONE && !span_equal_nocase(span_from(name, at + 1), pins->domain))
        return true;
    pins->names[pins->count] = arena_span(pins->arena, name);
    pins->keys[pins->count] = ctl_store_key(pins->ctl, pins->arena, "pin:", name);
    return ++pins->count < BUNCH || ask_bunch(pins, error);
}

static bool
tell_pins(struct ctl *ctl, struct span domain, uint64_t *staying, struct error *error)
{
    struct pins *pins = arena_take(ctl->arena, sizeof(*pins));
    bool done;

    pins->ctl = ctl;
    pins->domain = domain;
    pins->arena = arena_new(BUNCH_OCTETS);
    done = ctl_store_scan(ctl, "pin:*", take_pin, pins, error) && ask_bunch(pins, error);
    arena_free(pins->arena);
    if (done && pins->on_new > SHOWN_MAX)
        ctl_output_say("  and %" PRIu64 " more by their pins", pins->on_new - SHOWN_MAX);
    *staying += pins->on_new;
    return done;
}

static bool
tell_lists(struct ctl *ctl, const struct ctl_domain *domain, uint64_t *staying,
    struct error *error)
{
    for (size_t i = 0; domain->state != NULL && i < domain->state->list_count; i++) {
        struct span name = span_of(arena_printf(ctl->arena, "%s:%s",
            arena_text(ctl->arena, domain->name), domain->state->lists[i]));
        uint64_t count;

        if (!ctl_store_member_count(
                ctl, ctl_store_key(ctl, ctl->arena, "list:", name), &count, error))
            return false;
        ctl_output_say("  stay on new by the list %s: %" PRIu64 " unit%s",
            domain->state->lists[i], count, count == 1 ? "" : "s");
        *staying += count;
    }
    return true;
}

static int
roll_back(struct ctl *ctl, const struct ctl_domain *domain, bool all)
{
    struct domain_field fields[2] = {
        {SPAN("weight"), SPAN("0")}
    };
    struct ctl_domain_order order = {
        .name = arena_text(ctl->arena, domain->name),
        .fields = fields,
        .count = 1,
        .what = "rollback",
        .why = "rollback",
        .must_exist = true,
        .rolls_back = true,
    };

    if (all)
        fields[order.count++] = (struct domain_field){SPAN("mode"), SPAN("old")};
    else if (domain->state != NULL && domain->state->mode == DOMAIN_MODE_NEW)
        fields[order.count++] = (struct domain_field){SPAN("mode"), SPAN("split")};
    return ctl_domain_change(ctl, &order);
}

/* A weight decides nothing there. */
static void
tell_mode(const struct ctl_domain *domain)
{
    enum domain_mode mode =
        domain->state == NULL ? DOMAIN_MODE_SPLIT : domain->state->mode;

    if (mode != DOMAIN_MODE_SPLIT && mode != DOMAIN_MODE_OLD && mode != DOMAIN_MODE_NEW)
        ctl_output_say("its mode stays %s; mode=split or --all takes its mail to old",
            domain_mode_name(mode));
}

static bool
tell_who_stays(struct ctl *ctl, struct span name, uint64_t *staying, struct error *error)
{
    struct ctl_domain now;
    bool done = ctl_store_domain(ctl, name, &now, error);

    if (done) {
        done =
            tell_lists(ctl, &now, staying, error) && tell_pins(ctl, name, staying, error);
        ctl_domain_clear(&now);
    }
    return done;
}

static int
run(struct ctl *ctl, const struct ctl_domain *domain)
{
    bool all = ctl_arguments_has(&ctl->arguments, CTL_ALL);
    uint64_t staying = 0;
    struct error error;
    int status;

    if (domain->state != NULL && domain->state->same_as[0] != '\0')
        return ctl_output_fail(
            CTL_NO, "it is same_as %s: roll that back", domain->state->same_as);
    status = roll_back(ctl, domain, all);
    if (status != CTL_DONE)
        return status;
    if (!all && !tell_who_stays(ctl, domain->name, &staying, &error))
        return ctl_store_fail(ctl, &error);
    if (!all)
        tell_mode(domain);
    if (staying > 0)
        ctl_output_say("--all would send those to old too (mode=old)");
    ctl_output_say("mail that waits is asked anew by each gateway's postshift-cutover; "
                   "where none runs:\n"
                   "  postfix reload && sleep 2 && postqueue -f");
    return CTL_DONE;
}

int
ctl_rollback_run(struct ctl *ctl)
{
    const char *name = ctl_store_canonical_domain(ctl, ctl->arguments.words[0]);
    struct ctl_domain domain;
    struct error error;
    int status;

    if (name == NULL)
        return CTL_USAGE;
    if (!ctl_store_domain(ctl, span_of(name), &domain, &error))
        return ctl_store_fail(ctl, &error);
    status = run(ctl, &domain);
    ctl_domain_clear(&domain);
    return status;
}
