#include "milters/dmarc/dmarc_walk.h"

#include "shared/base/domain.h"

enum { SKIP_TO_LABELS = 7 };

static const struct dmarc_fact *
find_fact(const struct dmarc_knowledge *known, struct span name, bool is_existence)
{
    for (size_t i = 0; i < known->count; i++) {
        if (known->facts[i].is_existence == is_existence &&
            span_equal_nocase(known->facts[i].name, name))
            return &known->facts[i];
    }
    return NULL;
}

/* A single record counts; several are none (section 4.10, step 2). */
static bool
read_records(const struct dns_answer *answer, struct dmarc_record *record)
{
    size_t found = 0;

    for (size_t i = 0; i < answer->count; i++) {
        struct dmarc_record other;

        if (!dmarc_record_parse(answer->records[i].text, &other))
            continue;
        *record = other;
        found++;
    }
    return found == 1;
}

bool
dmarc_learn(struct dmarc_knowledge *known, struct span name, bool is_existence,
    const struct dns_answer *answer)
{
    struct dmarc_fact *fact = &known->facts[known->count];

    if (known->count == DMARC_KNOWLEDGE_MAX)
        return false;
    *fact = (struct dmarc_fact){
        .name = name, .is_existence = is_existence, .finding = DMARC_NO_RECORD};
    if (dns_status_is_temporary(answer->status))
        fact->finding = DMARC_NO_ANSWER;
    else if (answer->status == DNS_NXDOMAIN || answer->status == DNS_BADNAME)
        fact->finding = DMARC_NO_NAME;
    else if (!is_existence && answer->status == DNS_OK &&
             read_records(answer, &fact->record))
        fact->finding = DMARC_RECORD;
    known->count++;
    return true;
}

enum dmarc_finding
dmarc_known(const struct dmarc_knowledge *known, struct span name, bool is_existence,
    struct dmarc_record *record)
{
    const struct dmarc_fact *fact = find_fact(known, name, is_existence);

    if (fact == NULL)
        return DMARC_UNASKED;
    if (record != NULL)
        *record = fact->record;
    return fact->finding;
}

struct span
dmarc_walk_above(struct span name)
{
    size_t labels = domain_label_count(name);

    do
        name = domain_parent(name);
    while (labels-- > SKIP_TO_LABELS + 1);
    return name;
}

/* The part of `name` that is one label longer than `above`. */
static struct span
one_below(struct span name, struct span above)
{
    while (domain_parent(name).length > above.length)
        name = domain_parent(name);
    return name;
}

struct dmarc_walk
dmarc_walk(struct span name, const struct dmarc_knowledge *known)
{
    struct dmarc_walk walk = {
        DMARC_WALK_DONE, {NULL, 0},
         name, {NULL, 0}
    };
    struct span at = name;

    for (; at.length > 0; at = dmarc_walk_above(at)) {
        struct dmarc_record record;

        switch (dmarc_known(known, at, false, &record)) {
        case DMARC_UNASKED:
            walk.state = DMARC_WALK_ASKS;
            walk.asks = at;
            return walk;
        case DMARC_NO_ANSWER:
            walk.state = DMARC_WALK_FAILED;
            return walk;
        case DMARC_NO_RECORD:
        case DMARC_NO_NAME:
            continue;
        case DMARC_RECORD:
            break;
        }
        walk.organization = at;
        if (record.psd == DMARC_PSD_NO)
            return walk;
        if (record.psd == DMARC_PSD_YES) {
            if (at.length < name.length) {
                walk.organization = one_below(name, at);
                walk.suffix = at;
            }
            return walk;
        }
    }
    return walk;
}
