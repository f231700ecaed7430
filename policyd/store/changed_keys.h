/*
 * changed_keys - keys of which Redis has told that they changed, read one after the
 * other.
 *
 * At once when there is room on the connection; else they wait, in their order.  A key
 * whose answer got lost with the connection waits again.
 */
#ifndef POLICYD_STORE_CHANGED_KEYS_H
#define POLICYD_STORE_CHANGED_KEYS_H

#include "policyd/store/key_reader.h"
#include "policyd/store/list_reader.h"

struct changed_keys_events {
    void (*accept)(void *argument); /* the `accept` key has changed */
    void (*read)(void *argument);   /* a key has been read, for whomever */
    void (*lists)(void *argument);  /* all lists have been read */
};

struct changed_keys;

struct changed_keys *changed_keys_new(
    struct reading *reading, const struct changed_keys_events *events, void *argument);
void changed_keys_free(struct changed_keys *changed);

/* The readers, which a load uses too. */
struct key_reader *changed_keys_reader(const struct changed_keys *changed);
struct list_reader *changed_keys_lists(const struct changed_keys *changed);

/* False: so many that reading everything is quicker; nothing was put. */
bool changed_keys_put(
    struct changed_keys *changed, const struct redis_reply *keys, size_t count);

/* As many as there is room for: after a connection came up. */
void changed_keys_read(struct changed_keys *changed);

/* Everything is going to be read: none of them need be. */
void changed_keys_forget(struct changed_keys *changed);

size_t changed_keys_waiting(const struct changed_keys *changed);

#endif
