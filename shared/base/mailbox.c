#include "shared/base/mailbox.h"

bool
mailbox_split(struct span address, struct mailbox *mailbox)
{
    size_t at = span_find_last(address, '@');

    if (at == SPAN_NONE || at == 0 || at + 1 == address.length)
        return false;
    mailbox->local = span_first(address, at);
    mailbox->domain = span_from(address, at + 1);
    return true;
}

/* Whether the text is one quoted string: quotes at both ends, none bare between them. */
static bool
is_quoted(struct span local)
{
    if (local.length < 2 || local.data[0] != '"')
        return false;
    for (size_t i = 1; i < local.length; i++) {
        if (local.data[i] == '\\')
            i++;
        else if (local.data[i] == '"')
            return i + 1 == local.length;
    }
    return false;
}

bool
mailbox_unquote(struct span local, struct buffer *out)
{
    if (!is_quoted(local))
        return buffer_append(out, local);
    for (size_t i = 1; i + 1 < local.length; i++) {
        if (local.data[i] == '\\')
            i++;
        buffer_append_octet(out, local.data[i]);
    }
    return buffer_ok(out);
}
