/*
 * books_events - copies of the stream of events, so that what is done to it in Redis can
 * be told: the newest BOOKS_EVENTS_MAX.
 *
 * Of a copy that names an erased address the line is gone, its place in the chain stays.
 */
#ifndef POLICYD_BOOKS_BOOKS_EVENTS_H
#define POLICYD_BOOKS_BOOKS_EVENTS_H

#include "policyd/books/books.h"
#include "policyd/events/event_entry.h"

enum { BOOKS_EVENTS_MAX = 100000 };

/* One that is there already is left as it is. */
bool books_enter_event(
    struct books *books, const struct event_entry *entry, struct error *error);

/* The id up to which the stream was copied, "0-0" where nothing was, and the last chained
 * one's place. */
bool books_last_event(struct books *books, char id[EVENT_ID_SIZE],
    struct event_head *head, struct error *error);

/* The places of all that are chained, by seq. */
bool books_each_event(struct books *books,
    void (*each)(void *argument, const struct event_head *place), void *argument,
    struct error *error);

#endif
