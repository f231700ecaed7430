#include "policyd/ctl/ctl_wiring.h"

#include <stdlib.h>

#include "policyd/ctl/ctl_leave.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_setup.h"
#include "policyd/setup/setup_wiring.h"
#include "shared/base/number.h"

static void
find_moved(struct wiring_facts *facts, struct ctl *ctl, const struct ctl_json *status)
{
    const struct ctl_json *domain = ctl_json_get(status, "domains")->first;
    struct span pins = ctl_json_text(status, "pins");

    for (; domain != NULL; domain = domain->next) {
        if (ctl_leave_reason(ctl, domain) == NULL)
            continue;
        if (facts->moved_count++ == 0)
            facts->moved = arena_text(ctl->arena, ctl_json_text(domain, "domain"));
    }
    /* Before the first --apply they are no more than prepared. */
    if (facts->moved == NULL && facts->was_wired && pins.length > 0 &&
        !span_is(pins, "0"))
        facts->moved =
            arena_printf(ctl->arena, "%s by pins", arena_text(ctl->arena, pins));
}

static bool
was_named(const struct ctl *ctl)
{
    return setup_site_directory(
               ctl->arguments.values[CTL_DIRECTORY], ctl->config->postfix) != NULL;
}

void
ctl_wiring_look(struct ctl_wiring *wiring, struct ctl_health *health, struct ctl *ctl,
    const struct ctl_json *status)
{
    struct wiring_facts facts = {.was_named = was_named(ctl)};
    struct setup_site site;
    struct setup_plan plan;
    struct error error;

    *wiring = (struct ctl_wiring){NULL};
    if (ctl_setup_gather(ctl, &site, &plan, &facts.refusal, &error)) {
        wiring->directory = site.directory;
        facts.plan = &plan;
        if (facts.refusal == NULL)
            facts.refusal = site.facts.refusal;
        setup_wiring_look(&facts, &site, ctl->config->serve->user);
        /* Who can't read all of Postfix's tables can't tell what would be refused. */
        if (!facts.plan_is_sure)
            facts.refusal = NULL;
        find_moved(&facts, ctl, status);
        facts.apply = ctl_setup_command(ctl, "--apply");
        facts.reload = site.given != NULL
                           ? arena_printf(ctl->arena, "postfix -c %s reload", site.given)
                           : "postfix reload";
    } else {
        facts.obstacle = error.text;
    }
    wiring_check(&wiring->wiring, &facts, ctl->arena);
    for (size_t i = 0; i < wiring->wiring.count; i++) {
        struct wiring_finding *finding = &wiring->wiring.findings[i];

        finding->text = ctl_output_text(ctl->arena, span_of(finding->text));
        ctl_health_add(health, NULL, finding->is_bad, finding->text);
    }
}

void
ctl_wiring_write(struct json *json, const struct ctl_wiring *wiring)
{
    bool is_bad = false;

    json_object_begin(json, "postfix");
    json_text(json, "directory", wiring->directory);
    json_text(json, "state", wiring_state_name(wiring->wiring.state));
    json_bool(json, "wired", wiring->wiring.state == WIRING_WHOLE);
    json_array_begin(json, "findings");
    for (size_t i = 0; i < wiring->wiring.count; i++) {
        is_bad = is_bad || wiring->wiring.findings[i].is_bad;
        json_object_begin(json, NULL);
        json_bool(json, "bad", wiring->wiring.findings[i].is_bad);
        json_text(json, "text", wiring->wiring.findings[i].text);
        json_object_end(json);
    }
    json_array_end(json);
    json_bool(json, "bad", is_bad);
    json_object_end(json);
}
