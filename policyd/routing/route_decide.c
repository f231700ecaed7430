#include "policyd/routing/route_decide.h"

#include <string.h>

#include "policyd/routing/bucket.h"
#include "policyd/state/domain_list.h"
#include "shared/base/attributes.h"

enum { WEIGHT_ALL = 10000 };

/* What is known of the domain looked up under. */
struct facts {
    const struct route_rules *rules;
    const struct replica *replica;
    const struct domain_state *state;
    struct replica_override override; /* in force */
    bool mailbox;
    int64_t now;
};

/* Whether a domain is ours, and what is known of it. */
static bool
find_ours(const struct facts *facts, struct span name, struct replica_domain *found)
{
    *found = (struct replica_domain){0};
    (void)replica_find_domain(facts->replica, name, found);
    return facts->rules->domain_count > 0 ? route_rules_list(facts->rules, name)
                                          : found->ours;
}

/* Where it goes is known: false, no further rule is looked at. */
static bool
settle(struct route *route, enum route_place place, enum route_reason reason)
{
    route->place = place;
    route->reason = reason;
    return false;
}

/* The override of the name asked for goes before that of its target, field by field. */
static struct replica_override
merge_overrides(struct replica_override asked, struct replica_override target)
{
    if (asked.has_weight) {
        target.has_weight = true;
        target.weight = asked.weight;
    }
    if (asked.has_mode) {
        target.has_mode = true;
        target.mode = asked.mode;
    }
    return target;
}

/* The override file may say something of the domain, and it can't be told what. */
static bool
is_unclear(const struct facts *facts, const struct replica_override *override)
{
    return override->unclear || (replica_is_unclear(facts->replica) &&
                                    !override->has_weight && !override->has_mode);
}

/* Steps 2 and 3: same_as, and is it ours?  False: the route is decided. */
static bool
find_domain(struct facts *facts, struct route *route)
{
    struct replica_domain asked;
    struct replica_domain target;
    bool ours = find_ours(facts, route->domain, &asked);

    if (!replica_is_loaded(facts->replica) && (ours || facts->rules->domain_count == 0))
        return settle(route, ROUTE_UNKNOWN, ROUTE_REASON_NOT_LOADED);
    if (!ours)
        return settle(route, ROUTE_NOT_OURS, ROUTE_REASON_NOT_OURS);
    route->suspect = asked.suspect;
    if (is_unclear(facts, &asked.override))
        return settle(route, ROUTE_UNKNOWN, ROUTE_REASON_OVERRIDE);
    if (asked.state == NULL)
        return settle(route, ROUTE_UNKNOWN, ROUTE_REASON_NO_STATE);
    if (asked.state->mode == DOMAIN_MODE_FORGOTTEN && !asked.override.has_mode)
        return settle(route, ROUTE_NOT_OURS, ROUTE_REASON_FORGOTTEN);
    target = asked;
    if (asked.state->same_as[0] != '\0') {
        route->domain = span_of(asked.state->same_as);
        ours = find_ours(facts, route->domain, &target);
        route->suspect |= target.suspect;
        if (!ours || target.state == NULL)
            return settle(route, ROUTE_UNKNOWN, ROUTE_REASON_NO_STATE);
        if (target.override.unclear)
            return settle(route, ROUTE_UNKNOWN, ROUTE_REASON_OVERRIDE);
    }
    facts->state = target.state;
    facts->override = merge_overrides(asked.override, target.override);
    route->weight =
        facts->override.has_weight ? facts->override.weight : target.state->weight;
    route->mode = facts->override.has_mode ? facts->override.mode : target.state->mode;
    if (route->mode == DOMAIN_MODE_FORGOTTEN)
        return settle(route, ROUTE_NOT_OURS, ROUTE_REASON_FORGOTTEN);
    if (!target.state->complete)
        return settle(route, ROUTE_UNKNOWN, ROUTE_REASON_NO_STATE);
    return true;
}

/* The address that pins, units and lists know: the local part under the domain found. */
static bool
make_key(struct route *route)
{
    struct span local = recipient_local(&route->recipient);
    struct recipient *key = &route->key;

    if (local.length + 1 + route->domain.length > RECIPIENT_MAX)
        return false;
    memcpy(key->text, local.data, local.length);
    key->text[local.length] = '@';
    memcpy(key->text + local.length + 1, route->domain.data, route->domain.length);
    key->local_length = local.length;
    key->length = local.length + 1 + route->domain.length;
    key->text[key->length] = '\0';
    return true;
}

static void
find_unit(const struct facts *facts, struct route *route)
{
    route->unit = replica_find_unit(facts->replica, recipient_address(&route->key));
    if (route->unit.length == 0)
        route->unit = recipient_address(&route->key);
    route->bucket = bucket_of(route->domain, route->unit);
}

static struct pin
find_pin(const struct facts *facts, struct span name)
{
    struct pin pin;

    if (!replica_find_pin(facts->replica, name, &pin) || !pin_counts(&pin, facts->now))
        pin = (struct pin){.place = PIN_NONE};
    return pin;
}

