#include "policyd/routing/bucket.h"

#include "shared/base/attributes.h"
#include "shared/base/cursor.h"
#include "shared/base/digest.h"

enum { BUCKETS = 10000 };

/* floor(number * BUCKETS / 2^64), its two halves multiplied apart. */
static unsigned
scale(uint64_t number)
{
    uint64_t high = (number >> 32) * BUCKETS;
    uint64_t low = (number & UINT32_MAX) * BUCKETS;

    return (unsigned)((high + (low >> 32)) >> 32);
}

unsigned
bucket_of(struct span domain, struct span unit)
{
    const struct span parts[] = {
        domain, {"", 1},
         unit
    };
    uint8_t digest[DIGEST_SHA256_SIZE];
    struct cursor cursor;

    digest_sha256_of_parts(parts, ARRAY_LENGTH(parts), digest);
    cursor = cursor_on(span_make(digest, sizeof(digest)));
    return scale(cursor_u64(&cursor));
}
