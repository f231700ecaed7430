/*
 * Any From field: the domains told are valid, each once; whatever author reads is among
 * them.
 */
#include <assert.h>
#include <string.h>

#include "milters/message/author.h"
#include "milters/message/from_domains.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
has_name(const struct from_domains *domains, const char *name)
{
    for (size_t i = 0; i < domains->count; i++) {
        if (strcmp(domains->names[i], name) == 0)
            return true;
    }
    return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct header_field field = {SPAN("From"), span_make(data, size)};
    static struct from_domains domains;
    struct author author;

    from_domains_read(&field, 1, &domains);
    for (size_t i = 0; i < domains.count; i++)
        assert(domain_is_valid(span_of(domains.names[i])));
    author_read(&field, 1, &author);
    for (size_t i = 0; i < author.count && !domains.more; i++)
        assert(has_name(&domains, author.domains[i]));
    return 0;
}
