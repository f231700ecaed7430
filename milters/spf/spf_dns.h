/*
 * spf_dns - what one SPF check asks of DNS, and what it may (RFC 7208
 * sections 4.6.4, 5.5, 6.2).
 *
 * The first error is the check's verdict, and after it nothing more is asked.  Counts go
 * over all records of a check.  Time is the look-up's: when it is used up, its answers
 * say so.
 */
#ifndef MILTERS_SPF_SPF_DNS_H
#define MILTERS_SPF_SPF_DNS_H

#include "milters/message/auth_result.h"
#include "shared/base/arena.h"
#include "shared/records/spf_macro.h"
#include "shared/records/spf_record.h"

enum {
    SPF_DNS_TERMS_MAX = 10, /* that ask, redirect included */
    SPF_DNS_VOIDS_MAX = 2,  /* of them, without an answer */
    SPF_DNS_MX_MAX = 10,
    SPF_DNS_PTR_MAX = 10,
    SPF_DNS_EXPLANATION_MAX = 400, /* octets, expanded */
};

struct spf_dns {
    const struct dns_lookup *lookup;
    struct arena *arena;      /* for names and the explanation */
    struct spf_values values; /* but domain and validated, which are set as needed */
    unsigned terms;
    unsigned voids;
    bool is_decided;
    enum auth_result verdict;
    const char *problem;
    bool names_are_known; /* the client's validated names */
    struct span names[SPF_DNS_PTR_MAX];
    size_t name_count;
};

/* Sets the verdict, if there is none yet; always false. */
bool spf_dns_decide(struct spf_dns *dns, enum auth_result verdict, const char *problem);

/* Counts a term that asks; false when it is one too many, or a verdict is there. */
bool spf_dns_count_term(struct spf_dns *dns);

/* A sound domain-spec's name, `domain` being the current one and an empty spec's. */
struct span spf_dns_name(struct spf_dns *dns, struct span spec, struct span domain);

/*
 * Asks for a term's own name.  NULL after an error; else the answer, which may be void
 * (and then has been counted) or that of a name which can't be asked for.
 */
const struct dns_answer *spf_dns_term(
    struct spf_dns *dns, struct span name, enum dns_type type);

/* The record of a name; where it has none, `missing` is the verdict. */
bool spf_dns_record(struct spf_dns *dns, struct span name, enum auth_result missing,
    struct spf_record *record);

/* The type that the client's addresses have. */
enum dns_type spf_dns_address_type(const struct spf_dns *dns);

/* Whether the client has a validated name at or below `domain`: errors mean no. */
bool spf_dns_has_name(struct spf_dns *dns, struct span domain);

/* What a domain has to say to a fail; empty when nothing, or nothing fit to be shown. */
struct span spf_dns_explanation(
    struct spf_dns *dns, const struct spf_record *record, struct span domain);

#endif
