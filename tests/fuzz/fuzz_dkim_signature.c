/*
 * Any signature field: what is not refused is complete, and what is shown is harmless.
 */
#include <assert.h>
#include <string.h>

#include "milters/dkim/dkim_signature.h"
#include "shared/base/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(8 << 20);
    struct dkim_signature signature;

    dkim_signature_parse(span_make(data, size), 1000000000, arena, &signature);
    assert((signature.result == AUTH_NONE) == (signature.reason == NULL));
    if (signature.result == AUTH_NONE) {
        assert(signature.sound && signature.signature.length > 0);
        assert(signature.domain[0] != '\0' && signature.selector[0] != '\0');
        assert(dkim_signature_names(&signature, SPAN("from")) > 0);
    }
    assert(signature.domain[0] == '\0' || domain_is_valid(span_of(signature.domain)));
    assert(signature.selector[0] == '\0' || domain_is_valid(span_of(signature.selector)));
    assert(strpbrk(signature.identity, " \t\r\n;()<>,\"\\[]:") == NULL);
    assert(span_is_ascii(span_of(signature.identity)));
    arena_free(arena);
    return 0;
}
