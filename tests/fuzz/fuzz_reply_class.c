/*
 * The text of a delivery agent, and what it is about.
 */
#include <assert.h>

#include "policyd/maillog/reply_class.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    struct maillog_reply reply;

    maillog_reply_parse(text, &reply);
    assert(reply_class_of(&reply) < REPLY_CLASS_COUNT);
    return 0;
}
