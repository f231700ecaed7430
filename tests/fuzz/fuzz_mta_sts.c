/*
 * Any policy and any record: read within bounds, and a host that is named is one of what
 * stands there.
 */
#include <assert.h>

#include "policyd/checks/mta_sts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    const char *wrong = NULL;
    struct mta_sts policy;

    (void)mta_sts_is_announced(text);
    if (!mta_sts_parse(text, &policy, &wrong)) {
        assert(wrong != NULL);
        return 0;
    }
    assert(size <= MTA_STS_MOST && policy.max_age <= MTA_STS_AGE_MAX);
    assert(policy.mx_count > 0 || policy.mode == MTA_STS_NONE);
    for (size_t i = 0; i < policy.mx_count; i++)
        assert(mta_sts_names(&policy, policy.mx[i]));
    (void)mta_sts_names(&policy, text);
    return 0;
}
