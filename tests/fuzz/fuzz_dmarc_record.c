/*
 * Any record: an unusable one asks for nothing.
 */
#include <assert.h>

#include "shared/records/dmarc_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dmarc_record record;

    if (!dmarc_record_parse(span_make(data, size), &record)) {
        assert(!record.usable);
        return 0;
    }
    assert(size >= 8 && (data[0] | 0x20) == 'v');
    assert(record.policy <= DMARC_POLICY_REJECT);
    assert(record.usable || record.policy == DMARC_POLICY_NONE);
    assert(record.usable || record.nonexistent_policy == DMARC_POLICY_NONE);
    return 0;
}
