#include "policyd/routing/route_view.h"

#include "shared/base/attributes.h"

struct route_view {
    struct span name;
    enum route_place at_home; /* ROUTE_NOT_OURS: nowhere */
    bool probes;              /* it is no mail, just a question */
};

static const struct route_view views[] = {
    {{"transport", 9}, ROUTE_NOT_OURS, false},
    {{"verify", 6},    ROUTE_NOT_OURS, true },
    {{"from-old", 8},  ROUTE_OLD,      false},
    {{"from-new", 8},  ROUTE_NEW,      false},
};

const struct route_view *
route_view_find(struct span name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(views); i++) {
        if (span_equal(name, views[i].name))
            return &views[i];
    }
    return NULL;
}

static struct route_view_answer
not_found(void)
{
    return (struct route_view_answer){VIEW_NOTFOUND, SPAN(""), SPAN("")};
}

static struct route_view_answer
try_later(const char *why)
{
    return (struct route_view_answer){VIEW_TEMP, span_of(why), SPAN("")};
}

static const char *
why_unknown(enum route_reason reason)
{
    if (reason == ROUTE_REASON_NOT_LOADED)
        return "neither Redis nor a snapshot has been read yet";
    if (reason == ROUTE_REASON_OVERRIDE)
        return "what the override file says of this domain can't be read";
    if (reason == ROUTE_REASON_BAD_PIN)
        return "the pin of this recipient says nothing usable";
    if (reason == ROUTE_REASON_NO_STANDBY)
        return "the domain has no standby";
    return "the domain has no good state yet";
}

/* The next hop as a backend's own Postfix can use it. */
static struct route_view_answer
tell_backend(struct span nexthop)
{
    size_t colon = span_find(nexthop, ':');
    struct span hosts = span_from(nexthop, colon + 1);

    if (span_starts(hosts, SPAN("unix:")))
        return try_later("the next hop is a socket file, which only the gateway can use");
    if (span_ends(span_first(nexthop, colon), SPAN("lmtp")))
        return (struct route_view_answer){VIEW_OK, SPAN("lmtp:"), hosts};
    return (struct route_view_answer){VIEW_OK, SPAN("smtp:"), hosts};
}

/* By services of ours that leave a refusal what it is. */
static struct route_view_answer
tell_prober(struct span nexthop)
{
    size_t colon = span_find(nexthop, ':');
    bool by_lmtp = span_ends(span_first(nexthop, colon), SPAN("lmtp"));

    return (struct route_view_answer){VIEW_OK,
        by_lmtp ? SPAN("cutover-verify-lmtp:") : SPAN("cutover-verify:"),
        span_from(nexthop, colon + 1)};
}

struct route_view_answer
route_view_answer(
    const struct route_view *view, const struct route *route, const char *hold_text)
{
    switch (route->place) {
    case ROUTE_NOT_OURS:
        return not_found();
    case ROUTE_UNKNOWN:
        return try_later(why_unknown(route->reason));
    case ROUTE_HOLD:
        return (struct route_view_answer){
            VIEW_OK, SPAN("retry:4.2.1 "), span_of(hold_text)};
    case ROUTE_OLD:
    case ROUTE_NEW:
    case ROUTE_STANDBY:
        break;
    }
    if (route->place == view->at_home)
        return not_found();
    if (view->probes && !route->at_site)
        return tell_prober(span_of(route->nexthop));
    if (view->at_home == ROUTE_NOT_OURS)
        return route->at_site ? not_found()
                              : (struct route_view_answer){
                                    VIEW_OK, span_of(route->nexthop), SPAN("")};
    if (route->at_site)
        return try_later("old=site: only the gateway's own maps know where old is");
    return tell_backend(span_of(route->nexthop));
}
