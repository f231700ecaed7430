/*
 * counts - outcomes by slot, and the ledger of who has mail on new: gathered between two
 * commits, put into the outbox with them, sent to Redis in their order.
 *
 * `stat:<domain>:<backend>:<slot>` (the slot's start in unix time; ok fail neutral
 * rejected unknown toobig delay_ms delay_count, first attempts alone) and
 * `ledger:<domain>` (unit: `UNIXTIME sure|maybe`).  What was sent and not answered is
 * sent again: Redis keeps the number of the last part it took in field `taken` of
 * `gateway:<name>`, and takes none twice.  So parts go one after the other, the next one
 * with the answer to the last.
 */
#ifndef POLICYD_CUTOVER_COUNTS_H
#define POLICYD_CUTOVER_COUNTS_H

#include "policyd/books/books_enter.h"
#include "policyd/redis/redis.h"

struct counts;

struct counts *counts_new(const char *prefix, const char *gateway, uint64_t slot_ms);
void counts_free(struct counts *counts); /* after the connection that it sent by */

/* `taken` is called when Redis has taken a part: it may be settled, and the next sent. */
void counts_on_taken(
    struct counts *counts, void (*taken)(void *argument), void *argument);

void counts_attempt(struct counts *counts, const struct books_attempt *attempt);

/* A unit has mail on new. */
void counts_accepted(struct counts *counts, struct span domain, struct span unit,
    int64_t time_ms, bool sure);

/* Within the transaction of what was counted. */
bool counts_save(struct counts *counts, struct books *books, struct error *error);

/* What was gathered since the last save is forgotten: it is counted again. */
void counts_forget(struct counts *counts);

/* Sends the oldest part that Redis has not taken, where none is under way.  *left: there
 * is one, sent or not. */
void counts_send(
    struct counts *counts, struct books *books, struct redis *redis, bool *left);

/* Within a transaction: what Redis has taken leaves the outbox; settled when that is
 * committed. */
bool counts_settle(struct counts *counts, struct books *books, struct error *error);
void counts_settled(struct counts *counts);

#endif
