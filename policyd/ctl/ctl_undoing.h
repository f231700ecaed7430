/*
 * ctl_undoing - one run of undo: the journal's messages, whom of the domain each of them
 * reached on new by the books, and each of these brought to old.
 */
#ifndef POLICYD_CTL_CTL_UNDOING_H
#define POLICYD_CTL_CTL_UNDOING_H

#include "policyd/books/books_landed.h"
#include "policyd/ctl/ctl.h"
#include "policyd/undo/undo_progress.h"
#include "policyd/undo/undo_read.h"

enum { UNDOING_NAMED_MAX = 1000 };

/* One that is told. */
struct undoing_name {
    const char *queue_id;
    const char *recipient;
    const char *why; /* it is left; "" in the list of those that may be there twice */
};

struct undoing_names {
    struct undoing_name *items; /* UNDOING_NAMED_MAX of them at most */
    size_t count;
    uint64_t total;
};

struct undoing {
    struct ctl *ctl;
    const char *domain;
    struct landed_query query;
    const char *route; /* to old */
    bool is_dry;
    struct books *books;
    struct undo_reader *reader;
    struct undo_progress progress;

    uint64_t landed; /* on new, by the books */
    uint64_t sent;   /* of those, in all */
    uint64_t now;    /* by this run */
    uint64_t ready;  /* would be, in a dry run */
    struct undoing_names twice;
    struct undoing_names left;
    bool is_going_on;    /* the domain still sends people to new */
    const char *stopped; /* before its end, by this; NULL: it wasn't */
};

/* When the first of them was taken in; 0: there are none.  Counts those that landed. */
bool ctl_undoing_count(struct undoing *undoing, int64_t *from_ms, struct error *error);

/* Sends, or in a dry run looks; then what was sent and what is left is counted.  False:
 * the books can't be read. */
bool ctl_undoing_run(struct undoing *undoing, struct error *error);

#endif
