/*
 * fuzz_smtp_command - whatever the address: what is said is one line with one path in it,
 * and the path is that address.
 */
#include "policyd/wire/smtp_command.h"

#include <assert.h>
#include <string.h>

#include "shared/base/mailbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
unquote(struct span address, struct buffer *out)
{
    struct mailbox mailbox;

    assert(mailbox_split(address, &mailbox));
    buffer_init(out, SMTP_COMMAND_MAX);
    assert(mailbox_unquote(mailbox.local, out));
    buffer_append_octet(out, '@');
    assert(buffer_append(out, mailbox.domain));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct smtp_extensions all = {.smtputf8 = true, .size = true};
    struct span address = span_make(data, size);
    struct error error = {ERROR_NONE, ""};
    struct buffer command;
    struct buffer wanted;
    struct buffer said;
    struct span path;

    buffer_init(&command, SMTP_COMMAND_MAX);
    if (smtp_command_rcpt(&command, address, &all, &error)) {
        path = buffer_span(&command);
        assert(span_starts(path, SPAN("RCPT TO:<")) && span_ends(path, SPAN(">\r\n")));
        path = span_first(span_from(path, 9), path.length - 12);
        assert(!span_has_control(path));
        /* Quoting makes it longer. */
        assert(path.length > SMTP_ADDRESS_MAX || smtp_address_check(path, &error));
        unquote(address, &wanted);
        unquote(path, &said);
        assert(span_equal(buffer_span(&wanted), buffer_span(&said)));
        buffer_clear(&wanted);
        buffer_clear(&said);
    } else {
        assert(error.text[0] != '\0');
    }
    buffer_clear(&command);
    return 0;
}
