/*
 * key_reader - reads single domains, pins and units, and hands them to replica_orders.
 *
 * Where several keys mean the same thing all are read, and the first that is there
 * counts.
 */
#ifndef POLICYD_STORE_KEY_READER_H
#define POLICYD_STORE_KEY_READER_H

#include "policyd/store/reading.h"

enum { KEY_READER_IN_FLIGHT_MAX = 500 };

struct key_reader_events {
    /* One read is over: there is room for another one. */
    void (*done)(void *argument);
    /* The connection was lost before the answer: this key is to be read again. */
    void (*lost)(void *argument, struct span key);
};

struct key_reader;

struct key_reader *key_reader_new(
    struct reading *reading, const struct key_reader_events *events, void *argument);
void key_reader_free(struct key_reader *reader); /* after the connection's end */

/* `key` is without the prefix.  False: no room, or no connection. */
bool key_reader_read(struct key_reader *reader, unsigned targets, struct span key,
    const struct replica_key *about);

size_t key_reader_in_flight(const struct key_reader *reader);
size_t key_reader_of_load(
    const struct key_reader *reader); /* of these, for the load alone */

#endif
