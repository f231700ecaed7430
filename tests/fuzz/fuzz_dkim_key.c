/*
 * Any key record: what libopendkim would see of it reads as the same key.
 */
#include <assert.h>
#include <string.h>

#include "shared/records/dkim_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dkim_key key;
    struct dkim_key again;
    const char *wrong;

    if (!dkim_key_parse(span_make(data, size), &key, &wrong)) {
        assert(wrong != NULL);
        return 0;
    }
    if (key.record[0] == '\0') {
        assert(key.revoked || key.bits > DKIM_KEY_BITS_MAX);
        return 0;
    }
    assert(dkim_key_parse(span_of(key.record), &again, &wrong));
    assert(again.type == key.type && again.bits == key.bits && !again.revoked);
    assert(strcmp(again.record, key.record) == 0);
    return 0;
}
