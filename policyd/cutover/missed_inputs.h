/*
 * missed_inputs - pins and units that are others than the books had, when all is
 * compared: what was changed while Redis or we were away.  Gathered within a transaction,
 * told after its commit.
 *
 * Nothing is gathered where the books know of nothing yet.  Of more than
 * MISSED_INPUTS_MAX at a time the rest is counted in one line.
 */
#ifndef POLICYD_CUTOVER_MISSED_INPUTS_H
#define POLICYD_CUTOVER_MISSED_INPUTS_H

#include "policyd/books/books_inputs.h"
#include "policyd/replica/replica_orders.h"

struct missed_inputs;

enum { MISSED_INPUTS_MAX = 5000 };

struct missed_inputs *missed_inputs_new(void);
void missed_inputs_free(struct missed_inputs *missed);

/* What was gathered before is forgotten. */
bool missed_inputs_begin(
    struct missed_inputs *missed, struct books *books, struct error *error);

/* A key of books_inputs, before its value is entered; others than pins and units are
 * passed over. */
bool missed_inputs_note(struct missed_inputs *missed, struct books *books,
    struct span key, struct span value, struct error *error);

/* As changes of their texts; they were the same at `since_ms` (unix time).  Then there
 * are none. */
typedef void missed_inputs_tell(
    void *argument, const struct replica_change *change, int64_t since_ms);
void missed_inputs_told(
    struct missed_inputs *missed, missed_inputs_tell *tell, void *argument);

#endif
