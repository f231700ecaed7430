/*
 * preflight: what Postfix's configuration says.
 */
#include <time.h>

#include "policyd/checks/check_postfix.h"
#include "policyd/ctl/ctl_addresses.h"
#include "policyd/ctl/ctl_plan.h"
#include "policyd/ctl/ctl_postconf.h"
#include "policyd/ctl/ctl_preflight_intake.h"
#include "policyd/ctl/ctl_setup.h"
#include "policyd/setup/setup_tables.h"
#include "policyd/setup/setup_wiring.h"
#include "policyd/wiring/postfix_text.h"
#include "shared/base/number.h"

/* What Postfix is and how it is wired. */
struct host {
    struct setup_site site;
    struct setup_plan plan;
    struct wiring wiring;
    struct error error;
};

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

/* --- recipients --- */

/* A table of Postfix asked for an address, else for its domain's catch-all. */
static bool
is_listed(struct setup_tables *tables, struct span maps, struct span key,
    struct span everybody, const char **fault)
{
    struct span table;
    struct span value;

    while (postfix_text_next_item(&maps, &table)) {
        if (setup_tables_fault(tables, table) != NULL)
            *fault = setup_tables_fault(tables, table);
        else if (setup_tables_find(tables, table, key, &value) ||
                 (!setup_tables_is_pattern(table) &&
                     setup_tables_find(tables, table, everybody, &value)))
            return true;
    }
    return false;
}

static void
look_at_recipients(struct ctl_preflight *preflight, struct check_postfix *facts)
{
    struct ctl *ctl = preflight->ctl;
    struct ctl_addresses addresses;
    struct setup_tables *tables;
    struct error error;
    struct span maps = span_of(arena_printf(ctl->arena, "%s %s",
        arena_text(ctl->arena, value_of(ctl, "relay_recipient_maps", facts)),
        arena_text(ctl->arena, value_of(ctl, "virtual_mailbox_maps", facts))));
    const char **unknown;

    facts->has_maps = span_trim(maps).length > 0;
    if (!facts->has_maps || ctl->config->addresses[0] == '\0')
        return;
    if (!ctl_addresses_read(ctl, preflight->name, &addresses, &error)) {
        facts->maps_fault = arena_text(ctl->arena, span_of(error.text));
        return;
    }
    /* One key more: the whole domain. */
    addresses.names[addresses.count] =
        span_of(arena_printf(ctl->arena, "@%s", preflight->name));
    tables = setup_tables_new(ctl->arena,
        setup_site_directory(ctl->arguments.values[CTL_DIRECTORY], ctl->config->postfix),
        addresses.names, addresses.count + 1);
    unknown = arena_take(ctl->arena, (addresses.count + 1) * sizeof(*unknown));
    for (size_t i = 0; i < addresses.count; i++) {
        if (!is_listed(tables, maps, addresses.names[i], addresses.names[addresses.count],
                &facts->maps_fault))
            unknown[facts->unknown_count++] = arena_text(ctl->arena, addresses.names[i]);
    }
    facts->address_count = addresses.count;
    facts->unknown = unknown;
}

/* What the controller of this gateway says of the last line it read. */
static int64_t
last_line(struct ctl *ctl)
{
    const char *gateway =
        ctl->config->gateway[0] != '\0' ? ctl->config->gateway : ctl->host;
    struct ctl_hash hash;
    struct error error;
    uint64_t at = 0;

    if (!ctl_store_open(ctl, &error) ||
        !ctl_store_hash(ctl, ctl_store_key(ctl, ctl->arena, "gateway:", span_of(gateway)),
            &hash, &error) ||
        !number_unsigned(ctl_hash_value(&hash, "log_time"), INT64_MAX, &at))
        return 0;
    return (int64_t)at;
}

/* Looked at elsewhere: they need the backends, or are of intake. */
static bool
is_others(int name)
{
    return name == CHECK_SIZE || name == CHECK_SOURCE_ADDRESS || name == CHECK_MILTERS ||
           name == CHECK_CONTENT_FILTER || name == CHECK_ALIASES ||
           name == CHECK_THIRD_SYSTEMS;
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
        facts.lacking = host->plan.lacking;
        facts.lacking_count = host->plan.lacking_count;
        facts.verifies = host->plan.verifies;
        facts.transport_maps = value_of(ctl, "transport_maps", &facts);
        facts.verify_code = value_of(ctl, "unverified_recipient_reject_code", &facts);
        facts.queue_lifetime = host->site.facts.queue_lifetime;
        facts.bounce_lifetime = host->site.facts.bounce_lifetime;
        facts.longest_stay = longest_stay(preflight);
        facts.long_ids =
            arena_text(ctl->arena, value_of(ctl, "enable_long_queue_ids", &facts));
        facts.log_time = last_line(ctl);
        facts.now = time(NULL);
        if (preflight->wanted[CHECK_RECIPIENTS])
            look_at_recipients(preflight, &facts);
    }
    ctl_preflight_intake(preflight, &host->site, facts.obstacle);
    for (int i = 0; i < CHECKS; i++) {
        struct check *check = check_rows[i].group == CHECK_POSTFIX && !is_others(i)
                                  ? ctl_preflight_begin(preflight, (enum check_name)i)
                                  : NULL;

        if (check != NULL)
            check_postfix_look(&facts, (enum check_name)i, check);
    }
}
