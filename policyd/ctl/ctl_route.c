/*
 * route: where an address goes and why.  policyd is asked; where it is silent, Redis is,
 * and the same decision made here.
 */
#include <time.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_policyd.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/ctl/ctl_world.h"
#include "policyd/routing/route_page.h"

enum { PAGE_MAX = 1 << 20 };

/* Everything that may decide this recipient. */
static bool
read_world(
    struct ctl_world *world, const struct recipient *recipient, struct error *error)
{
    struct span name = arena_span(world->ctl->arena, recipient_address(recipient));
    struct span domain = arena_span(world->ctl->arena, recipient_domain(recipient));

    if (!ctl_world_add_domain(world, domain, error) ||
        !ctl_store_follow(world->ctl, &name, error))
        return false;
    domain = span_from(name, span_find_last(name, '@') + 1);
    return ctl_world_add_lists(world, domain, error) &&
           ctl_world_add_names(world, &name, 1, error);
}

static bool
decide(struct ctl *ctl, struct span address, struct buffer *page, struct error *error)
{
    struct ctl_world world;
    struct recipient recipient;
    struct route route;
    bool done = true;

    ctl_world_open(&world, ctl);
    if (ctl_store_canonical_recipient(ctl, address, &recipient))
        done = read_world(&world, &recipient, error);
    if (done) {
        route_decide(&ctl->config->serve->route_rules, world.replica, address,
            (int64_t)time(NULL), &route);
        route_page_write(page, "redis", address, &route);
    }
    ctl_world_clear(&world);
    return done;
}

static const char *
text_of(struct ctl *ctl, const struct ctl_json *route, const char *name)
{
    struct span text = ctl_json_text(route, name);

    return text.length > 0 ? ctl_output_text(ctl->arena, text) : "-";
}

static void
print_pin(struct ctl *ctl, const struct ctl_json *pin)
{
    struct span until = ctl_json_text(pin, "until");

    if (pin->kind == CTL_JSON_NULL)
        ctl_output_say("pin        none decides");
    else
        ctl_output_say("pin        %s on %s%s%s", text_of(ctl, pin, "place"),
            text_of(ctl, pin, "on"), until.length > 0 ? " until " : "",
            until.length > 0 ? text_of(ctl, pin, "until") : "");
}

static void
print(struct ctl *ctl, const struct ctl_json *route, const char *silent)
{
    struct span nexthop = ctl_json_text(route, "nexthop");

    ctl_output_say("address    %s", text_of(ctl, route, "address"));
    ctl_output_say("recipient  %s", text_of(ctl, route, "recipient"));
    ctl_output_say("unit       %s", text_of(ctl, route, "unit"));
    print_pin(ctl, ctl_json_get(route, "pin"));
    ctl_output_say("bucket     %s", text_of(ctl, route, "bucket"));
    ctl_output_say("weight     %s", text_of(ctl, route, "weight"));
    ctl_output_say("mode       %s", text_of(ctl, route, "mode"));
    ctl_output_say("result     %s%s%s", text_of(ctl, route, "result"),
        nexthop.length > 0 ? " -> " : "",
        nexthop.length > 0 ? text_of(ctl, route, "nexthop") : "");
    if (!ctl_json_is_null(route, "site"))
        ctl_output_say("site       %s", text_of(ctl, route, "site"));
    ctl_output_say("why        %s", text_of(ctl, route, "why"));
    if (ctl_json_is_true(route, "suspect"))
        ctl_output_alarm("suspect    Redis no longer says what is answered, see status");
    if (silent != NULL)
        ctl_output_say("policyd not asked: %s", silent);
}

static bool
is_answer(const struct ctl_json *route)
{
    struct span place = ctl_json_text(route, "result");

    return !span_is(place, "not-ours") && !span_is(place, "unknown");
}

int
ctl_route_run(struct ctl *ctl)
{
    struct span address = span_of(ctl->arguments.words[0]);
    const char *path = ctl_policyd_route_path(ctl, address);
    struct error silent = {ERROR_NONE, ""};
    const struct ctl_json *route;
    struct buffer page;
    struct error error;

    buffer_init(&page, PAGE_MAX);
    route = ctl_policyd_document(ctl, path, &page, &silent);
    if (route == NULL && !decide(ctl, address, &page, &error)) {
        buffer_clear(&page);
        (void)ctl_output_fail(CTL_NO_REDIS, "policyd not asked: %s", silent.text);
        return ctl_store_fail(ctl, &error);
    }
    if (route == NULL)
        route = ctl_json_parse(
            ctl->arena, arena_span(ctl->arena, buffer_span(&page)), &error);
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON))
        ctl_output_raw(buffer_span(&page));
    else if (route != NULL)
        print(ctl, route, silent.kind != ERROR_NONE ? silent.text : NULL);
    buffer_clear(&page);
    return route != NULL && is_answer(route) ? CTL_DONE : CTL_NO;
}
