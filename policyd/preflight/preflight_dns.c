#include "policyd/preflight/preflight_dns.h"

#include <stdlib.h>

#include "shared/base/allocate.h"

/* A question has less than all of them. */
enum { QUESTION_MS = 2500 };

struct preflight_dns {
    struct dns *service;
    struct dns_context *context;
    struct dns_lookup lookup;
};

struct preflight_dns *
preflight_dns_new(
    const struct dns_config *config, uint64_t budget_ms, struct error *error)
{
    struct preflight_dns *dns = allocate(sizeof(*dns));
    struct dns_config own = *config;

    own.message_timeout = budget_ms;
    if (own.timeout > QUESTION_MS)
        own.timeout = QUESTION_MS;
    dns->service = dns_new(&own, NULL, error);
    if (dns->service == NULL) {
        free(dns);
        return NULL;
    }
    dns->context = dns_context_new(dns->service);
    dns->lookup = dns_context_lookup(dns->context);
    return dns;
}

void
preflight_dns_free(struct preflight_dns *dns)
{
    if (dns == NULL)
        return;
    dns_context_free(dns->context);
    dns_free(dns->service);
    free(dns);
}

void
preflight_dns_limit(struct preflight_dns *dns, uint64_t most_ms)
{
    dns_context_limit(dns->context, most_ms);
}

const struct dns_lookup *
preflight_dns_lookup(const struct preflight_dns *dns)
{
    return &dns->lookup;
}
