#include "policyd/redis/redis_resolve.h"

#include "shared/base/allocate.h"

#include <event2/dns.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

/* Lives until evdns has called back, which may be after its owner's end. */
struct query {
    struct redis_resolve *owner;
};

struct redis_resolve {
    struct event_base *base;
    struct evdns_base *dns; /* made when the first name is asked for */
    struct evdns_getaddrinfo_request *request;
    struct query *query;
    unsigned timeout_ms;
    char host[254];
    redis_resolved *callback;
    void *argument;
};

static void
unix_target(const struct socket_address *address, struct redis_target *target)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    memcpy(name.sun_path, address->path, sizeof(name.sun_path));
    name.sun_path[sizeof(name.sun_path) - 1] = '\0';
    memset(target, 0, sizeof(*target));
    memcpy(&target->address, &name, sizeof(name));
    target->length = sizeof(name);
}

static size_t
targets_of(
    const struct evutil_addrinfo *list, const char *host, struct redis_target *targets)
{
    size_t count = 0;

    for (; list != NULL && count < REDIS_TARGETS_MAX; list = list->ai_next) {
        if (list->ai_addrlen > sizeof(targets[count].address))
            continue;
        memset(&targets[count], 0, sizeof(targets[count]));
        memcpy(&targets[count].address, list->ai_addr, list->ai_addrlen);
        targets[count].length = list->ai_addrlen;
        snprintf(targets[count].name, sizeof(targets[count].name), "%s", host);
        count++;
    }
    return count;
}

static void
resolved(int result, struct evutil_addrinfo *list, void *argument)
{
    struct query *query = argument;
    struct redis_resolve *resolve = query->owner;
    struct redis_target targets[REDIS_TARGETS_MAX];
    size_t count = targets_of(list, resolve == NULL ? "" : resolve->host, targets);

    free(query);
    if (list != NULL)
        evutil_freeaddrinfo(list);
    if (resolve == NULL)
        return;
    resolve->query = NULL;
    resolve->request = NULL;
    if (count == 0 && result == 0)
        result = EVUTIL_EAI_NODATA;
    resolve->callback(resolve->argument, targets, count,
        result == 0 ? "" : evutil_gai_strerror(result));
}

/* The files may have changed since the last time. */
static void
read_system_files(struct redis_resolve *resolve)
{
    char seconds[32];

    if (resolve->dns == NULL) {
        resolve->dns =
            allocated(evdns_base_new(resolve->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE));
        snprintf(seconds, sizeof(seconds), "%u", resolve->timeout_ms / 2000 + 1);
        evdns_base_set_option(resolve->dns, "timeout:", seconds);
        evdns_base_set_option(resolve->dns, "attempts:", "2");
    } else {
        evdns_base_clear_nameservers_and_suspend(resolve->dns);
        evdns_base_clear_host_addresses(resolve->dns);
        evdns_base_search_clear(resolve->dns);
    }
    evdns_base_resolv_conf_parse(
        resolve->dns, DNS_OPTION_SEARCH | DNS_OPTION_NAMESERVERS, "/etc/resolv.conf");
    evdns_base_load_hosts(resolve->dns, "/etc/hosts");
    evdns_base_resume(resolve->dns);
}

static void
resolve_name(struct redis_resolve *resolve, const char *host, const char *port,
    const struct evutil_addrinfo *hints)
{
    struct evdns_getaddrinfo_request *request;
    struct query *query = allocate(sizeof(*query));

    query->owner = resolve;
    resolve->query = query;
    read_system_files(resolve);
    request = evdns_getaddrinfo(resolve->dns, host, port, hints, resolved, query);
    /* What the hosts file answers has called back by now, and the owner may be gone. */
    if (request != NULL)
        resolve->request = request;
}

struct redis_resolve *
redis_resolve_new(struct event_base *base, unsigned timeout_ms, redis_resolved *callback,
    void *argument)
{
    struct redis_resolve *resolve = allocate(sizeof(*resolve));

    resolve->base = base;
    resolve->timeout_ms = timeout_ms;
    resolve->callback = callback;
    resolve->argument = argument;
    return resolve;
}

void
redis_resolve_free(struct redis_resolve *resolve)
{
    if (resolve == NULL)
        return;
    if (resolve->query != NULL)
        resolve->query->owner = NULL;
    if (resolve->request != NULL)
        evdns_getaddrinfo_cancel(resolve->request);
    if (resolve->dns != NULL)
        evdns_base_free(resolve->dns, 1);
    free(resolve);
}

void
redis_resolve_start(struct redis_resolve *resolve, const struct socket_address *address)
{
    struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_protocol = IPPROTO_TCP,
        .ai_flags = EVUTIL_AI_NUMERICHOST | EVUTIL_AI_NUMERICSERV,
    };
    struct evutil_addrinfo *list = NULL;
    struct redis_target targets[REDIS_TARGETS_MAX];
    const char *host = address->host[0] == '\0' ? "127.0.0.1" : address->host;
    char port[16];
    size_t count;

    if (address->kind == SOCKET_UNIX) {
        unix_target(address, &targets[0]);
        resolve->callback(resolve->argument, targets, 1, "");
        return;
    }
    snprintf(port, sizeof(port), "%u", address->port);
    if (evutil_getaddrinfo(host, port, &hints, &list) == 0) {
        count = targets_of(list, host, targets);
        evutil_freeaddrinfo(list);
        resolve->callback(resolve->argument, targets, count, "no usable address");
        return;
    }
    hints.ai_flags = EVUTIL_AI_NUMERICSERV;
    snprintf(resolve->host, sizeof(resolve->host), "%s", host);
    resolve_name(resolve, host, port, &hints);
}
