#include "shared/base/error.h"

#include <stdarg.h>
#include <stdio.h>

static void fill(struct error *error, enum error_kind kind, const char *format,
    va_list arguments) ATTRIBUTE_PRINTF(3, 0);

/* What is cut, and what could break a line of the log, is text from outside: neither is
 * trusted. */
static void
fill(struct error *error, enum error_kind kind, const char *format, va_list arguments)
{
    struct error filled = {.kind = kind};

    /* Not in place: the arguments may be the text of before. */
    (void)vsnprintf(filled.text, sizeof(filled.text), format, arguments);
    *error = filled;
    for (char *octet = error->text; *octet != '\0'; octet++) {
        if ((unsigned char)*octet < 0x20 || *octet == 0x7f)
            *octet = '?';
    }
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
