/*
 * replica_scan - reads everything that Redis holds under the prefix into the replica that
 * is being loaded.
 *
 * SCAN, then the values of what it gives, a few hundred at a time; keys that are written
 * oddly at the end, when it is known what else means the same; then the comparison, in
 * slices.  replica_orders says what becomes of it.
 */
#ifndef POLICYD_STORE_REPLICA_SCAN_H
#define POLICYD_STORE_REPLICA_SCAN_H

#include "policyd/store/key_reader.h"
#include "policyd/store/list_reader.h"

struct replica_scan;

struct replica_scan_events {
    /* Taken or refused as a whole: then another replica may answer. */
    void (*finished)(void *argument, bool taken);
    /* Given up: the connection was lost, or its answers make no sense. */
    void (*failed)(void *argument);
};

struct replica_scan *replica_scan_new(struct reading *reading, struct key_reader *keys,
    struct list_reader *lists, const struct replica_scan_events *events, void *argument);
void replica_scan_free(struct replica_scan *scan);

/* Begins, or begins anew. */
void replica_scan_start(struct replica_scan *scan);
/* Gives up without telling. */
void replica_scan_drop(struct replica_scan *scan);
bool replica_scan_is_running(const struct replica_scan *scan);

/* A key or list that was read for it is done: there may be something to go on with. */
void replica_scan_go_on(struct replica_scan *scan);

#endif
