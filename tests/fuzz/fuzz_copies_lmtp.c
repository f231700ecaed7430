/*
 * fuzz_copies_lmtp - whatever a client says: each command is one line, an address has
 * nothing that would end another command, and a content is the same however it is cut.
 */
#include "policyd/copies/copies_lmtp.h"

#include <assert.h>
#include <string.h>

#include "policyd/copies/copies_mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
take(struct span input, size_t piece, struct buffer *content, bool *ended)
{
    struct copies_content at = {0};
    size_t used = 0;

    *ended = false;
    while (!*ended && used < input.length) {
        struct buffer out;
        size_t some;

        buffer_init(&out, piece + 2);
        some = copies_content_take(
            &at, span_first(span_from(input, used), piece), &out, ended);
        assert(some > 0);
        used += some;
        assert(buffer_append(content, buffer_span(&out)));
        buffer_clear(&out);
    }
    return used;
}

/* A line end that is none: a dot behind it gets another one all the same, for servers
 * that take it for one. */
static bool
has_bare_feed(struct span content)
{
    for (size_t i = 0; i < content.length; i++) {
        if (content.data[i] == '\n' && (i == 0 || content.data[i - 1] != '\r'))
            return true;
    }
    return false;
}

static size_t
look_at_content(struct span input)
{
    bool ended;
    bool again;
    struct copies_mail mail;
    struct buffer whole;
    struct buffer pieces;
    size_t used;

    buffer_init(&whole, 2 * input.length + 4);
    buffer_init(&pieces, 2 * input.length + 4);
    used = take(input, input.length + 2, &whole, &ended);
    assert(take(input, 1 + input.length % 7, &pieces, &again) == used && ended == again);
    assert(span_equal(buffer_span(&whole), buffer_span(&pieces)));
    copies_mail_read(buffer_span(&whole), &mail);
    assert(!span_has_control(span_of(mail.queue_id)) &&
           !span_has_control(span_of(mail.message_id)));
    if (ended && whole.length > 0) {
        bool at_start = true;

        /* Stuffed again it ends where it ends. */
        buffer_reset(&pieces);
        copies_content_stuff(&pieces, buffer_span(&whole), &at_start);
        if (buffer_ok(&pieces) && !has_bare_feed(buffer_span(&whole)) &&
            span_ends(buffer_span(&whole), SPAN("\r\n"))) {
            struct buffer last;

            buffer_init(&last, 2 * pieces.length + 8);
            buffer_append(&last, buffer_span(&pieces));
            buffer_append_text(&last, ".\r\n");
            buffer_reset(&pieces);
            (void)take(buffer_span(&last), 5, &pieces, &again);
            assert(again && span_equal(buffer_span(&pieces), buffer_span(&whole)));
            buffer_clear(&last);
        }
    }
    buffer_clear(&whole);
    buffer_clear(&pieces);
    return used;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_make(data, size);
    struct copies_command command;
    struct error error = {ERROR_NONE, ""};
    enum wire_result result;
    size_t used = 0;

    while ((result = copies_command_read(input, &command, &used, &error)) == WIRE_DONE) {
        assert(used > 0 && used <= input.length && input.data[used - 1] == '\n');
        assert(!span_has_control(span_of(command.ident)));
        if (command.verb == COPIES_MAIL || command.verb == COPIES_RCPT)
            assert(!span_has_control(command.path));
        input = span_from(input, used);
        if (command.verb == COPIES_DATA && input.length > 0)
            input = span_from(input, look_at_content(input));
    }
    assert(result == WIRE_MORE ? input.length < COPIES_LINE_MAX : error.text[0] != '\0');
    return 0;
}
