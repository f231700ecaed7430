/*
 * queue_watch - once a minute, and after a new configuration: Postfix's queue beside the
 * books.
 *
 * What is compared, in slices of at most 20 ms, is what the books have once all is in
 * them that the log said up to a second after the listing.  While the log is not read to
 * its end, or Postfix can't be asked, nothing is known: no figure is made of what is not.
 * That they disagree, and that nothing is known, is told once when it begins and once
 * when it ends.
 */
#ifndef POLICYD_CUTOVER_QUEUE_WATCH_H
#define POLICYD_CUTOVER_QUEUE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct books;
struct event_base;
struct queue_watch;

struct queue_watch_source {
    /* The books, where all is in them that the log had at `since_ms` (clock_now_ms); else
     * NULL. */
    struct books *(*books)(void *argument, uint64_t since_ms);
    void *argument;
};

struct queue_watch_status {
    bool is_known;
    uint64_t queue_only; /* messages */
    uint64_t books_only;
    int64_t compared;    /* unix time of the last comparison; 0: none yet */
    const char *trouble; /* why nothing is known, "" else; borrowed */
};

struct queue_watch *queue_watch_new(
    struct event_base *base, const struct queue_watch_source *source);
void queue_watch_free(struct queue_watch *watch);

/* Asks at once.  `postfix`: Postfix's configuration folder, "" for its own, NULL: it is
 * not to be asked; borrowed until the next one. */
void queue_watch_configure(struct queue_watch *watch, const char *postfix);

void queue_watch_status(
    const struct queue_watch *watch, struct queue_watch_status *status);

#endif
