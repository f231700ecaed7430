/*
 * fuzz_event_entry - lines of events: the first is a head, each other one an event.  What
 * is read is written the same, and the chain of them is told without a word too long.
 */
#include "policyd/events/event_chain.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
take_line(struct event_chain *chain, struct span line)
{
    struct event_entry entry;
    struct event_head own;
    char prev[EVENT_HASH_SIZE];
    struct buffer out;

    if (!event_line_parse(line, &entry))
        return;
    buffer_init(&out, EVENT_LINE_MAX);
    event_line_write(entry.pairs, entry.count, &out);
    assert(span_equal(buffer_span(&out), line));
    buffer_clear(&out);
    /* A line has neither; here one may say so by other names. */
    for (size_t i = 0; i < entry.count; i++) {
        if (span_is(entry.pairs[i].name, "p"))
            entry.pairs[i].name = SPAN("prev");
        if (span_is(entry.pairs[i].name, "h"))
            entry.pairs[i].name = SPAN("hash");
    }
    if (event_entry_link(&entry, &own, prev) == EVENT_CHAINED)
        assert(own.seq > 0 && strlen(own.hash) == 64 && strlen(prev) == 64);
    event_chain_add(chain, &entry);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct event_chain *chain = event_chain_new();
    struct event_chain_end end = {.added = 3};
    struct span rest = span_make(data, size);
    const struct event_fault *faults;
    struct span line;
    size_t count;

    event_head_init(&end.before);
    if (span_split(&rest, '\n', &line) && event_head_parse(line, &end.before)) {
        char head[EVENT_HEAD_SIZE];

        event_head_write(&end.before, head);
        assert(span_is(line, head));
    }
    end.given = end.before;
    while (span_split(&rest, '\n', &line))
        take_line(chain, line);
    event_chain_copy(chain, &end.before, "the books");
    end.after = end.before;
    event_chain_end(chain, &end);
    count = event_chain_faults(chain, &faults);
    for (size_t i = 0; i < count; i++)
        assert(faults[i].text[0] != '\0');
    event_chain_free(chain);
    return 0;
}
