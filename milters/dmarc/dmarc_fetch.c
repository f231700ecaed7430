#include "milters/dmarc/dmarc_fetch.h"

#include "shared/base/allocate.h"
#include "shared/base/domain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpsl.h>

struct dmarc_suffixes {
    psl_ctx_t *list;
};

struct dmarc_suffixes *
dmarc_suffixes_new(struct error *error)
{
    struct dmarc_suffixes *suffixes = allocate(sizeof(*suffixes));

    suffixes->list = psl_latest(NULL);
    if (suffixes->list == NULL) {
        (void)error_permanent(error, "no public suffix list (package publicsuffix)");
        free(suffixes);
        return NULL;
    }
    return suffixes;
}

void
dmarc_suffixes_free(struct dmarc_suffixes *suffixes)
{
    if (suffixes == NULL)
        return;
    psl_free(suffixes->list);
    free(suffixes);
}

/* A public suffix is its own organization. */
static struct span
find_organization(const struct dmarc_suffixes *suffixes, struct span name)
{
    char text[DOMAIN_MAX + 1];
    const char *found;

    if (suffixes == NULL)
        return (struct span){NULL, 0};
    if (!span_copy(name, text, sizeof(text)))
        return name;
    span_lower(text, strlen(text));
    found = psl_registrable_domain(suffixes->list, text);
    return found == NULL ? name : span_from(name, name.length - strlen(found));
}

static struct dns_question *
ask(const struct dns_lookup *lookup, const struct dmarc_question *question)
{
    char name[sizeof("_dmarc.") + DOMAIN_MAX];

    if (question->is_existence)
        return dns_lookup_ask(lookup, question->name, DNS_A);
    (void)snprintf(name, sizeof(name), "_dmarc.%.*s", (int)question->name.length,
        question->name.data);
    return dns_lookup_ask(lookup, span_of(name), DNS_TXT);
}

/* The top has a record for hardly anyone: it is asked for where that matters. */
static void
ask_above(const struct dns_lookup *lookup, struct span name)
{
    for (name = dmarc_walk_above(name); domain_label_count(name) > 1;
         name = dmarc_walk_above(name))
        (void)ask(lookup, &(struct dmarc_question){name, false});
}

void
dmarc_fetch_ask(const struct dns_lookup *lookup, const struct dmarc_suffixes *suffixes,
    struct span author)
{
    struct span organization = find_organization(suffixes, author);

    (void)ask(lookup, &(struct dmarc_question){author, false});
    if (suffixes == NULL)
        ask_above(lookup, author);
    else if (organization.length > 0 && !span_equal(organization, author))
        (void)ask(lookup, &(struct dmarc_question){organization, false});
}

void
dmarc_fetch(const struct dns_lookup *lookup, const struct dmarc_suffixes *suffixes,
    struct span author, struct dmarc_identifier *identifiers, size_t count,
    struct dmarc_verdict *verdict)
{
    const struct dmarc_request request = {
        author, find_organization(suffixes, author), identifiers, count};
    struct dmarc_knowledge known = {.count = 0};
    struct dmarc_question question;

    for (size_t i = 0; i < count; i++)
        identifiers[i].organization = find_organization(suffixes, identifiers[i].domain);
    while (!dmarc_decide(&request, &known, verdict, &question)) {
        if (dmarc_learn(&known, question.name, question.is_existence,
                dns_lookup_wait(lookup, ask(lookup, &question))))
            continue;
        verdict->result = AUTH_TEMPERROR;
        verdict->reason = "too many questions to DNS";
        return;
    }
}
