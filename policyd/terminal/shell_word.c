#include "policyd/terminal/shell_word.h"

void
shell_word_write(struct buffer *out, const char *word)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=,:";
    struct span text = span_of(word);
    bool is_plain = text.length > 0;

    for (size_t i = 0; i < text.length; i++)
        is_plain = is_plain && span_find(span_of(plain), text.data[i]) != SPAN_NONE;
    if (is_plain) {
        buffer_append(out, text);
        return;
    }
    buffer_append_octet(out, '\'');
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '\'')
            buffer_append_text(out, "'\\''");
        else
            buffer_append_octet(out, text.data[i]);
    }
    buffer_append_octet(out, '\'');
}
