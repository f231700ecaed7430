#include "shared/service/metrics_domains.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"

static size_t
find(const struct metrics_domains *domains, const char *name)
{
    size_t i = 0;

    while (i < domains->count && strcmp(domains->rows[i].name, name) != 0)
        i++;
    return i;
}

bool
metrics_domains_enter(struct metrics_domains *domains, const char *name)
{
    size_t i = find(domains, name);

    if (i == METRICS_DOMAINS_MAX)
        return false;
    if (i == domains->count) {
        domains->rows[i].name = allocate_text(span_of(name));
        domains->rows[i].series = 0;
        domains->count++;
    }
    domains->rows[i].series++;
    return true;
}

void
metrics_domains_leave(struct metrics_domains *domains, const char *name)
{
    size_t i = find(domains, name);

    if (i == domains->count || --domains->rows[i].series > 0)
        return;
    free(domains->rows[i].name);
    domains->rows[i] = domains->rows[--domains->count];
}

void
metrics_domains_clear(struct metrics_domains *domains)
{
    for (size_t i = 0; i < domains->count; i++)
        free(domains->rows[i].name);
    domains->count = 0;
}
