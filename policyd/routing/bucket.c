#include "policyd/routing/bucket.h"

#include "shared/base/buffer.h"
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
    uint8_t digest[DIGEST_SHA256_SIZE];
    struct cursor cursor;
    struct buffer octets;

    buffer_init(&octets, domain.length + 1 + unit.length);
    buffer_append(&octets, domain);
    buffer_append_octet(&octets, '\0');
    buffer_append(&octets, unit);
    digest_sha256(buffer_span(&octets), digest);
    buffer_clear(&octets);
    cursor = cursor_on(span_make(digest, sizeof(digest)));
    return scale(cursor_u64(&cursor));
}
