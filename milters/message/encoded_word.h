/*
 * encoded_word - the encoded words of a header field (RFC 2047) to the octets they hold.
 *
 * Read as the most lenient reader would: anything between "=?" and "?=" that has a
 * charset and an encoding, at any length and place.  Octets are told as they are,
 * whatever the charset, but for NULs, so that those of wide charsets are told in ASCII.
 */
#ifndef MILTERS_MESSAGE_ENCODED_WORD_H
#define MILTERS_MESSAGE_ENCODED_WORD_H

#include "shared/base/buffer.h"

/* Appends the text with its encoded words decoded; false where it has none (and nothing
 * is appended).  The buffer needs room for the text. */
bool encoded_word_decode(struct span text, struct buffer *out);

#endif
