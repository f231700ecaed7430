/*
 * route_inputs - what decides routes, from the replica into the books: each change with
 * its time, and at a start, or after all was read anew, what differs from what they have.
 * Of pins and units that is told, too, once it is saved (missed_inputs.h).
 */
#ifndef POLICYD_CUTOVER_ROUTE_INPUTS_H
#define POLICYD_CUTOVER_ROUTE_INPUTS_H

#include "policyd/cutover/missed_inputs.h"

struct route_inputs;

struct route_inputs *route_inputs_new(void);
void route_inputs_free(struct route_inputs *inputs);

void route_inputs_change(
    struct route_inputs *inputs, const struct replica_change *change);

/* Another replica answers: all of it is compared at the next save. */
void route_inputs_compare(struct route_inputs *inputs);

/* After the commit. */
void route_inputs_saved(
    struct route_inputs *inputs, missed_inputs_tell *tell, void *argument);

/* Within a transaction. */
bool route_inputs_save(struct route_inputs *inputs, const struct replica *replica,
    struct books *books, struct error *error);

#endif
