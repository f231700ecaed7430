/*
 * key_queue - names of keys that wait to be read, first in, first out.  Pure.
 *
 * A key that is longer than any of ours can be is not taken.
 */
#ifndef POLICYD_REPLICA_KEY_QUEUE_H
#define POLICYD_REPLICA_KEY_QUEUE_H

#include "shared/base/buffer.h"

enum { KEY_QUEUE_KEY_MAX = 4096 };

struct key_queue {
    struct buffer octets; /* two octets of length, then the key */
    size_t start;         /* of the first one */
    size_t count;
};

void key_queue_init(struct key_queue *queue);
void key_queue_clear(struct key_queue *queue);
void key_queue_reset(struct key_queue *queue); /* empties it */

void key_queue_put(struct key_queue *queue, struct span key);

/* The first one, borrowed until the next change; false when there is none. */
bool key_queue_first(const struct key_queue *queue, struct span *key);
void key_queue_drop_first(struct key_queue *queue);

/* The same for a copy of the struct that only walks along. */
void key_queue_skip_first(struct key_queue *walk);

#endif
