#include "policyd/smtp/smtp_places.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/state/domain_route.h"
#include "shared/base/allocate.h"

struct smtp_places {
    char *text;
    struct domain_route route; /* spans into it */
    size_t host;               /* the next one to resolve */
    struct redis_resolve *resolve;
    struct redis_target targets[REDIS_TARGETS_MAX]; /* of the last one resolved */
    size_t target;
    size_t target_count;
    struct smtp_place place;
    void (*found)(void *argument, const struct smtp_place *place, const char *why);
    void *argument;
};

static void
write_address(const struct redis_target *target, char out[INET6_ADDRSTRLEN])
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    out[0] = '\0';
    memcpy(&v4, &target->address, sizeof(v4));
    memcpy(&v6, &target->address, sizeof(v6));
    if (target->address.ss_family == AF_INET)
        (void)inet_ntop(AF_INET, &v4.sin_addr, out, INET6_ADDRSTRLEN);
    else if (target->address.ss_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &v6.sin6_addr, out, INET6_ADDRSTRLEN);
}

static void
tell_target(struct smtp_places *places)
{
    struct smtp_place *place = &places->place;
    char address[INET6_ADDRSTRLEN];

    place->target = places->targets[places->target++];
    if (places->route.socket.length > 0) {
        (void)snprintf(place->shown, sizeof(place->shown), "unix:%.*s",
            (int)places->route.socket.length, places->route.socket.data);
    } else {
        write_address(&place->target, address);
        (void)snprintf(place->shown, sizeof(place->shown), "%s[%s]:%u", place->name,
            address, places->route.hosts[places->host - 1].port);
    }
    places->found(places->argument, place, "");
}

static void
resolved(
    void *argument, const struct redis_target *targets, size_t count, const char *why)
{
    struct smtp_places *places = argument;
    char text[400];

    memcpy(places->targets, targets, count * sizeof(*targets));
    places->target = 0;
    places->target_count = count;
    if (count > 0) {
        tell_target(places);
        return;
    }
    (void)snprintf(text, sizeof(text), "%s has no address: %s", places->place.name, why);
    places->found(places->argument, NULL, text);
}

struct smtp_places *
smtp_places_new(struct event_base *base, struct span route, unsigned timeout_ms,
    void (*found)(void *argument, const struct smtp_place *place, const char *why),
    void *argument, struct error *error)
{
    struct smtp_places *places = allocate(sizeof(*places));

    places->text = allocate_text(route);
    places->found = found;
    places->argument = argument;
    places->resolve = redis_resolve_new(base, timeout_ms, resolved, places);
    if (domain_route_read(span_make(places->text, route.length), &places->route, error))
        return places;
    smtp_places_free(places);
    return NULL;
}

void
smtp_places_free(struct smtp_places *places)
{
    if (places == NULL)
        return;
    redis_resolve_free(places->resolve);
    free(places->text);
    free(places);
}

void
smtp_places_next(struct smtp_places *places)
{
    struct socket_address address = {.kind = SOCKET_INET};
    const struct domain_route *route = &places->route;
    size_t count = route->socket.length > 0 ? 1 : route->count;
    size_t host = places->host;

    if (places->target < places->target_count) {
        tell_target(places);
        return;
    }
    if (host == count) {
        places->found(places->argument, NULL, "");
        return;
    }
    places->host++;
    if (route->socket.length > 0) {
        address.kind = SOCKET_UNIX;
        (void)span_copy(route->socket, address.path, sizeof(address.path));
    } else {
        (void)span_copy(
            route->hosts[host].host, places->place.name, sizeof(places->place.name));
        memcpy(address.host, places->place.name, sizeof(address.host));
        address.port = route->hosts[host].port;
    }
    redis_resolve_start(places->resolve, &address);
}

bool
smtp_places_are_lmtp(const struct smtp_places *places)
{
    return places->route.is_lmtp;
}
