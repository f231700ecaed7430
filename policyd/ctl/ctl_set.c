/*
 * set: a domain's hash is changed, checked as policyd would check it, and only where
 * nobody else changed it meanwhile.
 */
#include <string.h>

#include "policyd/ctl/ctl_domain.h"
#include "policyd/ctl/ctl_forget.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_preflight.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/state/domain_doubt.h"
#include "policyd/state/domain_fields.h"
#include "shared/service/config.h"

/* `rev` is the last, and nobody sets it. */
enum { FIELDS = DOMAIN_FIELDS_COUNT - 1 };

/* `field=value` to a field; false: said so. */
static bool
read_word(struct ctl *ctl, const char *word, struct domain_field *field)
{
    struct span text = span_of(word);
    size_t equals = span_find(text, '=');
    const char *shown = ctl_output_text(ctl->arena, span_first(text, equals));
    const char *near;
    struct span site;

    if (equals == SPAN_NONE) {
        (void)ctl_output_fail(
            CTL_USAGE, "%s: what is to be set is missing (field=value)", shown);
        return false;
    }
    *field = (struct domain_field){span_first(text, equals), span_from(text, equals + 1)};
    for (size_t i = 0; i < FIELDS; i++) {
        if (span_is(field->name, domain_field_names[i]))
            return true;
    }
    if (domain_site_field(field->name, &site))
        return true;
    near = config_nearest(field->name, domain_field_names, FIELDS);
    if (span_is(field->name, "rev"))
        (void)ctl_output_fail(CTL_USAGE, "rev is counted by postshiftctl itself");
    else
        (void)ctl_output_fail(CTL_USAGE, "there is no field %s%s%s%s", shown,
            near != NULL ? " (did you mean " : "", near != NULL ? near : "",
            near != NULL ? "?)" : "");
    return false;
}

/* Both as they are now: there is nothing to doubt. */
static bool
keeps_routes(const struct ctl_domain *now, const struct domain_state *next)
{
    return now->state != NULL && strcmp(now->state->old_route, next->old_route) == 0 &&
           strcmp(now->state->new_route, next->new_route) == 0;
}

/* Routes that are hardly meant; else sending more to new than now, without a word on mail
 * that starts inside. */
static const char *
find_danger(
    const struct ctl_domain *now, const struct domain_state *next, const char **remedy)
{
    const char *doubt = keeps_routes(now, next) ? NULL : domain_doubt(now->state, next);
    bool was_unset = now->state != NULL && now->state->inside == INSIDE_UNSET;

    *remedy = "say what is meant, see postshift.conf(5)";
    if (doubt != NULL)
        return doubt;
    *remedy = "say how mail that starts inside is handled: "
              "inside=relay|forward|map|accept, see postshift.conf(5)";
    if (next->inside != INSIDE_UNSET || next->same_as[0] != '\0')
        return NULL;
    if (next->weight > (was_unset ? now->state->weight : 0))
        return "a weight above 0 without `inside`";
    if (next->mode == DOMAIN_MODE_NEW &&
        !(was_unset && now->state->mode == DOMAIN_MODE_NEW))
        return "mode=new without `inside`";
    return NULL;
}

int
ctl_set_run(struct ctl *ctl)
{
    struct ctl_arguments *arguments = &ctl->arguments;
    size_t count = arguments->count - 1;
    struct domain_field *wanted = arena_take(ctl->arena, count * sizeof(*wanted));
    struct ctl_domain_order order = {
        .fields = wanted,
        .count = count,
        .danger = find_danger,
    };

    for (size_t i = 0; i < count; i++) {
        if (!read_word(ctl, arguments->words[i + 1], &wanted[i]))
            return CTL_USAGE;
        for (size_t j = 0; j < i; j++) {
            if (span_equal(wanted[i].name, wanted[j].name))
                return ctl_output_fail(CTL_USAGE, "%.*s is given twice",
                    (int)wanted[i].name.length, wanted[i].name.data);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!span_is(wanted[i].name, "mode") || !span_is(wanted[i].value, "forgotten"))
            continue;
        order.danger = ctl_domain_forget_danger;
    }
    order.name = ctl_store_canonical_domain(ctl, arguments->words[0]);
    if (order.name == NULL)
        return CTL_USAGE;
    if (order.danger == ctl_domain_forget_danger &&
        !ctl_forget_guard(ctl, order.name, &order.forced))
        return CTL_REFUSED;
    order.held_up = ctl_preflight_kept(ctl, order.name);
    return ctl_domain_change(ctl, &order);
}
