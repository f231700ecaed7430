/*
 * value_reader - reads pins and units, hundreds in one command.
 *
 * For keys that are written canonically and alone in what they mean.  One that isn't
 * there, or is of another type (MGET doesn't say which), is given back to be read alone.
 */
#ifndef POLICYD_STORE_VALUE_READER_H
#define POLICYD_STORE_VALUE_READER_H

#include "policyd/store/reading.h"

enum { VALUE_READER_BATCH = 250, VALUE_READER_IN_FLIGHT_MAX = 8 };

struct value_reader_events {
    void (*alone)(void *argument, struct span key); /* read it by itself */
    void (*lost)(
        void *argument, struct span key); /* the connection was lost before the answer */
    void (*done)(void *argument);         /* a command has been answered, or was lost */
};

struct value_reader;

/* All values are for `targets`; answers to a load before the one of now are dropped where
 * it is for a load alone. */
struct value_reader *value_reader_new(struct reading *reading, unsigned targets,
    const struct value_reader_events *events, void *argument);
void value_reader_free(struct value_reader *reader); /* after the connection's end */

/* Collects; sends when enough have come together.  `key` is without the prefix. */
void value_reader_put(struct value_reader *reader, struct span key);
/* Sends what has come together. */
void value_reader_send(struct value_reader *reader);

/* Whether another command may be sent; how many are in flight, of this load where it is
 * for one. */
bool value_reader_has_room(const struct value_reader *reader);
size_t value_reader_in_flight(const struct value_reader *reader);

#endif
