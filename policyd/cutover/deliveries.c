#include "policyd/cutover/deliveries.h"

#include <stdlib.h>

#include "shared/base/allocate.h"

void
deliveries_clear(struct deliveries *deliveries)
{
    free(deliveries->rows);
    *deliveries = (struct deliveries){.rows = NULL};
}

static struct deliveries_row *
find(const struct deliveries *deliveries, struct span domain)
{
    for (size_t i = 0; i < deliveries->count; i++) {
        if (span_is(domain, deliveries->rows[i].domain))
            return &deliveries->rows[i];
    }
    return NULL;
}

void
deliveries_add(struct deliveries *deliveries, const char *domain,
    enum books_backend backend, enum outcome outcome)
{
    struct deliveries_row *row = find(deliveries, span_of(domain));

    if (row == NULL) {
        deliveries->rows = allocate_more(deliveries->rows, deliveries->count,
            &deliveries->room, sizeof(*deliveries->rows));
        row = &deliveries->rows[deliveries->count++];
        *row = (struct deliveries_row){.domain = ""};
        (void)span_copy(span_of(domain), row->domain, sizeof(row->domain));
    }
    row->outcomes[backend][outcome]++;
}

const struct deliveries_row *
deliveries_find(const struct deliveries *deliveries, struct span domain)
{
    return find(deliveries, domain);
}
