/*
 * list_reader - reads lists, one after the other, in slices, and has replica_orders put
 * them in force.
 *
 * SSCAN shows a list that changes meanwhile neither as it was nor as it is: then it is
 * read again, and at the third time as a whole.
 */
#ifndef POLICYD_STORE_LIST_READER_H
#define POLICYD_STORE_LIST_READER_H

#include "policyd/store/reading.h"

struct list_reader;

/* `idle` is called when the last list that was asked for is in force. */
struct list_reader *list_reader_new(
    struct reading *reading, void (*idle)(void *argument), void *argument);
void list_reader_free(struct list_reader *reader);

/* `key` is without the prefix.  A list whose reading has begun is read again when it is
 * asked for again. */
void list_reader_read(struct list_reader *reader, unsigned targets, struct span key);

/* Goes on after a lost connection; what was being read is begun anew. */
void list_reader_resume(struct list_reader *reader);

/* Whether a list is read, or waits, for this load. */
bool list_reader_has_load(const struct list_reader *reader);

/* Changed lists that wait (a flush makes reading them pointless). */
size_t list_reader_waiting(const struct list_reader *reader);
void list_reader_forget(struct list_reader *reader);

#endif
