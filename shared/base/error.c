#include "shared/base/error.h"

#include "shared/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What is cut, and what could break a line of the log, is text from outside: neither is
 * trusted. */
static void
clean(char *text)
{
    struct span rest = span_of(text);

    while (rest.length > 0) {
        size_t length = utf8_length(rest);
        unsigned char first = (unsigned char)*text;
        bool is_control = first < 0x20 || first == 0x7f ||
                          (length == 2 && first == 0xc2 && (unsigned char)text[1] < 0xa0);

        if (length == 0)
            length = 1;
        if (is_control || utf8_length(rest) == 0)
            memset(text, '?', length);
        rest = span_from(rest, length);
        text += length;
    }
}

static void fill(struct error *error, enum error_kind kind, const char *format,
    va_list arguments) ATTRIBUTE_PRINTF(3, 0);

static void
fill(struct error *error, enum error_kind kind, const char *format, va_list arguments)
{
    struct error filled = {.kind = kind};

    /* Not in place: the arguments may be the text of before. */
    (void)vsnprintf(filled.text, sizeof(filled.text), format, arguments);
    clean(filled.text);
    *error = filled;
}

bool
error_temporary(struct error *error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fill(error, ERROR_TEMPORARY, format, arguments);
    va_end(arguments);
    return false;
}

bool
error_permanent(struct error *error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fill(error, ERROR_PERMANENT, format, arguments);
    va_end(arguments);
    return false;
}
