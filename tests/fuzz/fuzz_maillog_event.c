/*
 * A line of a log, from the stamp to the outcome.
 */
#include <assert.h>

#include "policyd/maillog/maillog_event.h"
#include "policyd/maillog/outcome.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    struct maillog_line line;
    struct maillog_event event;
    struct maillog_reply reply;

    if (!maillog_line_parse(text, SPAN("mta post"), &line))
        return 0;
    (void)maillog_stamp_time(&line.stamp, INT64_C(1764000000000), 3600);
    (void)maillog_stamp_first_time(&line.stamp, INT64_C(1764000000000), 3600);
    maillog_event_parse(&line, &event);
    maillog_reply_parse(event.text, &reply);
    (void)outcome_of(event.status, &reply);
    /* What strangers wrote stands in the text alone. */
    if (event.kind == MAILLOG_ATTEMPT)
        assert(event.to.data >= line.text.data &&
               event.text.data + event.text.length <= line.text.data + line.text.length);
    return 0;
}
