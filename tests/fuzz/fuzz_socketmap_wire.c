/*
 * fuzz_socketmap_wire - whatever comes: a request lies within what it used, and one
 * written anew is read the same.
 */
#include "policyd/wire/socketmap_wire.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_make(data, size);
    struct socketmap_request request;
    struct socketmap_request again;
    struct error error;
    struct buffer out;
    size_t used = 0;

    while (socketmap_wire_parse(input, &request, &used, &error) == WIRE_DONE) {
        size_t used_again = 0;

        assert(used > 0 && used <= input.length);
        assert(request.name.length + 1 + request.key.length < used);
        buffer_init(&out, size + 64);
        socketmap_wire_write(&out, request.name, request.key, SPAN(""));
        assert(socketmap_wire_parse(buffer_span(&out), &again, &used_again, &error) ==
               WIRE_DONE);
        assert(used_again == out.length);
        assert(
            span_equal(request.name, again.name) && span_equal(request.key, again.key));
        buffer_clear(&out);
        input = span_from(input, used);
    }
    return 0;
}
