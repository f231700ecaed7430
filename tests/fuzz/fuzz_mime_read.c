/*
 * fuzz_mime_read - any octets are read in linear time, within the ceilings, and every
 * leaf lies in memory that may be read.
 */
#include "milters/mime/mime_read.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    size_t octets;
    unsigned sum;
};

static bool
look(struct span leaf, void *context)
{
    struct seen *seen = context;

    seen->octets += leaf.length;
    for (size_t i = 0; i < leaf.length; i++)
        seen->sum += (unsigned char)leaf.data[i];
    return seen->sum != 0xffffffff;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mime_report report;
    struct seen seen = {0};

    mime_read(span_make(data, size), look, &seen, &report);
    assert(seen.octets <= size * MIME_DECODED_FACTOR + MIME_DECODED_SPARE);
    return 0;
}
