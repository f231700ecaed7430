#include <stdio.h>

#include "policyd/replica/replica_orders_inside.h"

/* Pins and units: one that goes is an order, many at once are not. */

/* While an alarm stands, and at what raises it: this one stays as well. */
static void
hold_loss(struct replica_orders *orders, struct span name)
{
    orders->held++;
    orders->tainted = true;
    orders_suspect_loss(orders, replica_name_domain(name));
}

static void
raise_alarm(struct replica_orders *orders, const char *what, size_t lost, size_t left)
{
    char text[300];

    snprintf(text, sizeof(text),
        "%zu of %zu %s went within 60 s and are kept; if that was meant (expired by EX, "
        "say, where until= in the pin is the way), `postshiftctl accept-state` goes on",
        lost + 1, lost + left, what);
    orders_raise_alarm(orders, text);
}

static bool
may_lose_pin(struct replica_orders *orders, struct span name, const struct pin *pin)
{
    if (pin->place == PIN_BAD || !pin_counts(pin, orders->now) ||
        !replica_rules_concern(&orders->rules, name) ||
        orders_is_waived(orders, replica_name_domain(name)))
        return true;
    if (orders->alarm[0] == '\0' && replica_guard_may_lose_pin(orders->guard,
                                        orders->answering, name, orders->now_ms))
        return true;
    if (orders->alarm[0] == '\0')
        raise_alarm(orders, "pins",
            replica_guard_lost_pins(orders->guard, orders->now_ms),
            replica_pin_count(orders->answering));
    hold_loss(orders, name);
    return false;
}

static void
lose_pin(struct replica_orders *orders, struct span name)
{
    struct pin pin;

    if (!replica_find_pin(orders->answering, name, &pin) ||
        !may_lose_pin(orders, name, &pin))
        return;
    replica_remove_pin(orders->answering, name);
    orders_tell(orders, CHANGE_PIN, name, span_of(""), span_of(pin_place_name(pin.place)),
        span_of(""));
}

/* The last good meaning goes on; without one, the recipient waits. */
static void
keep_pin(struct replica_orders *orders, unsigned targets, struct span key,
    struct span name, const struct replica_value *value, const char *text)
{
    struct pin pin;

    if (!replica_find_pin(orders->answering, name, &pin))
        pin.place = PIN_BAD;
    if ((targets & REPLICA_ANSWERING) != 0)
        replica_put_pin(orders->answering, name, pin.place, pin.until);
    if ((targets & REPLICA_LOADING) != 0)
        replica_put_pin(orders->loading, name, pin.place, pin.until);
    orders_problem_text(orders, PROBLEM_INVALID, key, "pin", value->text, text,
        pin_place_name(pin.place));
}

static void
put_pin(struct replica_orders *orders, unsigned targets, struct span name,
    const struct pin *pin)
{
    struct pin ours;

    if ((targets & REPLICA_LOADING) != 0)
        replica_put_pin(orders->loading, name, pin->place, pin->until);
    if ((targets & REPLICA_ANSWERING) == 0)
        return;
    replica_guard_found_pin(orders->guard, name);
    (void)replica_find_pin(orders->answering, name, &ours);
    if (ours.place == pin->place && ours.until == pin->until)
        return;
    replica_put_pin(orders->answering, name, pin->place, pin->until);
    orders_tell(orders, CHANGE_PIN, name, span_of(""),
        span_of(ours.place == PIN_NONE ? "" : pin_place_name(ours.place)),
        span_of(pin->place == PIN_NONE ? "" : pin_place_name(pin->place)));
}

void
orders_take_pin(struct replica_orders *orders, unsigned targets, struct span key,
    struct span name, const struct replica_value *value)
{
    struct error error = {.text = "is not a string"};
    struct pin pin;

