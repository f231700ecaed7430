/*
 * fuzz_policy_wire - whatever comes: a request lies within what it used, no part of it is
 * whole by itself, and our answer is one action however the text reads.
 */
#include "policyd/wire/policy_wire.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_make(data, size);
    struct policy_request request;
    struct error error;
    struct buffer out;
    size_t used = 0;

    while (policy_wire_parse(input, &request, &used, &error) == WIRE_DONE) {
        struct policy_request less;

        assert(used > 0 && used <= input.length && used <= POLICY_REQUEST_MAX);
        assert(span_equal(request.request, SPAN("smtpd_access_policy")));
        assert(policy_wire_parse(span_first(input, used - 1), &less, &(size_t){0},
                   &error) == WIRE_MORE);
        buffer_init(&out, size + 64);
        policy_wire_write(&out, request.recipient, request.instance);
        assert(span_find_text(buffer_span(&out), SPAN("\n\n")) == out.length - 2);
        assert(span_find(buffer_span(&out), '\n') == out.length - 2);
        buffer_clear(&out);
        input = span_from(input, used);
    }
    return 0;
}
