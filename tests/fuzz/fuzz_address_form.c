/*
 * A text in which an address may stand in any of its forms: once replaced, it is in none.
 * (In a longer text a subaddress that was too long may be short enough afterwards.)
 */
#include <assert.h>

#include "policyd/maillog/address_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct address_form address = {{"al", 2}, {"ex.am", 5}};
    struct address_place place;
    struct buffer out;

    buffer_init(&out, 1 << 20);
    address_form_replace(&address, span_make(data, size), SPAN("erased-0"), &out);
    assert(size > ADDRESS_FORM_TAG_MAX ||
           !address_form_find(&address, buffer_span(&out), 0, false, &place));
    buffer_clear(&out);
    return 0;
}
