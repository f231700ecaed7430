/*
 * utf8 - is it UTF-8 (RFC 3629)?
 *
 * Overlong forms, surrogates and what lies above U+10FFFF are none.
 */
#ifndef SHARED_BASE_UTF8_H
#define SHARED_BASE_UTF8_H

#include <stdint.h>

#include "shared/base/span.h"

/* How many octets the sequence at the start of `text` has, 1 to 4; 0 when it is none, or
 * nothing is left. */
size_t utf8_length(struct span text);

bool utf8_is_valid(struct span text);

/*
 * The code point of the sequence of `length` octets (of utf8_length, not 0) at the start
 * of `text`.
 */
uint32_t utf8_code_point(struct span text, size_t length);

/*
 * Whether it would move, hide or turn round the text about it on a terminal or a page:
 * controls (C0, DEL, C1), line and paragraph separators, marks of direction (U+061C,
 * U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), what has no width (U+00AD, U+200B,
 * U+2060 to U+2064, U+FEFF, the tags of U+E0000).
 */
bool utf8_is_unseen(uint32_t code_point);

#endif
