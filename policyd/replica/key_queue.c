#include "policyd/replica/key_queue.h"

#include <string.h>

enum { LENGTH_SIZE = 2, OCTETS_MAX = 1 << 30, IDLE_MAX = 64 * 1024 };

void
key_queue_init(struct key_queue *queue)
{
    queue->start = 0;
    queue->count = 0;
    buffer_init(&queue->octets, OCTETS_MAX);
}

void
key_queue_clear(struct key_queue *queue)
{
    buffer_clear(&queue->octets);
    queue->start = 0;
    queue->count = 0;
}

void
key_queue_reset(struct key_queue *queue)
{
    /* What a burst has made large goes back. */
    if (queue->octets.capacity > IDLE_MAX)
        buffer_clear(&queue->octets);
    buffer_reset(&queue->octets);
    queue->start = 0;
    queue->count = 0;
}

void
key_queue_put(struct key_queue *queue, struct span key)
{
    char *place;

    if (key.length > KEY_QUEUE_KEY_MAX ||
        !buffer_reserve(&queue->octets, LENGTH_SIZE + key.length))
        return;
    place = queue->octets.data + queue->octets.length;
    place[0] = (char)(key.length >> 8);
    place[1] = (char)(key.length & 0xff);
    if (key.length > 0)
        memcpy(place + LENGTH_SIZE, key.data, key.length);
    queue->octets.length += LENGTH_SIZE + key.length;
    queue->count++;
}

bool
key_queue_first(const struct key_queue *queue, struct span *key)
{
    const unsigned char *length;

    if (queue->count == 0)
        return false;
    length = (const unsigned char *)queue->octets.data + queue->start;
    key->length = (size_t)length[0] << 8 | (size_t)length[1];
    key->data = queue->octets.data + queue->start + LENGTH_SIZE;
    return true;
}

void
key_queue_skip_first(struct key_queue *walk)
{
    struct span key;

    if (!key_queue_first(walk, &key))
        return;
    walk->start += LENGTH_SIZE + key.length;
    walk->count--;
}

/* The octets move up only when half of them are of no use any more. */
void
key_queue_drop_first(struct key_queue *queue)
{
    key_queue_skip_first(queue);
    if (queue->count == 0)
        key_queue_reset(queue);
    if (queue->start > IDLE_MAX && queue->start > queue->octets.length / 2) {
        buffer_consume(&queue->octets, queue->start);
        queue->start = 0;
    }
}
