/*
 * fuzz_smtp_reply - whatever a server says: what is read is read the same once written,
 * text has nothing in it that moves a terminal, and ceilings hold.
 */
#include "policyd/wire/smtp_reply.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look_at(const struct smtp_reply *reply)
{
    char written[SMTP_REPLY_WRITTEN_MAX + 3];
    struct smtp_reply again;
    struct error error;
    size_t used;

    assert(reply->code >= 200 && reply->code <= 599);
    assert(
        !span_has_control(span_of(reply->text)) && utf8_is_valid(span_of(reply->text)));
    smtp_reply_write(reply, written);
    strcat(written, "\r\n");
    assert(smtp_reply_read(span_of(written), &again, &used, &error) == WIRE_DONE);
    assert(again.code == reply->code && used == strlen(written));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_make(data, size);
    struct smtp_extensions extensions;
    struct smtp_reply reply;
    struct error error = {ERROR_NONE, ""};
    enum wire_result result;
    size_t used;

    while ((result = smtp_reply_read(input, &reply, &used, &error)) == WIRE_DONE) {
        assert(used > 0 && used <= input.length && used <= SMTP_REPLY_MAX);
        smtp_extensions_read(span_first(input, used), &extensions);
        assert(extensions.size || extensions.size_max == 0);
        look_at(&reply);
        /* A shorter one of the same is not whole, and not bad. */
        assert(smtp_reply_read(span_first(input, used - 1), &reply, &used, &error) ==
               WIRE_MORE);
        assert(smtp_reply_read(input, &reply, &used, &error) == WIRE_DONE);
        input = span_from(input, used);
    }
    assert(result == WIRE_BAD ? error.text[0] != '\0'
                              : input.length < SMTP_REPLY_MAX + SMTP_REPLY_LINE_MAX);
    return 0;
}
