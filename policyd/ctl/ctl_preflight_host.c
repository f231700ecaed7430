/*
 * preflight: what Postfix's configuration says.
 */
#include "policyd/checks/check_postfix.h"
#include "policyd/ctl/ctl_plan.h"
#include "policyd/ctl/ctl_postconf.h"
#include "policyd/ctl/ctl_preflight.h"
#include "policyd/ctl/ctl_setup.h"
#include "policyd/setup/setup_wiring.h"

/* What Postfix is and how it is wired. */
struct host {
    struct setup_site site;
    struct setup_plan plan;
    struct wiring wiring;
    struct error error;
};

/* Moved people make a missing wiring a fault: so they are taken for moved. */
static bool
look_at_wiring(
    struct ctl_preflight *preflight, struct host *host, struct check_postfix *facts)
{
    struct ctl *ctl = preflight->ctl;
    struct wiring_facts wiring = {.was_named = true};

    if (!ctl_setup_gather(ctl, &host->site, &host->plan, &wiring.refusal, &host->error)) {
        facts->obstacle = host->error.text;
        return false;
    }
    wiring.plan = &host->plan;
    if (wiring.refusal == NULL)
        wiring.refusal = host->site.facts.refusal;
    facts->refusal = wiring.refusal;
    setup_wiring_look(&wiring, &host->site, ctl->config->serve->user);
    facts->refusal_is_sure = wiring.plan_is_sure;
    if (!wiring.plan_is_sure)
        wiring.refusal = NULL;
    wiring.moved = preflight->name;
    wiring.moved_count = 1;
    wiring.apply = ctl_setup_command(ctl, "--apply");
    wiring.reload = "postfix reload";
    wiring_check(&host->wiring, &wiring, ctl->arena);
    facts->wiring = &host->wiring;
    return true;
}

static uint64_t
longest_stay(struct ctl_preflight *preflight)
{
    struct ctl_plan plan;
    struct error error;
    uint64_t longest = 0;

    if (!ctl_plan_read(preflight->ctl, preflight->name, &plan, &error))
        return 0;
    for (size_t i = 0; i < plan.record.stage_count; i++) {
        if (plan.record.stages[i].stay_ms > longest)
            longest = plan.record.stages[i].stay_ms;
    }
    return longest / 1000;
}

static struct span
value_of(struct ctl *ctl, const char *name, struct check_postfix *facts)
{
    const char *fault = NULL;
    const char *value = ctl_postconf(ctl, name, &fault);

    if (value == NULL)
        facts->obstacle = fault;
    return span_of(value != NULL ? value : "");
}

void
ctl_preflight_postfix(struct ctl_preflight *preflight)
{
    struct ctl *ctl = preflight->ctl;
    struct host *host = arena_take(ctl->arena, sizeof(*host));
    struct check_postfix facts = {.obstacle = NULL};

    if (look_at_wiring(preflight, host, &facts)) {
        facts.maps_changed = host->plan.maps_changed;
        facts.by_filter = host->site.facts.by_filter;
        facts.route = host->site.facts.route;
        facts.services = host->site.facts.services;
        facts.verifies = host->plan.verifies;
        facts.transport_maps = value_of(ctl, "transport_maps", &facts);
        facts.verify_code = value_of(ctl, "unverified_recipient_reject_code", &facts);
        facts.queue_lifetime = host->site.facts.queue_lifetime;
        facts.bounce_lifetime = host->site.facts.bounce_lifetime;
        facts.longest_stay = longest_stay(preflight);
    }
    for (int i = 0; i < CHECKS; i++) {
        struct check *check = check_rows[i].group == CHECK_POSTFIX && i != CHECK_SIZE
                                  ? ctl_preflight_begin(preflight, (enum check_name)i)
                                  : NULL;

        if (check != NULL)
            check_postfix_look(&facts, (enum check_name)i, check);
    }
}
