/* Names of keys: what is written canonically means the same as what it was read from. */
#include <assert.h>

#include "policyd/replica/replica_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct recipient_rules rules = {.delimiters = "+-", .fold_local_part = true};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span prefix = SPAN("c:");
    struct replica_key key;
    struct replica_key again;
    struct buffer out;

    replica_key_parse(span_make(data, size), prefix, &rules, &key);
    if (key.kind <= REPLICA_KEY_BAD)
        return 0;
    buffer_init(&out, 4096);
    replica_key_write(&key, prefix, &out);
    assert(buffer_ok(&out));
    replica_key_parse(buffer_span(&out), prefix, &rules, &again);
    assert(again.kind == key.kind);
    assert(span_equal(replica_name_span(&key.name), replica_name_span(&again.name)));
    assert(span_equal(key.list, again.list));
    assert(again.as_written);
    assert(key.as_written == span_equal(buffer_span(&out), span_make(data, size)));
    buffer_clear(&out);
    return 0;
}
