/*
 * A mail on hold, as an operator's terminal gets it.
 */
#include <assert.h>

#include "policyd/terminal/mail_view.h"
#include "shared/base/octet.h"
#include "shared/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer out;
    struct span rest;

    buffer_init(&out, 8 << 20);
    mail_view_write(&out, span_make(data, size));
    rest = buffer_span(&out);
    while (rest.length > 0) {
        size_t length = utf8_length(rest);

        assert(length > 0);
        assert(rest.data[0] == '\n' || !utf8_is_unseen(utf8_code_point(rest, length)));
        rest = span_from(rest, length);
    }
    buffer_clear(&out);
    return 0;
}
