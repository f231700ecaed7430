/*
 * Any results field: it is never missed in its plain form, and a value without our id
 * never claims it.
 */
#include <assert.h>

#include "milters/authres/authres_forged.h"
#include "shared/base/buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span value = span_make(data, size);
    struct span id = SPAN("mx.a");
    struct buffer plain;

    /* Where no octet of it stands, it can't be claimed but by what can't be read. */
    buffer_init(&plain, size + 64);
    buffer_append_text(&plain, " other; ");
    buffer_append(&plain, value);
    assert(!authres_claims(buffer_span(&plain), id));
    buffer_clear(&plain);
    if (span_is_ascii(value) && span_find(value, 'm') == SPAN_NONE &&
        span_find(value, 'M') == SPAN_NONE &&
        span_find_text(value, SPAN("=?")) == SPAN_NONE)
        assert(!authres_received_spf_claims(value, id));
    buffer_init(&plain, size + 64);
    buffer_append_text(&plain, " (c) MX.a; ");
    buffer_append(&plain, value);
    assert(authres_claims(buffer_span(&plain), id));
    buffer_clear(&plain);
    return 0;
}