    if (value->kind == VALUE_ABSENT) {
        if ((targets & REPLICA_LOADING) != 0)
            replica_remove_pin(orders->loading, name);
        if ((targets & REPLICA_ANSWERING) != 0)
            lose_pin(orders, name);
    } else if (value->kind == VALUE_TEXT && pin_parse(value->text, &pin, &error)) {
        put_pin(orders, targets, name, &pin);
    } else {
        keep_pin(orders, targets, key, name, value, error.text);
    }
}

static void
put_expiry(struct replica *replica, struct span name, int64_t until)
{
    struct pin pin;

    if (replica != NULL && replica_find_pin(replica, name, &pin) &&
        pin.place != PIN_BAD && (pin.until == 0 || pin.until > until))
        replica_put_pin(replica, name, pin.place, until);
}

void
replica_orders_take_expiry(
    struct replica_orders *orders, struct span name, int64_t seconds)
{
    int64_t until = orders->now + (seconds > 0 ? seconds : 0);

    put_expiry(orders->answering, name, until);
    put_expiry(orders->loading, name, until);
}

static bool
may_lose_unit(struct replica_orders *orders, struct span recipient)
{
    if (!replica_rules_concern(&orders->rules, recipient) ||
        orders_is_waived(orders, replica_name_domain(recipient)))
        return true;
    if (orders->alarm[0] == '\0' && replica_guard_may_lose_unit(orders->guard,
                                        orders->answering, recipient, orders->now_ms))
        return true;
    if (orders->alarm[0] == '\0')
        raise_alarm(orders, "units",
            replica_guard_lost_units(orders->guard, orders->now_ms),
            replica_unit_count(orders->answering));
    hold_loss(orders, recipient);
    return false;
}

static void
lose_unit(struct replica_orders *orders, struct span recipient)
{
    struct replica_name before;

    if (!replica_name_set(&before, replica_find_unit(orders->answering, recipient)) ||
        !may_lose_unit(orders, recipient))
        return;
    replica_remove_unit(orders->answering, recipient);
    orders_tell(orders, CHANGE_UNIT, recipient, span_of(""), replica_name_span(&before),
        span_of(""));
}

static void
keep_unit(struct replica_orders *orders, unsigned targets, struct span key,
    struct span recipient, const struct replica_value *value)
{
    struct replica_name ours;
    bool is_known =
        replica_name_set(&ours, replica_find_unit(orders->answering, recipient));

    if ((targets & REPLICA_LOADING) != 0 && is_known)
        replica_put_unit(orders->loading, recipient, replica_name_span(&ours));
    orders_problem_text(orders, PROBLEM_INVALID, key, "unit", value->text,
        "a unit is a name of 1 to 1024 octets without control characters, and no pattern",
        ours.text);
}

static void
put_unit(struct replica_orders *orders, unsigned targets, struct span recipient,
    struct span unit)
{
    struct replica_name ours;

    if ((targets & REPLICA_LOADING) != 0)
        replica_put_unit(orders->loading, recipient, unit);
    if ((targets & REPLICA_ANSWERING) == 0)
        return;
    replica_guard_found_unit(orders->guard, recipient);
    (void)replica_name_set(&ours, replica_find_unit(orders->answering, recipient));
    if (span_equal(replica_name_span(&ours), unit))
        return;
    replica_put_unit(orders->answering, recipient, unit);
    orders_tell(
        orders, CHANGE_UNIT, recipient, span_of(""), replica_name_span(&ours), unit);
}

void
orders_take_unit(struct replica_orders *orders, unsigned targets, struct span key,
    struct span recipient, const struct replica_value *value)
{
    struct replica_name unit;

    if (value->kind == VALUE_ABSENT) {
        if ((targets & REPLICA_LOADING) != 0)
            replica_remove_unit(orders->loading, recipient);
        if ((targets & REPLICA_ANSWERING) != 0)
            lose_unit(orders, recipient);
    } else if (value->kind == VALUE_TEXT &&
               replica_name_read(value->text, &orders->rules.recipient, &unit)) {
        put_unit(orders, targets, recipient, replica_name_span(&unit));
    } else {
        keep_unit(orders, targets, key, recipient, value);
    }
}
