#include "shared/dns/dns_lookup.h"

#include "shared/base/attributes.h"

struct dns_question *
dns_lookup_ask(const struct dns_lookup *lookup, struct span name, enum dns_type type)
{
    return lookup->ask(lookup->context, name, type);
}

const struct dns_answer *
dns_lookup_wait(const struct dns_lookup *lookup, struct dns_question *question)
{
    return lookup->wait(lookup->context, question);
}

const struct dns_answer *
dns_lookup_one(const struct dns_lookup *lookup, struct span name, enum dns_type type)
{
    return dns_lookup_wait(lookup, dns_lookup_ask(lookup, name, type));
}

bool
dns_status_is_temporary(enum dns_status status)
{
    return status != DNS_OK && status != DNS_NODATA && status != DNS_NXDOMAIN &&
           status != DNS_BADNAME;
}

const char *
dns_status_name(enum dns_status status)
{
    static const char *const names[] = {
        [DNS_OK] = "ok",
        [DNS_NODATA] = "nodata",
        [DNS_NXDOMAIN] = "nxdomain",
        [DNS_SERVFAIL] = "servfail",
        [DNS_REFUSED] = "refused",
        [DNS_TIMEOUT] = "timeout",
        [DNS_BADNAME] = "badname",
        [DNS_MALFORMED] = "malformed",
        [DNS_LOCAL] = "local",
    };

    return (size_t)status < ARRAY_LENGTH(names) ? names[status] : "unknown";
}
