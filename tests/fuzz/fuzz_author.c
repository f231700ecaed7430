/*
 * Any From field: domains that are told are valid, each once, and no more than may be.
 */
#include <assert.h>
#include <string.h>

#include "milters/message/author.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct header_field field = {SPAN("From"), span_make(data, size)};
    struct author author;

    author_read(&field, 1, &author);
    assert((author.kind == AUTHOR_ONE) == (author.reason == NULL));
    assert(author.kind != AUTHOR_ONE || author.count == 1);
    assert(author.kind != AUTHOR_BAD || author.count == 0);
    for (size_t i = 0; i < author.count; i++) {
        assert(domain_is_valid(span_of(author.domains[i])));
        for (size_t j = 0; j < i; j++)
            assert(strcmp(author.domains[i], author.domains[j]) != 0);
    }
    return 0;
}
