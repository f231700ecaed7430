/*
 * scan_turn - in the long lane each client has one message at a time.
 *
 * What takes long is served in turn (scan_lane.h); a client that sends many such messages
 * waits for its own, not others for it.  Clients of one IPv6 network (/64) are one.  In
 * the memory that processes share: a turn ends by itself with the deadline of its
 * message, whatever became of who had it.
 */
#ifndef MILTERS_SCAN_SCAN_TURN_H
#define MILTERS_SCAN_SCAN_TURN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/base/hash.h"

enum { SCAN_TURNS_MAX = 1024 };

/* Two clients that meet in one place share a turn: rare, and none can choose to. */
struct scan_turns {
    struct hash_key key; /* random; before others have it */
    _Atomic uint64_t until_ms[SCAN_TURNS_MAX];
};

/* Who a client is, by the text of its address; 0: not known, never waits. */
uint64_t scan_turn_client(const char *address);

bool scan_turn_take(
    struct scan_turns *turns, uint64_t client, uint64_t until_ms, uint64_t now_ms);
void scan_turn_give_back(struct scan_turns *turns, uint64_t client, uint64_t until_ms);

#endif
