#include "policyd/state/domain_doubt.h"

static struct span
nexthop_of(const char *route)
{
    struct span text = span_of(route);
    size_t colon = span_find(text, ':');

    return colon == SPAN_NONE ? text : span_from(text, colon + 1);
}

static bool
same_place(const char *left, const char *right)
{
    return left[0] != '\0' && span_equal_nocase(nexthop_of(left), nexthop_of(right));
}

/* Our services tell by their names, in the log and in the header, whose mail it was. */
static bool
goes_by(const char *route, const char *service)
{
    return span_starts(span_of(route), span_of(service));
}

const char *
domain_doubt(const struct domain_state *from, const struct domain_state *to)
{
    if (same_place(to->old_route, to->new_route))
        return "`old` and `new` name the same place";
    if (goes_by(to->old_route, "cutover-new") ||
        goes_by(to->old_route, "cutover-standby"))
        return "an `old` by a service that marks its mail as another backend's";
    if (goes_by(to->new_route, "cutover-old") ||
        goes_by(to->new_route, "cutover-standby"))
        return "a `new` by a service that marks its mail as another backend's";
    if (from != NULL && same_place(from->old_route, to->new_route) &&
        same_place(from->new_route, to->old_route))
        return "swapping `old` and `new` (everybody moves to the other side)";
    return NULL;
}
