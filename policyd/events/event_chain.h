/*
 * event_chain - whether a stream of events is what was written to it, and if not, what
 * was done to it.  Pure.
 *
 *     chain = event_chain_new();
 *     event_chain_add(...) for each entry in the stream's order
 *     event_chain_copy(...) for each that somebody has copied, by seq
 *     event_chain_end(...); event_chain_faults(...)
 *
 * A stream begins with the first of all (seq 1), or with what a `checkpoint` in it names
 * as the one behind the last that was cut.  Entries without a place in the chain are
 * counted: before the first chained one they are of an earlier version, behind it
 * somebody else's; they are no fault.
 */
#ifndef POLICYD_EVENTS_EVENT_CHAIN_H
#define POLICYD_EVENTS_EVENT_CHAIN_H

#include "policyd/events/event_entry.h"

enum { EVENT_FAULTS_MAX = 100 };

enum event_fault_kind {
    EVENT_CHANGED,      /* its hash is not that of its text */
    EVENT_GAP,          /* entries in the midst are missing: XDEL */
    EVENT_CUT_START,    /* at the beginning, and no checkpoint says so: XTRIM */
    EVENT_CUT_TAIL,     /* at the end */
    EVENT_DELETED,      /* the stream as a whole: DEL */
    EVENT_FORK,         /* two entries at one place */
    EVENT_HEAD_MOVED,   /* events:head is not the last entry's */
    EVENT_HEAD_UNKNOWN, /* the head to compare with is too old to be found */
};

/* "changed" "gap" "cut-start" "cut-tail" "deleted" "fork" "head-moved" "head-unknown" */
const char *event_fault_name(enum event_fault_kind kind);

struct event_fault {
    enum event_fault_kind kind;
    uint64_t seq;           /* the first that it is about */
    char id[EVENT_ID_SIZE]; /* of the entry, "" where there is none */
    char text[240];         /* one sentence */
};

struct event_chain;

struct event_chain *event_chain_new(void);
void event_chain_free(struct event_chain *chain);

void event_chain_add(struct event_chain *chain, const struct event_entry *entry);

/* A copy of one, `from` says whose ("the books of this gateway"); after all entries. */
void event_chain_copy(
    struct event_chain *chain, const struct event_head *copy, const char *from);

/* The rest of what is known.  A head with seq 0: there is none. */
struct event_chain_end {
    struct event_head before; /* the key events:head, before the stream was read */
    struct event_head after;  /* and afterwards */
    struct event_head given;  /* a head that somebody wrote down */
    uint64_t added;           /* how many were ever added to this stream; 0: not known */
};
void event_chain_end(struct event_chain *chain, const struct event_chain_end *end);

/* In the order in which they were found, at most EVENT_FAULTS_MAX; how many there are. */
size_t event_chain_faults(
    const struct event_chain *chain, const struct event_fault **faults);

struct event_chain_counts {
    size_t chained;
    size_t earlier; /* not chained, before the first that is */
    size_t beside;  /* not chained, behind it */
    size_t copies;
};
void event_chain_counts(
    const struct event_chain *chain, struct event_chain_counts *counts);

/* The last chained entry's; seq 0: there is none. */
const struct event_head *event_chain_last(const struct event_chain *chain);

#endif
