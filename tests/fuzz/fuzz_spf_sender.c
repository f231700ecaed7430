/*
 * Any MAIL FROM and any reading of it: what is told to be a mailbox is in the domain that
 * both end in.
 */
#include <assert.h>
#include <stdint.h>

#include "milters/spf/spf_sender.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span mail_addr = span_make(data, size);
    struct span argument;

    if (!span_split(&mail_addr, '\n', &argument))
        return 0;
    if (spf_sender_read(argument, mail_addr) == SPF_SENDER_ODD ||
        span_find(mail_addr, '@') == SPAN_NONE)
        return 0;
    mail_addr = span_from(mail_addr, span_find_last(mail_addr, '@'));
    while (span_ends(mail_addr, SPAN(".")))
        mail_addr.length--;
    assert(span_find_text_nocase(argument, mail_addr) != SPAN_NONE);
    return 0;
}
