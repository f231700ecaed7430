/*
 * The functions that OpenSSL 3 wants instead of these look an algorithm up, lock and
 * allocate for every digest, which is more than a whole look-up of ours takes.
 */
#define OPENSSL_API_COMPAT 0x10101000L

#include "shared/base/digest.h"

#include <openssl/sha.h>
#include <stdlib.h>

#include "shared/base/allocate.h"

struct digest_stream {
    SHA256_CTX context;
};

void
digest_sha256_of_parts(
    const struct span *parts, size_t count, uint8_t out[DIGEST_SHA256_SIZE])
{
    SHA256_CTX context;
    bool done = SHA256_Init(&context) == 1;

    for (size_t i = 0; i < count; i++)
        done = done && SHA256_Update(&context, parts[i].data, parts[i].length) == 1;
    if (!done || SHA256_Final(out, &context) != 1)
        abort();
}

void
digest_sha256(struct span data, uint8_t out[DIGEST_SHA256_SIZE])
{
    digest_sha256_of_parts(&data, 1, out);
}

struct digest_stream *
digest_stream_new(void)
{
    struct digest_stream *stream = allocate(sizeof(*stream));

    if (SHA256_Init(&stream->context) != 1)
        abort();
    return stream;
}

void
digest_stream_add(struct digest_stream *stream, struct span data)
{
    if (SHA256_Update(&stream->context, data.data, data.length) != 1)
        abort();
}

void
digest_stream_end(struct digest_stream *stream, uint8_t out[DIGEST_SHA256_SIZE])
{
    if (SHA256_Final(out, &stream->context) != 1)
        abort();
    free(stream);
}
