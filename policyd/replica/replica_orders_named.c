#include <stdio.h>

#include "policyd/replica/replica_orders_inside.h"

/* Pins and units: one that goes is an order, many at once are not. */

static const enum replica_change_kind changes[REPLICA_KINDS] = {
    [REPLICA_PIN] = CHANGE_PIN,
    [REPLICA_UNIT] = CHANGE_UNIT,
};

/* As it is told; "": none.  Copied, since it may be borrowed from the replica. */
static struct replica_name
show(enum replica_kind kind, struct span value)
{
    struct replica_name shown;

    if (kind == REPLICA_PIN && value.length > 0)
        value = span_of(pin_place_name(replica_pin_unpack(value).place));
    (void)replica_name_set(&shown, value);
    return shown;
}

static void
tell(struct replica_orders *orders, enum replica_kind kind, struct span name,
    struct span from, struct span to)
{
    orders_tell(orders, changes[kind], name, span_of(""), from, to);
}

/* While an alarm stands, and at what raises it: this one stays as well. */
static void
hold_loss(struct replica_orders *orders, struct span name)
{
    orders->held++;
    orders->tainted = true;
    orders_suspect_loss(orders, replica_name_domain(name));
}

static void
raise_alarm(struct replica_orders *orders, enum replica_kind kind)
{
    size_t lost = replica_guard_lost(orders->guard, kind, orders->now_ms);
    char text[300];

    snprintf(text, sizeof(text),
        "%zu of %zu %ss went within 60 s and are kept; if that was meant (expired by EX, "
        "say, where until= in the pin is the way), `postshiftctl accept-state` goes on",
        lost + 1, lost + replica_count(orders->answering, kind), replica_kind_name(kind));
    orders_raise_alarm(orders, text);
}

static bool
may_lose(struct replica_orders *orders, enum replica_kind kind, struct span name,
    struct span value)
{
    if (!replica_value_counts(kind, value, orders->now) ||
        !replica_rules_concern(&orders->rules, name) ||
        orders_is_waived(orders, replica_name_domain(name)))
        return true;
    if (orders->alarm[0] == '\0' && replica_guard_may_lose(orders->guard,
                                        orders->answering, kind, name, orders->now_ms))
        return true;
    if (orders->alarm[0] == '\0')
        raise_alarm(orders, kind);
    hold_loss(orders, name);
    return false;
}

static void
lose(struct replica_orders *orders, enum replica_kind kind, struct span name)
{
    struct replica_name before;
    struct span value;

    if (!replica_find(orders->answering, kind, name, &value) ||
        !may_lose(orders, kind, name, value))
        return;
    before = show(kind, value);
    replica_remove(orders->answering, kind, name);
    tell(orders, kind, name, replica_name_span(&before), span_of(""));
}

/* The last good meaning goes on.  Without one a recipient whose pin can't be read waits;
 * one whose unit can't be read is its own. */
static void
keep(struct replica_orders *orders, enum replica_kind kind, unsigned targets,
    struct span key, struct span name, const struct replica_value *value,
    const char *text)
{
    char room[REPLICA_PIN_OCTETS];
    struct replica_name kept;
    struct span ours;

    if (!replica_find(orders->answering, kind, name, &ours) && kind == REPLICA_PIN) {
        ours = replica_pin_pack(PIN_BAD, 0, room);
        if ((targets & REPLICA_ANSWERING) != 0)
            replica_put(orders->answering, kind, name, ours);
    }
    if ((targets & REPLICA_LOADING) != 0 && ours.length > 0)
        replica_put(orders->loading, kind, name, ours);
    kept = show(kind, ours);
    orders_problem_text(orders, PROBLEM_INVALID, key, replica_kind_name(kind),
        value->text, text, kept.text);
}

static void
put(struct replica_orders *orders, enum replica_kind kind, unsigned targets,
    struct span name, struct span value)
{
    struct replica_name before;
    struct replica_name after;
    struct span ours;

    if ((targets & REPLICA_LOADING) != 0)
        replica_put(orders->loading, kind, name, value);
    if ((targets & REPLICA_ANSWERING) == 0)
        return;
    replica_guard_found(orders->guard, kind, name);
    (void)replica_find(orders->answering, kind, name, &ours);
    if (span_equal(ours, value))
        return;
    before = show(kind, ours);
    after = show(kind, value);
    replica_put(orders->answering, kind, name, value);
    tell(orders, kind, name, replica_name_span(&before), replica_name_span(&after));
}

/* A text to the value that a replica holds, which borrows from `room`. */
static bool
read_text(const struct replica_orders *orders, enum replica_kind kind,
    const struct replica_value *text, struct replica_name *room, struct span *value,
    struct error *error)
{
    bool is_text = text->kind == VALUE_TEXT;
    struct pin pin;

    if (kind == REPLICA_UNIT) {
        if (!is_text || !replica_name_read(text->text, &orders->rules.recipient, room))
            return error_permanent(error, "a unit is a name of 1 to 1024 octets without "
                                          "control characters, and no pattern");
        *value = replica_name_span(room);
        return true;
    }
    if (!is_text)
        return error_permanent(error, "is not a string");
    if (!pin_parse(text->text, &pin, error))
        return false;
    *value = replica_pin_pack(pin.place, pin.until, room->text);
    return true;
}

void
orders_take_named(struct replica_orders *orders, enum replica_kind kind, unsigned targets,
    struct span key, struct span name, const struct replica_value *value)
{
    struct replica_name room;
    struct error error;
    struct span read = SPAN("");

    if (value->kind == VALUE_ABSENT) {
        if ((targets & REPLICA_LOADING) != 0)
            replica_remove(orders->loading, kind, name);
        if ((targets & REPLICA_ANSWERING) != 0)
            lose(orders, kind, name);
    } else if (read_text(orders, kind, value, &room, &read, &error)) {
        put(orders, kind, targets, name, read);
    } else {
        keep(orders, kind, targets, key, name, value, error.text);
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