static enum route_place
place_of_pin(enum pin_place place)
{
    switch (place) {
    case PIN_OLD:
        return ROUTE_OLD;
    case PIN_NEW:
        return ROUTE_NEW;
    case PIN_STANDBY:
        return ROUTE_STANDBY;
    case PIN_HOLD:
        return ROUTE_HOLD;
    case PIN_NONE:
    case PIN_BAD:
        break;
    }
    return ROUTE_UNKNOWN;
}

static enum route_place
place_of_mode(enum domain_mode mode)
{
    switch (mode) {
    case DOMAIN_MODE_OLD:
        return ROUTE_OLD;
    case DOMAIN_MODE_NEW:
        return ROUTE_NEW;
    case DOMAIN_MODE_STANDBY:
        return ROUTE_STANDBY;
    case DOMAIN_MODE_HOLD:
        return ROUTE_HOLD;
    case DOMAIN_MODE_SPLIT:
    case DOMAIN_MODE_FORGOTTEN:
        break;
    }
    return ROUTE_UNKNOWN;
}

/* The pins of recipient and unit, in this order. */
struct pins {
    struct pin pins[2];
    struct span names[2];
};

static bool
end_by_pin(
    struct route *route, const struct pins *pins, size_t i, enum route_reason reason)
{
    route->pin = pins->pins[i];
    route->pin_name = pins->names[i];
    return settle(route, place_of_pin(pins->pins[i].place), reason);
}

/* The first of the two that says `place` decides.  True: none does. */
static bool
ask_pins(struct route *route, const struct pins *pins, enum pin_place place,
    enum route_reason reason)
{
    for (size_t i = 0; i < ARRAY_LENGTH(pins->pins); i++) {
        if (pins->pins[i].place == place)
            return end_by_pin(route, pins, i, reason);
    }
    return true;
}

/* Step 4 up to the pins.  False: the route is decided. */
static bool
ask_pins_and_mode(const struct facts *facts, struct route *route)
{
    struct pins pins = {
        .names = {recipient_address(&route->key), route->unit}
    };

    pins.pins[0] = find_pin(facts, pins.names[0]);
    if (!span_equal(pins.names[0], pins.names[1]))
        pins.pins[1] = find_pin(facts, pins.names[1]);
    if (!ask_pins(route, &pins, PIN_HOLD, ROUTE_REASON_PIN_HOLD))
        return false;
    /* What was never understood may have meant hold. */
    if (!ask_pins(route, &pins, PIN_BAD, ROUTE_REASON_BAD_PIN))
        return false;
    if (route->mode != DOMAIN_MODE_SPLIT)
        return settle(route, place_of_mode(route->mode), ROUTE_REASON_MODE);
    for (size_t i = 0; i < ARRAY_LENGTH(pins.pins); i++) {
        if (pins.pins[i].place != PIN_NONE)
            return end_by_pin(route, &pins, i, ROUTE_REASON_PIN);
    }
    return true;
}

static bool
is_system_recipient(struct span local)
{
    /* What a forwarder made of a sender's address: `SRS0=hash=...`, where the `=` may be
     * a
     * + or -, at which an extension may have been cut. */
    if (span_starts_nocase(local, SPAN("SRS0")) ||
        span_starts_nocase(local, SPAN("SRS1")))
        return local.length == 4 || strchr("=+-", local.data[4]) != NULL;
    return span_is_nocase(local, "postmaster") || span_is_nocase(local, "abuse");
}

/* Step 4 from the system recipients on.  False: the route is decided. */
static bool
ask_weight_and_lists(const struct facts *facts, struct route *route)
{
    static const struct span exclude = {"exclude", 7};
    static const struct span known = {"known", 5};
    const struct domain_state *state = facts->state;

    if (route->weight < WEIGHT_ALL) {
        if (facts->rules->system_recipients_on_old &&
            is_system_recipient(recipient_local(&route->recipient)))
            return settle(route, ROUTE_OLD, ROUTE_REASON_SYSTEM);
        if (replica_list_has(facts->replica, route->domain, exclude, route->unit))
            return settle(route, ROUTE_OLD, ROUTE_REASON_EXCLUDE);
        if (replica_list_count(facts->replica, route->domain, known) > 0 &&
            !replica_list_has(facts->replica, route->domain, known, route->unit))
            return settle(route, ROUTE_OLD, ROUTE_REASON_UNLISTED);
    }
    for (size_t i = 0; i < state->list_count; i++) {
        struct span list = span_of(state->lists[i]);

        if (replica_list_has(facts->replica, route->domain, list, route->unit)) {
            route->list = list;
            return settle(route, ROUTE_NEW, ROUTE_REASON_LIST);
        }
    }
    return settle(route, route->bucket < route->weight ? ROUTE_NEW : ROUTE_OLD,
        ROUTE_REASON_BUCKET);
}

static const char *
nexthop_of(const struct domain_state *state, enum route_place place)
{
    switch (place) {
    case ROUTE_OLD:
        return state->old_route;
    case ROUTE_NEW:
        return state->new_route;
    case ROUTE_STANDBY:
        return state->standby_route;
    case ROUTE_HOLD:
    case ROUTE_NOT_OURS:
    case ROUTE_UNKNOWN:
        break;
    }
    return "";
}

