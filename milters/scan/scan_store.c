#include "milters/scan/scan_store.h"

#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    uint64_t ceiling;
    uint64_t octets;
    struct scan_share *first;
} store = {.lock = PTHREAD_MUTEX_INITIALIZER};

void
scan_store_set_ceiling(uint64_t octets)
{
    store.ceiling = octets;
}

static void
join(struct scan_share *share)
{
    share->previous = NULL;
    share->next = store.first;
    if (store.first != NULL)
        store.first->previous = share;
    store.first = share;
}

/* Its memory is the kernel's again; the descriptor stays its owner's. */
static void
lose(struct scan_share *share)
{
    share->lost = true;
    store.octets -= share->octets;
    share->octets = 0;
    (void)!ftruncate(share->fd, 0);
}

static struct scan_share *
find_quiet(const struct scan_share *asking, uint64_t now_ms)
{
    struct scan_share *quiet = NULL;

    for (struct scan_share *share = store.first; share != NULL; share = share->next) {
        if (share != asking && share->octets > 0 && !share->complete &&
            share->last_ms + SCAN_QUIET_MS <= now_ms &&
            (quiet == NULL || share->last_ms < quiet->last_ms))
            quiet = share;
    }
    return quiet;
}

static bool
make_room(const struct scan_share *asking, uint64_t octets, uint64_t now_ms)
{
    while (store.ceiling != 0 && store.octets + octets > store.ceiling) {
        struct scan_share *quiet = find_quiet(asking, now_ms);

        if (quiet == NULL)
            return false;
        lose(quiet);
    }
    return true;
}

bool
scan_store_grow(struct scan_share *share, int fd, uint64_t octets, uint64_t now_ms)
{
    bool room;

    (void)pthread_mutex_lock(&store.lock);
    if (share->last_ms == 0) {
        share->fd = fd;
        join(share);
    }
    room = !share->lost && make_room(share, octets, now_ms);
    if (room) {
        share->octets += octets;
        store.octets += octets;
    } else if (!share->lost) {
        lose(share);
    }
    share->last_ms = now_ms == 0 ? 1 : now_ms;
    (void)pthread_mutex_unlock(&store.lock);
    return room;
}

bool
scan_store_complete(struct scan_share *share)
{
    bool whole;

    (void)pthread_mutex_lock(&store.lock);
    share->complete = true;
    whole = !share->lost;
    (void)pthread_mutex_unlock(&store.lock);
    return whole;
}

void
scan_store_leave(struct scan_share *share)
{
    (void)pthread_mutex_lock(&store.lock);
    if (share->last_ms != 0) {
        if (share->next != NULL)
            share->next->previous = share->previous;
        if (share->previous != NULL)
            share->previous->next = share->next;
        else
            store.first = share->next;
        store.octets -= share->octets;
    }
    *share = (struct scan_share){.fd = -1};
    (void)pthread_mutex_unlock(&store.lock);
}

uint64_t
scan_store_octets(void)
{
    uint64_t octets;

    (void)pthread_mutex_lock(&store.lock);
    octets = store.octets;
    (void)pthread_mutex_unlock(&store.lock);
    return octets;
}
