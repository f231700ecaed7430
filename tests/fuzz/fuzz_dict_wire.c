/*
 * fuzz_dict_wire - whatever comes: a key written as a look-up is read the same, and an
 * answer is one line.
 */
#include "policyd/wire/dict_wire.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dict_request request;
    static struct dict_request again;
    struct span input = span_make(data, size);
    struct error error;
    struct buffer out;
    size_t used = 0;

    while (dict_wire_parse(input, &request, &used, &error) == WIRE_DONE) {
        size_t used_again = 0;

        assert(used > 0 && used <= input.length && used <= DICT_LINE_MAX);
        buffer_init(&out, 4 * DICT_LINE_MAX);
        dict_wire_write(&out, 'L', dict_wire_key(&request));
        assert(span_find(buffer_span(&out), '\n') == out.length - 1);
        if (out.length <= DICT_LINE_MAX) {
            assert(dict_wire_parse(buffer_span(&out), &again, &used_again, &error) ==
                   WIRE_DONE);
            assert(used_again == out.length && again.command == DICT_LOOKUP);
            assert(span_equal(dict_wire_key(&request), dict_wire_key(&again)));
        }
        buffer_clear(&out);
        input = span_from(input, used);
    }
    return 0;
}
