/*
 * cutover_books - what postshift-cutover does about the books: what follow enters is
 * counted with it, and told to Redis and to the metrics once it is committed.
 */
#ifndef POLICYD_CUTOVER_CUTOVER_BOOKS_H
#define POLICYD_CUTOVER_CUTOVER_BOOKS_H

#include "policyd/cutover/cutover_daemon.h"

/* By the daemon's configuration. */
void cutover_books_start(struct cutover_daemon *daemon);

/* What was read is committed; what Redis has not taken is in the books. */
void cutover_books_stop(struct cutover_daemon *daemon);

#endif
