/*
 * fuzz_spamd_wire - an answer that is taken has a score and only names of tests; the rest
 * says why not.
 */
#include "milters/scan/spamd_wire.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct spamd_reply reply;
    struct error error = {ERROR_NONE, ""};
    struct span text = span_make(data, size);

    if (size > SPAMD_REPLY_MAX)
        return 0;
    if (!spamd_read_reply(text, &reply, &error)) {
        assert(error.kind == ERROR_TEMPORARY && error.text[0] != '\0');
        assert(!span_has_control(span_of(error.text)));
    } else {
        assert(span_of(reply.tests).length <= SPAMD_TESTS_MAX);
        assert(!span_has_control(span_of(reply.tests)));
        assert(span_find(span_of(reply.tests), ' ') == SPAN_NONE);
    }
    return 0;
}
