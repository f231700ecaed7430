#include "policyd/replica/replica_orders_inside.h"

/* The reply for held mail.  Without one the file's counts, so its going is an order. */

static void
put_text(struct replica_orders *orders, unsigned targets, struct span text)
{
    if ((targets & REPLICA_LOADING) != 0)
        (void)replica_set_hold_text(orders->loading, text);
    if ((targets & REPLICA_ANSWERING) != 0)
        (void)replica_set_hold_text(orders->answering, text);
}

void
orders_take_hold_text(struct replica_orders *orders, unsigned targets, struct span key,
    const struct replica_value *value)
{
    struct replica *probe =
        (targets & REPLICA_ANSWERING) != 0 ? orders->answering : orders->loading;

    if (value->kind == VALUE_ABSENT) {
        put_text(orders, targets, SPAN(""));
    } else if (value->kind == VALUE_TEXT && value->text.length > 0 &&
               replica_set_hold_text(probe, value->text)) {
        put_text(orders, targets, value->text);
    } else {
        /* The last good one goes on, through a load as well. */
        if ((targets & REPLICA_LOADING) != 0)
            (void)replica_set_hold_text(
                orders->loading, span_of(replica_hold_text(orders->answering)));
        orders_problem_text(orders, PROBLEM_INVALID, key, "text", value->text,
            "a reply is one line of 1 to 300 printable ASCII characters",
            replica_hold_text(orders->answering));
    }
}
