#include "policyd/routing/key_queue.h"

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
    if (key.length > KEY_QUEUE_KEY_MAX)
        return;
    buffer_append_octet(&queue->octets, (char)(key.length >> 8));
    buffer_append_octet(&queue->octets, (char)(key.length & 0xff));
    buffer_append(&queue->octets, key);
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

/* The octets move up only when half of them are of no use any more. */
void
key_queue_drop_first(struct key_queue *queue)
{
    struct span key;

    if (!key_queue_first(queue, &key))
        return;
    queue->start += LENGTH_SIZE + key.length;
    queue->count--;
    if (queue->count == 0)
        key_queue_reset(queue);
    if (queue->start > IDLE_MAX && queue->start > queue->octets.length / 2) {
        buffer_consume(&queue->octets, queue->start);
        queue->start = 0;
    }
}
