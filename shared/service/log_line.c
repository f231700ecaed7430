#include "shared/service/log_line.h"

#include "shared/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ROOM_FOR_MARK = 6 };

/* Whether the character (one of UTF-8, or one octet of what is not) goes out as it is:
 * terminals obey U+0080 to U+009F as well. */
static bool
is_harmless(struct span character, const char *special)
{
    unsigned char first = (unsigned char)character.data[0];

    if (character.length == 1)
        return first >= 0x20 && first < 0x7f && strchr(special, first) == NULL;
    return first != 0xc2 || (unsigned char)character.data[1] >= 0xa0;
}

struct log_line
log_line_on(char *out, size_t size)
{
    size_t ceiling = size - 1 < LOG_LINE_MAX ? size - 1 : LOG_LINE_MAX;

    return (struct log_line){
        out, 0, ceiling > ROOM_FOR_MARK ? ceiling - ROOM_FOR_MARK : 0, ceiling};
}

static bool
put(struct log_line *line, struct span text)
{
    if (text.length > line->ceiling - line->length)
        return false;
    if (text.length > 0)
        memcpy(line->out + line->length, text.data, text.length);
    line->length += text.length;
    return true;
}

bool
log_line_text(struct log_line *line, const char *text)
{
    return put(line, span_of(text));
}

void
log_line_mark(struct log_line *line, const char *mark)
{
    line->ceiling = line->limit;
    (void)log_line_text(line, mark);
}

bool
log_line_printf(struct log_line *line, const char *format, ...)
{
    char digits[48];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(digits, sizeof(digits), format, arguments);
    va_end(arguments);
    return log_line_text(line, digits);
}

struct span
log_line_escaped(struct log_line *line, struct span text, const char *special)
{
    bool is_utf8 = utf8_is_valid(text);

    while (text.length > 0) {
        struct span character = span_first(text, is_utf8 ? utf8_length(text) : 1);
        struct log_line before = *line;
        bool fits = true;

        if (is_harmless(character, special)) {
            fits = put(line, character);
        } else {
            for (size_t i = 0; i < character.length; i++)
                fits = fits && log_line_printf(line, "\\x%02x",
                                   (unsigned)(unsigned char)character.data[i]);
        }
        if (!fits) {
            *line = before;
            break;
        }
        text = span_from(text, character.length);
    }
    return text;
}

size_t
log_line_end(struct log_line *line)
{
    while (line->length > 0 && line->out[line->length - 1] == ' ')
        line->length--;
    line->out[line->length] = '\0';
    return line->length;
}
