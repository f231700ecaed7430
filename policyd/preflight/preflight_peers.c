#include "policyd/preflight/preflight_peers.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/checks/check_answer.h"
#include "policyd/checks/mta_sts.h"
#include "policyd/preflight/preflight_fetch.h"
#include "policyd/preflight/preflight_trouble.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum { SERVERS_MAX = 32, SERVER_MS = 1000, CHAIN_MS = 3000, TEXT_MAX = 1 << 20 };

/* One name server. */
struct peer {
    const char *address;
    struct dns *service;
    struct dns_context *context;
    struct dns_lookup lookup;
};

struct preflight_peers {
    const struct dns_config *config;
    const struct dns_lookup *lookup;
    const char *hello;
    struct arena *arena;
    struct peer servers[SERVERS_MAX];
    size_t count;
    uint64_t budget_ms;
    uint64_t servers_since_ms; /* 0: none was asked yet */
    uint64_t chains_since_ms;
};

/* Whether time is left of a kind that began at *since. */
static bool
has_time(const struct preflight_peers *peers, uint64_t *since)
{
    uint64_t now = clock_now_ms();

    if (*since == 0)
        *since = now;
    return now - *since < peers->budget_ms;
}

/* --- name servers --- */

static const struct dns_lookup *
find_server(void *argument, const char *address)
{
    struct preflight_peers *peers = argument;
    struct dns_config config = *peers->config;
    struct error error;
    struct peer *peer;

    for (size_t i = 0; i < peers->count; i++) {
        if (strcmp(peers->servers[i].address, address) == 0)
            return &peers->servers[i].lookup;
    }
    if (peers->count == SERVERS_MAX || !has_time(peers, &peers->servers_since_ms))
        return NULL;
    peer = &peers->servers[peers->count];
    peer->address = arena_text(peers->arena, span_of(address));
    config.servers = (struct config_list){.items = &peer->address, .count = 1};
    config.timeout = SERVER_MS;
    config.message_timeout = SERVER_MS;
    peer->service = dns_new(&config, NULL, &error);
    if (peer->service == NULL)
        return NULL;
    peer->context = dns_context_new(peer->service);
    peer->lookup = dns_context_lookup(peer->context);
    peers->count++;
    return &peer->lookup;
}

/* --- certificates --- */

struct chain_talk {
    struct check_chain *chain;
    struct arena *arena;
};

static void
ended(void *argument, const struct smtp_talk_result *result)
{
    struct chain_talk *talk = argument;
    struct check_chain *chain = talk->chain;

    chain->trouble = NULL;
    if (!result->tls.is_in_use) {
        chain->trouble = preflight_trouble(talk->arena, result);
        if (chain->trouble == NULL)
            chain->trouble = "STARTTLS is not offered";
        return;
    }
    for (size_t i = 0; i < result->tls.chain_count && i < CHECK_CHAIN_MAX; i++) {
        memcpy(
            chain->links[i].certificate, result->tls.chain[i].certificate, CHECK_DIGEST);
        memcpy(chain->links[i].key, result->tls.chain[i].key, CHECK_DIGEST);
        chain->count++;
    }
}

static void
find_chain(void *argument, const char *address, struct check_chain *chain)
{
    static const struct smtp_talk_events events = {NULL, ended};
    struct preflight_peers *peers = argument;
    struct chain_talk talk = {.chain = chain, .arena = peers->arena};
    struct error error = {.text = ""};
    struct smtp_tls *tls = smtp_tls_new(&error);
    struct event_base *base = allocated(event_base_new());
    const struct smtp_talk_options options = {
        .route = arena_printf(peers->arena, "smtp:[%s]:25", address),
        .hello = peers->hello,
        .tls = tls,
        .timeout_ms = CHAIN_MS,
        .step_timeout_ms = CHAIN_MS,
    };
    struct smtp_talk *running = NULL;

    *chain = (struct check_chain){.trouble = "no time was left for it"};
    if (has_time(peers, &peers->chains_since_ms)) {
        running = smtp_talk_start(base, &options, &events, &talk, &error);
        if (running == NULL)
            chain->trouble = arena_text(peers->arena, span_of(error.text));
    }
    (void)event_base_dispatch(base);
    smtp_talk_free(running);
    event_base_free(base);
    smtp_tls_free(tls);
}

/* --- the policy --- */

static void
fetch(void *argument, const char *host, const char *path, struct check_document *document)
{
    static const enum dns_type types[] = {DNS_A, DNS_AAAA};
    struct preflight_peers *peers = argument;
    struct preflight_request request = {
        .host = host,
        .path = path,
        .addresses = "",
        .timeout_ms = peers->budget_ms,
        .most = MTA_STS_MOST,
    };

    for (size_t i = 0; i < 2; i++) {
        const struct dns_answer *answer =
            dns_lookup_one(peers->lookup, span_of(host), types[i]);

        for (size_t j = 0; j < answer->count; j++)
            request.addresses = arena_printf(peers->arena, "%s%s%s", request.addresses,
                request.addresses[0] == '\0' ? "" : ",",
                check_address_write(
                    answer->records[j].address, i == 0 ? 4 : 16, peers->arena));
    }
    *document = (struct check_document){.trouble = "its name has no address"};
    if (request.addresses[0] != '\0')
        preflight_fetch(&request, document, peers->arena);
}

/* --- life --- */

struct preflight_peers *
preflight_peers_new(const struct dns_config *config, const struct dns_lookup *lookup,
    const char *hello, uint64_t budget_ms)
{
    struct preflight_peers *peers = allocate(sizeof(*peers));

    *peers = (struct preflight_peers){.config = config,
        .lookup = lookup,
        .hello = hello,
        .budget_ms = budget_ms,
        .arena = arena_new(TEXT_MAX)};
    return peers;
}

void
preflight_peers_free(struct preflight_peers *peers)
{
    if (peers == NULL)
        return;
    for (size_t i = 0; i < peers->count; i++) {
        dns_context_free(peers->servers[i].context);
        dns_free(peers->servers[i].service);
    }
    arena_free(peers->arena);
    free(peers);
}

void
preflight_peers_join(struct preflight_peers *peers, struct check_dns *dns)
{
    dns->context = peers;
    dns->server = find_server;
    dns->chain = find_chain;
    dns->fetch = fetch;
}
