#include "policyd/ctl/ctl_preflight_intake.h"

#include "policyd/checks/check_intake.h"
#include "policyd/ctl/ctl_addresses.h"
#include "policyd/ctl/ctl_postconf.h"
#include "policyd/ctl/ctl_preflight_movers.h"
#include "policyd/setup/setup_tables.h"
#include "policyd/wiring/postfix_text.h"

static struct span
value_of(struct ctl *ctl, const char *name, struct check_intake *facts)
{
    const char *fault = NULL;
    const char *value = ctl_postconf(ctl, name, &fault);

    if (value == NULL)
        facts->obstacle = fault;
    return span_of(value != NULL ? value : "");
}

static void
read_milters(struct ctl *ctl, const struct setup_site *site, struct check_intake *facts)
{
    struct span timeout = value_of(ctl, "milter_content_timeout", facts);

    facts->milters = value_of(ctl, "smtpd_milters", facts);
    facts->milter_action = value_of(ctl, "milter_default_action", facts);
    (void)postfix_text_time(timeout, 's', &facts->milter_timeout);
    for (size_t i = 0; i < 2; i++)
        facts->own[i] =
            i < site->facts.milter_count ? site->facts.milters[i].address : "";
    facts->scan_deadline = ctl->config->scan_deadline_ms / 1000;
}

/* --- aliases --- */

/* What virtual_alias_maps have for a key. */
static bool
find_alias(struct setup_tables *tables, struct span maps, struct span key,
    struct span *targets, const char **fault)
{
    struct span table;

    while (postfix_text_next_item(&maps, &table)) {
        if (setup_tables_fault(tables, table) != NULL)
            *fault = setup_tables_fault(tables, table);
        else if (setup_tables_find(tables, table, key, targets))
            return true;
    }
    return false;
}

static void
read_aliases(struct ctl_preflight *preflight, struct check_intake *facts)
{
    struct ctl *ctl = preflight->ctl;
    struct span maps = value_of(ctl, "virtual_alias_maps", facts);
    struct ctl_addresses addresses = {NULL};
    struct setup_tables *tables;
    struct check_alias *aliases;
    struct error error;

    facts->has_addresses = ctl->config->addresses[0] != '\0';
    if (facts->has_addresses &&
        !ctl_addresses_read(ctl, preflight->name, &addresses, &error)) {
        facts->alias_fault = arena_text(ctl->arena, span_of(error.text));
        return;
    }
    if (!facts->has_addresses)
        addresses.names = arena_take(ctl->arena, sizeof(*addresses.names));
    /* One key more: the whole domain. */
    addresses.names[addresses.count] =
        span_of(arena_printf(ctl->arena, "@%s", preflight->name));
    tables = setup_tables_new(ctl->arena,
        setup_site_directory(ctl->arguments.values[CTL_DIRECTORY], ctl->config->postfix),
        addresses.names, addresses.count + 1);
    aliases = arena_take(ctl->arena, (addresses.count + 1) * sizeof(*aliases));
    for (size_t i = 0; i <= addresses.count; i++) {
        struct span targets;

        /* Who is an alias of itself stays what it is. */
        if (find_alias(tables, maps, addresses.names[i], &targets, &facts->alias_fault) &&
            !span_equal_nocase(span_trim(targets), addresses.names[i]))
            aliases[facts->alias_count++] =
                (struct check_alias){arena_text(ctl->arena, addresses.names[i]),
                    arena_text(ctl->arena, targets)};
    }
    facts->aliases = aliases;
}

/* --- by hand --- */

static void
read_by_hand(struct ctl_preflight *preflight, const struct setup_site *site,
    struct check_intake *facts)
{
    struct arena *arena = preflight->ctl->arena;
    size_t most = site->facts.by_hand_count + 1;
    struct check_by_hand *rows = arena_take(arena, most * sizeof(*rows));
    struct span *names = arena_take(arena, most * sizeof(*names));
    const enum route_place *now = NULL;
    const enum route_place *next = NULL;
    struct error error;

    facts->by_hand_fault = site->facts.by_hand_fault;
    for (size_t i = 0; i + 1 < most; i++) {
        const struct setup_by_hand *hand = &site->facts.by_hand[i];
        struct recipient recipient;

        if (!ctl_store_canonical_recipient(
                preflight->ctl, span_of(hand->address), &recipient) ||
            !span_is(recipient_domain(&recipient), preflight->name))
            continue;
        names[facts->by_hand_count] = arena_span(arena, recipient_address(&recipient));
        rows[facts->by_hand_count++] =
            (struct check_by_hand){hand->address, hand->table, hand->is_first, false};
    }
    facts->by_hand = rows;
    if (facts->by_hand_count == 0 || preflight->domain.state == NULL)
        return;
    if (!ctl_preflight_places(
            preflight, names, facts->by_hand_count, &now, &next, &error)) {
        facts->by_hand_fault = arena_text(arena, span_of(error.text));
        return;
    }
    for (size_t i = 0; i < facts->by_hand_count; i++)
        rows[i].is_moving = now[i] != ROUTE_NEW && next[i] == ROUTE_NEW;
}

void
ctl_preflight_intake(
    struct ctl_preflight *preflight, const struct setup_site *site, const char *obstacle)
{
    static const enum check_name names[] = {
        CHECK_MILTERS, CHECK_CONTENT_FILTER, CHECK_ALIASES, CHECK_THIRD_SYSTEMS};
    struct check_intake facts = {
        .obstacle = obstacle, .domain = span_of(preflight->name)};

    if (obstacle == NULL) {
        facts.services = site->facts.services;
        facts.by_filter = site->facts.by_filter;
        facts.content_filter = value_of(preflight->ctl, "content_filter", &facts);
        read_milters(preflight->ctl, site, &facts);
        if (preflight->wanted[CHECK_ALIASES])
            read_aliases(preflight, &facts);
        if (preflight->wanted[CHECK_THIRD_SYSTEMS])
            read_by_hand(preflight, site, &facts);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct check *check = ctl_preflight_begin(preflight, names[i]);

        if (check != NULL)
            check_intake_look(&facts, names[i], check);
    }
}
