/*
 * fuzz_plan_alike - whatever a server says: addresses behind it, and whom it is about,
 * make no other kind of reply of it.  The first line is the recipient.
 */
#include "policyd/plan/plan_alike.h"

#include <assert.h>

#include "shared/base/buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hash_key key = {1, 2};
    struct span reply = span_make(data, size);
    struct span recipient = SPAN("");
    struct buffer longer;
    uint64_t hash;

    (void)span_line(&reply, &recipient);
    if (reply.length > 1500 || span_find_text(reply, SPAN(" (in reply to ")) != SPAN_NONE)
        return 0;
    hash = plan_alike_hash(reply, recipient, key);
    assert(hash != 0);
    buffer_init(&longer, 4096);
    buffer_append(&longer, reply);
    buffer_append_text(&longer, "\t<somebody@example.com>, mx7");
    /* Codes are words of their own only at the start. */
    if (span_find(span_trim(reply), ' ') != SPAN_NONE)
        assert(plan_alike_hash(buffer_span(&longer), recipient, key) == hash);
    buffer_clear(&longer);
    return 0;
}
