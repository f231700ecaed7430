/*
 * fuzz_copies_entry - whatever stands in a journal: what is read is written the same.
 */
#include "policyd/copies/copies_entry.h"

#include <assert.h>

#include "policyd/copies/copies_name.h"
#include "policyd/copies/copies_progress.h"
#include "policyd/copies/copies_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look_at_head(struct span input)
{
    struct copies_head head;
    uint8_t octets[COPIES_HEAD_SIZE];
    struct copies_begin begin;
    struct buffer out;

    if (copies_head_read(span_first(input, COPIES_HEAD_SIZE), &head)) {
        copies_head_write(octets, &head);
        assert(span_equal(
            span_make(octets, sizeof(octets)), span_first(input, COPIES_HEAD_SIZE)));
        assert(copies_record_size(&head) <=
               COPIES_PLAIN_MAX + COPIES_HEAD_SIZE + COPIES_TAG_SIZE);
    }
    if (copies_begin_read(span_first(input, COPIES_BEGIN_SIZE), &begin)) {
        buffer_init(&out, COPIES_BEGIN_SIZE);
        copies_begin_write(&out, &begin);
        assert(span_equal(buffer_span(&out), span_first(input, COPIES_BEGIN_SIZE)));
        buffer_clear(&out);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_make(data, size);
    struct arena *arena = arena_new(16 << 20);
    struct copies_entry entry;
    struct copies_name name;
    struct buffer out;

    look_at_head(input);
    (void)copies_name_read(input, &name);
    copies_progress_free(copies_progress_read(input));
    if (size <= COPIES_PLAIN_MAX && copies_entry_read(input, &entry, arena)) {
        buffer_init(&out, COPIES_PLAIN_MAX);
        copies_entry_write(&out, &entry);
        assert(span_equal(buffer_span(&out), input));
        buffer_clear(&out);
    }
    arena_free(arena);
    return 0;
}
