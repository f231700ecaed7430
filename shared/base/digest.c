#include "shared/base/digest.h"

#include <openssl/sha.h>
#include <stdlib.h>

/* The one-shot function: no fetch of an algorithm, no allocation, which is what a look-up
 * can afford. */
void
digest_sha256(struct span data, uint8_t out[DIGEST_SHA256_SIZE])
{
    if (SHA256((const unsigned char *)data.data, data.length, out) == NULL)
        abort();
}
