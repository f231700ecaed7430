/*
 * check_dns - what DNS must say of a domain before it is moved: MX, SPF, DKIM, DMARC, and
 * names of the addresses that send.
 *
 * Asks through a look-up (the service, or a table in tests).  A time-out or SERVFAIL is
 * `unknown`, never a missing record.  Pure.
 */
#ifndef POLICYD_CHECKS_CHECK_DNS_H
#define POLICYD_CHECKS_CHECK_DNS_H

#include "policyd/checks/check.h"
#include "shared/dns/dns_lookup.h"

struct check_texts {
    const char *const *items;
    size_t count;
};

/* What a web server has; `trouble`: why nothing came, NULL: it answered. */
struct check_document {
    const char *trouble;
    unsigned status;
    struct span text;
};

/* The certificates that a host shows on port 25, its own first, by their SHA-256. */
enum { CHECK_DIGEST = 32, CHECK_CHAIN_MAX = 6 };
struct check_chain {
    const char *trouble; /* NULL: there they are */
    struct {
        unsigned char certificate[CHECK_DIGEST];
        unsigned char key[CHECK_DIGEST]; /* its public key */
    } links[CHECK_CHAIN_MAX];
    size_t count;
};

struct check_dns {
    const struct dns_lookup *lookup;
    struct span domain;          /* canonical */
    struct check_texts gateways; /* names of hosts; none: not said */
    /* What each side sends from: numeric addresses. */
    struct check_texts outbound_old;
    struct check_texts outbound_new;
    struct check_texts selectors; /* of DKIM, both sides' */
    struct check_texts zones;     /* block lists */
    /* How others than the resolver are asked; NULL: they can't be. */
    void *context;
    const struct dns_lookup *(*server)(void *context, const char *address);
    void (*fetch)(void *context, const char *host, const char *path,
        struct check_document *document);
    void (*chain)(void *context, const char *address, struct check_chain *chain);
};

/* Where `name` is one of CHECK_DNS. */
void check_dns_look(
    const struct check_dns *dns, enum check_name name, struct check *check);

/* The parts, a file each. */
void check_mx_gateways(const struct check_dns *dns, struct check *check);
void check_mx_target(const struct check_dns *dns, struct check *check);
void check_ns_agree(const struct check_dns *dns, struct check *check);
void check_mta_sts(const struct check_dns *dns, struct check *check);
void check_tlsa(const struct check_dns *dns, struct check *check);
void check_mx_ttl(const struct check_dns *dns, struct check *check);
void check_spf_record(const struct check_dns *dns, struct check *check);
void check_spf_outbound(const struct check_dns *dns, struct check *check);
/* Whether SPF passes an address: PASS, FAIL or UNKNOWN. */
enum check_result check_spf_passes(
    const struct check_dns *dns, const char *text, struct arena *arena);
void check_dkim_keys(const struct check_dns *dns, struct check *check);
void check_dmarc_record(const struct check_dns *dns, struct check *check);
void check_ptr(const struct check_dns *dns, struct check *check);
void check_dnsbl(const struct check_dns *dns, struct check *check);

#endif
