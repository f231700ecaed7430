/*
 * Entries of a journal, one after another, as a reader takes them.
 */
#include <assert.h>

#include "policyd/maillog/journal_export.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make(data, size);
    struct journal_entry entry;
    struct buffer line;

    buffer_init(&line, JOURNAL_ENTRY_MAX);
    while (rest.length > 0 && journal_export_read(rest, &entry, &line) == WIRE_DONE) {
        assert(entry.length > 0 && entry.length <= rest.length);
        assert(entry.cursor.length < entry.length);
        /* One entry is one line, whatever its message holds. */
        assert(span_find(buffer_span(&line), '\n') == SPAN_NONE);
        rest = span_from(rest, entry.length);
        line.length = 0;
    }
    buffer_clear(&line);
    return 0;
}
