#include "milters/scan/scan_turn.h"

#include <arpa/inet.h>
#include <string.h>

uint64_t
scan_turn_client(const char *address)
{
    unsigned char octets[16] = {0};
    uint64_t client = 0;

    if (inet_pton(AF_INET, address, octets + 4) == 1)
        octets[0] = 4;
    else if (inet_pton(AF_INET6, address, octets) != 1)
        return 0;
    memcpy(&client, octets, sizeof(client));
    return client;
}

static _Atomic uint64_t *
place_of(struct scan_turns *turns, uint64_t client)
{
    return &turns->until_ms[hash_of(span_make(&client, sizeof(client)), turns->key) %
                            SCAN_TURNS_MAX];
}

bool
scan_turn_take(
    struct scan_turns *turns, uint64_t client, uint64_t until_ms, uint64_t now_ms)
{
    _Atomic uint64_t *place = place_of(turns, client);
    uint64_t until = atomic_load(place);

    if (client == 0)
        return true;
    return until <= now_ms && atomic_compare_exchange_strong(place, &until, until_ms);
}

void
scan_turn_give_back(struct scan_turns *turns, uint64_t client, uint64_t until_ms)
{
    if (client != 0)
        (void)atomic_compare_exchange_strong(place_of(turns, client), &until_ms, 0);
}
