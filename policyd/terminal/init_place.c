#include "policyd/terminal/init_place.h"

#include <string.h>

static const struct span smtp = {"smtp:", 5};
static const struct span lmtp = {"lmtp:", 5};
static const struct span unix_socket = {"unix:", 5};

/* Whether it is SERVICE:[host]:port or SERVICE:unix:/path already. */
static bool
is_route(struct span text)
{
    struct domain_route route;
    struct error ignored;

    return !span_starts(text, smtp) && !span_starts(text, lmtp) &&
           !span_starts(text, unix_socket) && text.length > 0 && text.data[0] != '[' &&
           domain_route_read(text, &route, &ignored);
}

/* host, host:port, [host], [host]:port; an IPv6 address may stand without brackets where
 * no port follows. */
static bool
split(struct span text, struct span *host, struct span *port)
{
    size_t end;

    *port = SPAN("");
    if (text.length > 0 && text.data[0] == '[') {
        end = span_find(text, ']');
        if (end == SPAN_NONE)
            return false;
        *host = span_from(span_first(text, end), 1);
        text = span_from(text, end + 1);
        if (text.length > 0 && text.data[0] != ':')
            return false;
        *port = text.length > 0 ? span_from(text, 1) : text;
        return text.length != 1;
    }
    end = span_find(text, ':');
    *host = text;
    if (end == SPAN_NONE || span_find_last(text, ':') != end)
        return true;
    *host = span_first(text, end);
    *port = span_from(text, end + 1);
    return port->length > 0;
}

bool
init_place_read(struct span text, const char *side, struct arena *arena,
    const char **route, struct error *error)
{
    bool is_lmtp = span_starts(text, lmtp) || span_starts(text, unix_socket);
    struct domain_route read;
    struct span host;
    struct span port;

    if (text.length > INIT_PLACE_MAX || span_has_control(text) || !span_is_ascii(text))
        return error_permanent(
            error, "a backend is printable ASCII, at most %d octets", INIT_PLACE_MAX);
    if (span_is(text, "site")) {
        *route = "site";
        return strcmp(side, "old") == 0 ||
               error_permanent(error, "only old can be `site`: name new's host");
    }
    if (is_route(text)) {
        *route = arena_text(arena, text);
        return true;
    }
    if (span_starts(text, smtp) || span_starts(text, lmtp))
        text = span_from(text, smtp.length);
    if (span_starts(text, unix_socket)) {
        *route = arena_printf(arena, "cutover-%s-lmtp:%s", side, arena_text(arena, text));
    } else {
        if (!split(text, &host, &port) || host.length == 0)
            return error_permanent(
                error, "a backend is a host, host:port, lmtp:host or unix:/path");
        *route = arena_printf(arena, "cutover-%s%s:[%s]:%s", side, is_lmtp ? "-lmtp" : "",
            arena_text(arena, host),
            port.length > 0 ? arena_text(arena, port)
            : is_lmtp       ? "24"
                            : "25");
    }
    return domain_route_read(span_of(*route), &read, error);
}

bool
init_place_needs(const char *route, const struct domain_state_rules *rules,
    struct arena *arena, struct init_place_needs *needs, struct error *error)
{
    const struct span text = span_of(route);
    const char *transport = arena_text(arena, span_first(text, span_find(text, ':')));
    struct domain_state_rules allowed = *rules;
    struct error ignored;

    *needs = (struct init_place_needs){NULL, false};
    if (span_is(text, "site"))
        return true;
    allowed.transports = NULL;
    allowed.transport_count = 0;
    allowed.nexthop_count = 0;
    allowed.allow_loopback = true;
    if (!domain_route_check(text, &allowed, &ignored)) {
        needs->transport = transport;
        allowed.transports = &transport;
        allowed.transport_count = 1;
        if (!domain_route_check(text, &allowed, error))
            return false;
    }
    allowed.allow_loopback = false;
    needs->loopback = !domain_route_check(text, &allowed, &ignored);
    return true;
}
