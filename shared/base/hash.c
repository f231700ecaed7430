#include "shared/base/hash.h"

/* SipHash: a fast short-input PRF, J.-P. Aumasson and D. J. Bernstein, 2012. */

struct sip {
    uint64_t v0;
    uint64_t v1;
    uint64_t v2;
    uint64_t v3;
};

static uint64_t
rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static void
mix(struct sip *sip, unsigned rounds)
{
    while (rounds-- > 0) {
        sip->v0 += sip->v1;
        sip->v2 += sip->v3;
        sip->v1 = rotate(sip->v1, 13) ^ sip->v0;
        sip->v3 = rotate(sip->v3, 16) ^ sip->v2;
        sip->v0 = rotate(sip->v0, 32);
        sip->v2 += sip->v1;
        sip->v0 += sip->v3;
        sip->v1 = rotate(sip->v1, 17) ^ sip->v2;
        sip->v3 = rotate(sip->v3, 21) ^ sip->v0;
        sip->v2 = rotate(sip->v2, 32);
    }
}

/* Little endian, whatever the machine; compilers make one load of it. */
static uint64_t
load(const char *data, size_t length)
{
    uint64_t word = 0;

    for (size_t i = 0; i < length; i++)
        word |= (uint64_t)(unsigned char)data[i] << (8 * i);
    return word;
}

static void
take(struct sip *sip, uint64_t word)
{
    sip->v3 ^= word;
    mix(sip, 2);
    sip->v0 ^= word;
}

uint64_t
hash_of(struct span data, struct hash_key key)
{
    struct sip sip = {
        .v0 = key.low ^ UINT64_C(0x736f6d6570736575),
        .v1 = key.high ^ UINT64_C(0x646f72616e646f6d),
        .v2 = key.low ^ UINT64_C(0x6c7967656e657261),
        .v3 = key.high ^ UINT64_C(0x7465646279746573),
    };
    size_t whole = data.length - data.length % 8;

    for (size_t i = 0; i < whole; i += 8)
        take(&sip, load(data.data + i, 8));
    take(&sip, load(data.length > whole ? data.data + whole : NULL, data.length - whole) |
                   (uint64_t)(data.length & 0xff) << 56);
    sip.v2 ^= 0xff;
    mix(&sip, 4);
    return sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
}
