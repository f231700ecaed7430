/*
 * error - what went wrong: later or never, and one line of text.
 *
 * Mail knows two failures, and so does this.  What can fail returns bool and takes
 * `struct error *` last; error_temporary and error_permanent fill it in and give false,
 * so that `return error_permanent(...)` reads well.  The text is one line of UTF-8
 * without control characters, whatever went into it; what is too long is cut.
 */
#ifndef SHARED_BASE_ERROR_H
#define SHARED_BASE_ERROR_H

#include <stdbool.h>

#include "shared/base/attributes.h"

enum error_kind { ERROR_NONE, ERROR_TEMPORARY, ERROR_PERMANENT };

struct error {
    enum error_kind kind;
    char text[320];
};

bool error_temporary(struct error *error, const char *format, ...) ATTRIBUTE_PRINTF(2, 3);
bool error_permanent(struct error *error, const char *format, ...) ATTRIBUTE_PRINTF(2, 3);

#endif
