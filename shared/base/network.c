#include "shared/base/network.h"

#include "shared/base/number.h"

#include <arpa/inet.h>
#include <string.h>

/* The offset of an IPv4 address in its v4-mapped form. */
enum { MAPPED_OCTETS = 12, MAPPED_BITS = 96 };

static bool
read_address(struct span text, unsigned char address[16], bool *is_v4)
{
    static const unsigned char mapped[MAPPED_OCTETS] = {[10] = 0xff, [11] = 0xff};
    char name[INET6_ADDRSTRLEN];

    if (!span_copy(text, name, sizeof(name)))
        return false;
    *is_v4 = inet_pton(AF_INET, name, address + MAPPED_OCTETS) == 1;
    if (*is_v4) {
        memcpy(address, mapped, sizeof(mapped));
        return true;
    }
    return inet_pton(AF_INET6, name, address) == 1;
}

static struct span
without_brackets(struct span text)
{
    if (text.length < 2 || text.data[0] != '[' || text.data[text.length - 1] != ']')
        return text;
    return span_first(span_from(text, 1), text.length - 2);
}

bool
network_parse(struct span text, struct network *network)
{
    size_t slash = span_find(text, '/');
    struct network parsed = {.bits = 128};
    uint64_t bits;
    bool is_v4;

    if (!read_address(without_brackets(span_first(text, slash)), parsed.address, &is_v4))
        return false;
    if (slash != SPAN_NONE) {
        if (!number_unsigned(span_from(text, slash + 1), is_v4 ? 32 : 128, &bits))
            return false;
        parsed.bits = (unsigned)bits + (is_v4 ? MAPPED_BITS : 0);
    }
    *network = parsed;
    return true;
}

bool
network_has(const struct network *network, struct span address)
{
    unsigned char octets[16];
    unsigned whole = network->bits / 8;
    unsigned rest = network->bits % 8;
    bool is_v4;

    if (!read_address(address, octets, &is_v4))
        return false;
    if (memcmp(octets, network->address, whole) != 0)
        return false;
    return rest == 0 || (octets[whole] ^ network->address[whole]) >> (8 - rest) == 0;
}
