#include "policyd/preflight/preflight_places.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "policyd/checks/check_answer.h"
#include "policyd/state/domain_route.h"

static void
add(struct preflight_places *places, const struct preflight_place *place)
{
    if (places->count < CHECK_PLACES_MAX)
        places->items[places->count++] = *place;
}

/* One host; `address` is its name where that stays as it is. */
static void
add_host(struct preflight_places *places, const struct domain_route *route, size_t host,
    const char *address, const char *family, struct arena *arena)
{
    const char *name = arena_text(arena, route->hosts[host].host);
    bool is_name = !span_is(route->hosts[host].host, address);
    struct preflight_place place = {
        .route = arena_printf(arena, "%.*s:[%s]:%u", (int)route->transport.length,
            route->transport.data, address, route->hosts[host].port),
        .name = name,
        .shown = arena_printf(
            arena, "%s[%s]:%u", is_name ? name : "", address, route->hosts[host].port),
        .family = family,
    };

    add(places, &place);
}

static void
resolve(struct preflight_places *places, const struct domain_route *route, size_t host,
    const struct dns_lookup *lookup, struct arena *arena)
{
    static const enum dns_type types[] = {DNS_A, DNS_AAAA};
    static const char *const families[] = {"IPv4", "IPv6"};
    struct span name = route->hosts[host].host;
    size_t found = 0;

    for (size_t i = 0; i < 2; i++) {
        const struct dns_answer *answer = dns_lookup_one(lookup, name, types[i]);
        struct preflight_place place = {.shown = arena_text(arena, name),
            .name = "",
            .family = families[i],
            .trouble = arena_printf(
                arena, "its address has no answer: %s", dns_status_name(answer->status))};

        for (size_t j = 0; j < answer->count; j++)
            add_host(places, route, host,
                check_address_write(answer->records[j].address, i == 0 ? 4 : 16, arena),
                families[i], arena);
        if (dns_status_is_temporary(answer->status))
            add(places, &place);
        found += answer->count + dns_status_is_temporary(answer->status);
    }
    /* DNS has it not: /etc/hosts may. */
    if (found == 0)
        add_host(places, route, host, arena_text(arena, name), "either", arena);
}

/* Nothing is sent: a datagram socket only looks for a way. */
static bool
has_way(const char *shown)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(25)};
    size_t open = span_find_last(span_of(shown), '[');
    size_t end = span_find_last(span_of(shown), ']');
    char text[64];
    bool found;
    int fd;

    if (open == SPAN_NONE || end == SPAN_NONE || end <= open || end - open > sizeof(text))
        return true;
    (void)span_copy(span_make(shown + open + 1, end - open - 1), text, sizeof(text));
    if (inet_pton(AF_INET6, text, &address.sin6_addr) != 1)
        return true;
    fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    found = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    (void)close(fd);
    return found;
}

/* Where no other is in reach, it is asked all the same: that is trouble then. */
static void
find_ways(struct preflight_places *places)
{
    size_t in_reach = 0;

    for (size_t i = 0; i < places->count; i++) {
        struct preflight_place *place = &places->items[i];

        place->is_out_of_reach = strcmp(place->family, "IPv6") == 0 &&
                                 place->trouble == NULL && !has_way(place->shown);
        in_reach += place->trouble == NULL && !place->is_out_of_reach;
    }
    for (size_t i = 0; in_reach == 0 && i < places->count; i++)
        places->items[i].is_out_of_reach = false;
}

bool
preflight_places_find(struct preflight_places *places, const char *route,
    const struct dns_lookup *lookup, struct arena *arena, struct error *error)
{
    struct domain_route read;
    unsigned char address[16];

    places->count = 0;
    if (!domain_route_read(span_of(route), &read, error))
        return false;
    if (read.socket.length > 0)
        add(places, &(struct preflight_place){.route = route,
                        .name = "",
                        .shown = arena_text(arena, read.socket),
                        .family = "unix"});
    for (size_t i = 0; read.socket.length == 0 && i < read.count; i++) {
        const char *host = arena_text(arena, read.hosts[i].host);
        size_t length = check_address_read(host, address);

        if (length != 0)
            add_host(places, &read, i, host, length == 4 ? "IPv4" : "IPv6", arena);
        else if (lookup != NULL)
            resolve(places, &read, i, lookup, arena);
        else
            add_host(places, &read, i, host, "either", arena);
    }
    find_ways(places);
    return true;
}

const struct preflight_place *
preflight_places_first(const struct preflight_places *places)
{
    for (size_t i = 0; places != NULL && i < places->count; i++) {
        if (places->items[i].trouble == NULL && !places->items[i].is_out_of_reach)
            return &places->items[i];
    }
    return NULL;
}
