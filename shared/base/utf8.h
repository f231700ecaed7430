/*
 * utf8 - is it UTF-8 (RFC 3629)?
 *
 * Overlong forms, surrogates and what lies above U+10FFFF are none.
 */
#ifndef SHARED_BASE_UTF8_H
#define SHARED_BASE_UTF8_H

#include "shared/base/span.h"

/* How many octets the sequence at the start of `text` has, 1 to 4; 0 when it is none, or
 * nothing is left. */
size_t utf8_length(struct span text);

bool utf8_is_valid(struct span text);

#endif