/* Whether the weight or mode that decided comes from the override file. */
static bool
rests_on_override(const struct replica_override *override, enum route_reason reason)
{
    switch (reason) {
    case ROUTE_REASON_SYSTEM:
    case ROUTE_REASON_EXCLUDE:
    case ROUTE_REASON_UNLISTED:
    case ROUTE_REASON_BUCKET:
        return override->has_mode || override->has_weight;
    case ROUTE_REASON_MODE:
    case ROUTE_REASON_PIN:
    case ROUTE_REASON_LIST:
    case ROUTE_REASON_UNMOVED:
    case ROUTE_REASON_NO_STANDBY:
        return override->has_mode;
    case ROUTE_REASON_NO_ADDRESS:
    case ROUTE_REASON_NOT_OURS:
    case ROUTE_REASON_FORGOTTEN:
    case ROUTE_REASON_NOT_LOADED:
    case ROUTE_REASON_NO_STATE:
    case ROUTE_REASON_OVERRIDE:
    case ROUTE_REASON_BAD_PIN:
    case ROUTE_REASON_PIN_HOLD:
        break;
    }
    return false;
}

/* What goes with the place that was found. */
static void
complete(const struct facts *facts, struct route *route)
{
    if (route->place == ROUTE_STANDBY && facts->state->standby_route[0] == '\0')
        (void)settle(route, ROUTE_UNKNOWN, ROUTE_REASON_NO_STANDBY);
    route->overridden = rests_on_override(&facts->override, route->reason);
    if (route->place == ROUTE_UNKNOWN)
        return;
    route->state = facts->state;
    route->nexthop = nexthop_of(facts->state, route->place);
    route->at_site = route->place == ROUTE_OLD && domain_state_old_is_site(facts->state);
}

static void
decide(struct facts *facts, struct span address, struct route *route)
{
    *route = (struct route){.place = ROUTE_NOT_OURS,
        .reason = ROUTE_REASON_NO_ADDRESS,
        .nexthop = "",
        .site = facts->rules->site};
    if (!recipient_parse(address, &facts->rules->recipient, &route->recipient))
        return;
    route->domain = recipient_domain(&route->recipient);
    route->unit = recipient_address(&route->recipient);
    if (!find_domain(facts, route))
        return;
    if (!make_key(route)) {
        (void)settle(route, ROUTE_NOT_OURS, ROUTE_REASON_NO_ADDRESS);
        return;
    }
    find_unit(facts, route);
    if (ask_pins_and_mode(facts, route)) {
        if (facts->mailbox)
            (void)settle(route, ROUTE_OLD, ROUTE_REASON_UNMOVED);
        else
            (void)ask_weight_and_lists(facts, route);
    }
    complete(facts, route);
}

void
route_decide(const struct route_rules *rules, const struct replica *replica,
    struct span address, int64_t now, struct route *route)
{
    struct facts facts = {.rules = rules, .replica = replica, .now = now};

    decide(&facts, address, route);
}

void
route_decide_mailbox(const struct route_rules *rules, const struct replica *replica,
    struct span address, int64_t now, struct route *route)
{
    struct facts facts = {
        .rules = rules, .replica = replica, .now = now, .mailbox = true};

    decide(&facts, address, route);
}

const char *
route_place_name(enum route_place place)
{
    static const char *const names[] = {
        [ROUTE_OLD] = "old",
        [ROUTE_NEW] = "new",
        [ROUTE_STANDBY] = "standby",
        [ROUTE_HOLD] = "hold",
        [ROUTE_NOT_OURS] = "not-ours",
        [ROUTE_UNKNOWN] = "unknown",
    };

    return names[place];
}

const char *
route_reason_name(enum route_reason reason)
{
    static const char *const names[] = {
        [ROUTE_REASON_NO_ADDRESS] = "no-address",
        [ROUTE_REASON_NOT_OURS] = "not-ours",
        [ROUTE_REASON_FORGOTTEN] = "forgotten",
        [ROUTE_REASON_NOT_LOADED] = "not-loaded",
        [ROUTE_REASON_NO_STATE] = "no-state",
        [ROUTE_REASON_OVERRIDE] = "override",
        [ROUTE_REASON_BAD_PIN] = "bad-pin",
        [ROUTE_REASON_NO_STANDBY] = "no-standby",
        [ROUTE_REASON_PIN_HOLD] = "pin-hold",
        [ROUTE_REASON_MODE] = "mode",
        [ROUTE_REASON_PIN] = "pin",
        [ROUTE_REASON_SYSTEM] = "system",
        [ROUTE_REASON_EXCLUDE] = "exclude",
        [ROUTE_REASON_UNLISTED] = "unlisted",
        [ROUTE_REASON_LIST] = "list",
        [ROUTE_REASON_BUCKET] = "bucket",
        [ROUTE_REASON_UNMOVED] = "unmoved",
    };

    return names[reason];
}

bool
route_rules_list(const struct route_rules *rules, struct span name)
{
    return domain_list_has(rules->domains, rules->domain_count, name);
}
