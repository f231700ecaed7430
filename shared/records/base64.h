/*
 * base64 - RFC 4648 section 4, with the white space that RFC 6376 allows.
 */
#ifndef SHARED_RECORDS_BASE64_H
#define SHARED_RECORDS_BASE64_H

#include "shared/base/buffer.h"

/* False for other octets, and where the end is none; padding may be left out.  The buffer
 * needs room for three quarters of the text, white space included. */
bool base64_decode(struct span text, struct buffer *out);

/* With padding, in one line. */
bool base64_encode(struct span data, struct buffer *out);

#endif
