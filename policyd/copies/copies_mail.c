#include "policyd/copies/copies_mail.h"

#include <string.h>

#include "shared/base/octet.h"

/* A field with its folds, without the last line end; false at the end of the header. */
static bool
next_field(struct span *rest, struct span *field)
{
    struct span all = *rest;
    struct span line;

    if (!span_line(rest, &line) || line.length == 0)
        return false;
    while (rest->length > 0 && (rest->data[0] == ' ' || rest->data[0] == '\t')) {
        if (!span_line(rest, &line))
            return false;
    }
    *field = span_first(all, all.length - rest->length);
    return true;
}

static bool
is_id_octet(char octet)
{
    return octet_is_letter_or_digit(octet);
}

/* "by gw.example (Postfix) with ESMTP id 4jYVch3KtSz1bYFk" */
static void
find_queue_id(struct span value, struct copies_mail *mail)
{
    size_t postfix = span_find_text(value, SPAN("(Postfix"));
    struct span rest = postfix == SPAN_NONE ? SPAN("") : span_from(value, postfix);
    struct span word;

    for (size_t i = 0; i < rest.length; i++) {
        size_t length = 0;

        if (!span_starts(span_from(rest, i), SPAN("id ")) ||
            (i > 0 && rest.data[i - 1] != ' ' && rest.data[i - 1] != '\t' &&
                rest.data[i - 1] != '\n'))
            continue;
        word = span_from(rest, i + 3);
        while (length < word.length && is_id_octet(word.data[length]))
            length++;
        (void)span_copy(span_first(word, length), mail->queue_id, sizeof(mail->queue_id));
        return;
    }
}

void
copies_mail_read(struct span head, struct copies_mail *mail)
{
    bool has_received = false;
    bool has_id = false;
    struct span field;

    *mail = (struct copies_mail){.queue_id = ""};
    while ((!has_received || !has_id) && next_field(&head, &field)) {
        size_t colon = span_find(field, ':');
        struct span name = span_trim(span_first(field, colon));
        struct span value = colon == SPAN_NONE ? SPAN("") : span_from(field, colon + 1);

        if (!has_received && span_is_nocase(name, "Received")) {
            has_received = true;
            find_queue_id(value, mail);
        } else if (!has_id && span_is_nocase(name, "Message-ID")) {
            has_id = true;
            if (!span_has_control(span_trim(value)))
                (void)span_copy(
                    span_trim(value), mail->message_id, sizeof(mail->message_id));
        }
    }
}
