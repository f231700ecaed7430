/*
 * event_copies - each event of the stream in Redis is copied into the books of this
 * gateway, with what else is committed; once a second, the last one's place in the chain
 * is kept in the log: hourly, and when a weight, a mode or a plan has moved.
 *
 *     events: head=812:9f86d081..., after=plan-advance
 *
 * Of an entry that does not go on from the one that was copied before it is warned once.
 */
#ifndef POLICYD_CUTOVER_EVENT_COPIES_H
#define POLICYD_CUTOVER_EVENT_COPIES_H

#include "policyd/books/books.h"
#include "policyd/redis/redis.h"

struct event_copies;

/* `redis` and `prefix` are borrowed; free it behind `redis`, whose answers it waits for.
 */
struct event_copies *event_copies_new(struct redis *redis, const char *prefix);
void event_copies_free(struct event_copies *copies);

/* Once a second.  True: some are to be saved with the next commit. */
bool event_copies_tick(struct event_copies *copies, struct books *books);

/* Within a transaction; and once that is committed. */
bool event_copies_save(
    struct event_copies *copies, struct books *books, struct error *error);
void event_copies_saved(struct event_copies *copies);

/* How many went on from elsewhere since this was asked last. */
uint64_t event_copies_take_faults(struct event_copies *copies);

#endif
