#include "policyd/routing/route_page.h"

#include "shared/base/number.h"

static void
explain_pin(struct buffer *out, const struct route *route)
{
    char until[21];

    buffer_printf(out, "pin %s on ", pin_place_name(route->pin.place));
    buffer_append(out, route->pin_name);
    if (route->pin.until != 0) {
        number_rfc3339_write(route->pin.until, until);
        buffer_printf(out, " until %s", until);
    }
}

static void
explain_bucket(struct buffer *out, const struct route *route)
{
    char weight[8];

    domain_weight_write(route->weight, weight);
    buffer_printf(out, "bucket %u is %s the weight of %s (%u)", route->bucket,
        route->bucket < route->weight ? "below" : "not below", weight, route->weight);
}

/* Of reasons that are the same for everybody. */
static const char *const sentences[] = {
    [ROUTE_REASON_NO_ADDRESS] = "this is no address that could be routed",
    [ROUTE_REASON_NOT_OURS] =
        "the domain is none of ours, the site's own maps say where its mail goes",
    [ROUTE_REASON_FORGOTTEN] =
        "mode is forgotten, the site's own maps say where its mail goes",
    [ROUTE_REASON_NOT_LOADED] =
        "neither Redis nor a snapshot has been read yet, mail waits in the queue",
    [ROUTE_REASON_NO_STATE] =
        "the domain is ours but never had a good state, mail waits in the queue",
    [ROUTE_REASON_OVERRIDE] =
        ("the override file can't be read, or not what it says of this domain; mail "
         "waits in the queue"),
    [ROUTE_REASON_NO_STANDBY] =
        "it is sent to standby, which the domain lacks, mail waits in the queue",
    [ROUTE_REASON_EXCLUDE] =
        "the unit is on the list exclude, which stays on old until 100",
    [ROUTE_REASON_UNLISTED] = ("the unit is not on the list known, so it stays on old "
                               "until the weight is 100"),
    [ROUTE_REASON_UNMOVED] = "no pin says that the mailbox was moved",
};

static void
explain_reason(struct buffer *out, const struct route *route)
{
    switch (route->reason) {
    case ROUTE_REASON_NO_ADDRESS:
    case ROUTE_REASON_NOT_OURS:
    case ROUTE_REASON_FORGOTTEN:
    case ROUTE_REASON_NOT_LOADED:
    case ROUTE_REASON_NO_STATE:
    case ROUTE_REASON_OVERRIDE:
    case ROUTE_REASON_NO_STANDBY:
    case ROUTE_REASON_EXCLUDE:
    case ROUTE_REASON_UNLISTED:
    case ROUTE_REASON_UNMOVED:
        buffer_append_text(out, sentences[route->reason]);
        break;
    case ROUTE_REASON_BAD_PIN:
        explain_pin(out, route);
        buffer_append_text(out, " says nothing usable, mail waits in the queue");
        break;
    case ROUTE_REASON_MODE:
        buffer_printf(out, "mode is %s", domain_mode_name(route->mode));
        break;
    case ROUTE_REASON_PIN_HOLD:
    case ROUTE_REASON_PIN:
        explain_pin(out, route);
        break;
    case ROUTE_REASON_SYSTEM:
        buffer_printf(out, "%s stay on old until the weight is 100",
            span_starts_nocase(recipient_local(&route->recipient), SPAN("SRS"))
                ? "forwarders' addresses (SRS)"
                : "postmaster and abuse");
        break;
    case ROUTE_REASON_LIST:
        buffer_append_text(out, "the unit is on the list ");
        buffer_append(out, route->list);
        break;
    case ROUTE_REASON_BUCKET:
        explain_bucket(out, route);
        break;
    }
}

/* The reason in a sentence of its own, without a final stop. */
static void
explain(struct buffer *out, const struct route *route)
{
    explain_reason(out, route);
    if (route->at_site)
        buffer_append_text(out, "; old=site, the site's own maps say where old is");
    if (route->overridden)
        buffer_append_text(out, ", by the override file");
}

static void
write_pin(struct json *json, const struct route *route)
{
    char until[21];

    if (route->pin.place == PIN_NONE) {
        json_null(json, "pin");
        return;
    }
    json_object_begin(json, "pin");
    json_span(json, "on", route->pin_name);
    json_text(json, "place", pin_place_name(route->pin.place));
    if (route->pin.until != 0) {
        number_rfc3339_write(route->pin.until, until);
        json_text(json, "until", until);
    } else {
        json_null(json, "until");
    }
    json_object_end(json);
}

static void
write_state(struct json *json, const struct route *route)
{
    if (route->state == NULL) {
        json_null(json, "bucket");
        json_null(json, "weight");
        json_null(json, "mode");
        return;
    }
    json_integer(json, "bucket", route->bucket);
    json_hundredths(json, "weight", route->weight);
    json_text(json, "mode", domain_mode_name(route->mode));
}

void
route_page_write(struct buffer *out, const char *source, struct span address,
    const struct route *route)
{
    struct json json = json_on(out);
    struct buffer why;

    buffer_init(&why, (size_t)4 * REPLICA_NAME_MAX);
    explain(&why, route);
    json_object_begin(&json, NULL);
    json_text(&json, "source", source);
    json_span(&json, "address", address);
    json_span(&json, "recipient", recipient_address(&route->recipient));
    json_span(&json, "domain", route->domain);
    json_span(&json, "unit", route->unit);
    json_text(&json, "result", route_place_name(route->place));
    json_text(&json, "reason", route_reason_name(route->reason));
    json_span(&json, "why", buffer_span(&why));
    json_text(&json, "nexthop", route->nexthop);
    json_text(&json, "site",
        route->site != NULL && route->site[0] != '\0' ? route->site : NULL);
    write_state(&json, route);
    if (route->list.length > 0)
        json_span(&json, "list", route->list);
    else
        json_null(&json, "list");
    write_pin(&json, route);
    json_bool(&json, "overridden", route->overridden);
    json_bool(&json, "suspect", route->suspect);
    json_object_end(&json);
    buffer_append_octet(out, '\n');
    buffer_clear(&why);
}
