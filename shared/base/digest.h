/*
 * digest - SHA-256 (libcrypto).
 */
#ifndef SHARED_BASE_DIGEST_H
#define SHARED_BASE_DIGEST_H

#include "shared/base/span.h"

enum { DIGEST_SHA256_SIZE = 32 };

void digest_sha256(struct span data, uint8_t out[DIGEST_SHA256_SIZE]);

/* Of the parts, one behind the other. */
void digest_sha256_of_parts(
    const struct span *parts, size_t count, uint8_t out[DIGEST_SHA256_SIZE]);

/* In parts, as they come. */
struct digest_stream;

struct digest_stream *digest_stream_new(void);
void digest_stream_add(struct digest_stream *stream, struct span data);
void digest_stream_end(struct digest_stream *stream, uint8_t out[DIGEST_SHA256_SIZE]);

#endif
