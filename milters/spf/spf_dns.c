#include "milters/spf/spf_dns.h"

#include "shared/base/domain.h"
#include "shared/dns/dns_name.h"

#include <string.h>

enum { EXPLANATION_TEXT_MAX = 4096 }; /* octets, before it is expanded */

bool
spf_dns_decide(struct spf_dns *dns, enum auth_result verdict, const char *problem)
{
    if (!dns->is_decided) {
        dns->is_decided = true;
        dns->verdict = verdict;
        dns->problem = problem;
    }
    return false;
}

bool
spf_dns_count_term(struct spf_dns *dns)
{
    if (dns->is_decided)
        return false;
    if (dns->terms == SPF_DNS_TERMS_MAX)
        return spf_dns_decide(dns, AUTH_PERMERROR, "more than 10 terms ask DNS");
    dns->terms++;
    return true;
}

static const char *
failure_text(enum dns_status status)
{
    switch (status) {
    case DNS_SERVFAIL:
        return "DNS server failure";
    case DNS_REFUSED:
        return "DNS server refused";
    case DNS_TIMEOUT:
        return "DNS timeout";
    case DNS_MALFORMED:
        return "DNS answer malformed";
    case DNS_OK:
    case DNS_NODATA:
    case DNS_NXDOMAIN:
    case DNS_BADNAME:
    case DNS_LOCAL:
        break;
    }
    return "no DNS server";
}

/* NULL after an error. */
static const struct dns_answer *
ask(struct spf_dns *dns, struct span name, enum dns_type type)
{
    const struct dns_answer *answer;

    if (dns->is_decided)
        return NULL;
    answer = dns_lookup_one(dns->lookup, name, type);
    if (dns_status_is_temporary(answer->status)) {
        (void)spf_dns_decide(dns, AUTH_TEMPERROR, failure_text(answer->status));
        return NULL;
    }
    return answer;
}

const struct dns_answer *
spf_dns_term(struct spf_dns *dns, struct span name, enum dns_type type)
{
    const struct dns_answer *answer = ask(dns, name, type);

    if (answer == NULL || answer->status == DNS_OK)
        return answer;
    if (dns->voids == SPF_DNS_VOIDS_MAX) {
        (void)spf_dns_decide(dns, AUTH_PERMERROR, "more than 2 void look-ups");
        return NULL;
    }
    dns->voids++;
    return answer;
}

bool
spf_dns_record(struct spf_dns *dns, struct span name, enum auth_result missing,
    struct spf_record *record)
{
    const struct dns_answer *answer = ask(dns, name, DNS_TXT);
    const char *problem;
    struct span text;

    if (answer == NULL)
        return false;
    switch (spf_record_select(answer, &text)) {
    case 0:
        return spf_dns_decide(dns, missing,
            missing == AUTH_NONE ? NULL
                                 : "include or redirect to a name without a record");
    case 1:
        break;
    default:
        return spf_dns_decide(dns, AUTH_PERMERROR, "a name has more than one record");
    }
    return spf_record_parse(text, record, &problem) ||
           spf_dns_decide(dns, AUTH_PERMERROR, problem);
}

enum dns_type
spf_dns_address_type(const struct spf_dns *dns)
{
    return dns->values.address_length == 4 ? DNS_A : DNS_AAAA;
}

static bool
has_client(const struct spf_dns *dns, const struct dns_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        if (memcmp(answer->records[i].address, dns->values.address,
                dns->values.address_length) == 0)
            return true;
    }
    return false;
}

/*
 * Section 5.5: the names that the client's address has and that have this address.  They
 * are asked for at most once a check, all at the same time; an error is no name.
 */
static void
learn_names(struct spf_dns *dns)
{
    struct dns_question *questions[SPF_DNS_PTR_MAX];
    char reverse[DNS_NAME_REVERSE_MAX];
    const struct dns_answer *pointers;
    size_t count;

    if (dns->names_are_known || dns->is_decided)
        return;
    dns->names_are_known = true;
    pointers = dns_lookup_one(dns->lookup,
        dns_name_reverse(dns->values.address, dns->values.address_length, reverse),
        DNS_PTR);
    count = pointers->count < SPF_DNS_PTR_MAX ? pointers->count : SPF_DNS_PTR_MAX;
    for (size_t i = 0; i < count; i++)
        questions[i] = dns_lookup_ask(
            dns->lookup, pointers->records[i].text, spf_dns_address_type(dns));
    for (size_t i = 0; i < count; i++) {
        if (has_client(dns, dns_lookup_wait(dns->lookup, questions[i])))
            dns->names[dns->name_count++] = pointers->records[i].text;
    }
}

bool
spf_dns_has_name(struct spf_dns *dns, struct span domain)
{
    learn_names(dns);
    for (size_t i = 0; i < dns->name_count; i++) {
        if (domain_is_at_or_below(dns->names[i], domain))
            return true;
    }
    return false;
}

/* Section 7.2, %{p}: the domain itself, else a name below it, else any. */
static struct span
validated_name(struct spf_dns *dns, struct span domain)
{
    struct span best = SPAN("unknown");

    learn_names(dns);
    for (size_t i = dns->name_count; i-- > 0;) {
        if (span_equal_nocase(dns->names[i], domain))
            return dns->names[i];
        if (domain_is_below(dns->names[i], domain) || !domain_is_below(best, domain))
            best = dns->names[i];
    }
    return best;
}

static const struct spf_values *
values_at(struct spf_dns *dns, struct span text, struct span domain)
{
    dns->values.domain = domain;
    if (spf_macro_has(text, 'p'))
        dns->values.validated = validated_name(dns, domain);
    return &dns->values;
}

struct span
spf_dns_name(struct spf_dns *dns, struct span spec, struct span domain)
{
    char name[SPF_MACRO_NAME_MAX];

    if (spec.length == 0)
        return domain;
    return arena_span(
        dns->arena, spf_macro_name(spec, values_at(dns, spec, domain), name));
}

static bool
is_printable(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e)
            return false;
    }
    return true;
}

/*
 * Section 6.2.  The domain writes the text, the sender and the client parts of what it
 * expands to: what comes out is shown only when it is short and printable.
 */
struct span
spf_dns_explanation(
    struct spf_dns *dns, const struct spf_record *record, struct span domain)
{
    const struct dns_answer *answer;
    struct span shown = {NULL, 0};
    struct span text;
    struct buffer out;

    if (record->exp.length == 0)
        return shown;
    answer = dns_lookup_one(dns->lookup, spf_dns_name(dns, record->exp, domain), DNS_TXT);
    if (answer->count != 1)
        return shown;
    text = answer->records[0].text;
    if (text.length > EXPLANATION_TEXT_MAX ||
        !spf_macro_is_sound(text, SPF_MACRO_EXPLANATION))
        return shown;
    buffer_init(&out, SPF_DNS_EXPLANATION_MAX);
    spf_macro_expand(text, values_at(dns, text, domain), &out);
    if (buffer_ok(&out) && is_printable(buffer_span(&out)))
        shown = arena_span(dns->arena, buffer_span(&out));
    buffer_clear(&out);
    return shown;
}
