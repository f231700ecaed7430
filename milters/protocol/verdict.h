/*
 * verdict - what a milter wants done with one message: a disposition, a reply, header
 * edits.
 *
 * A plain value made by the *_decide modules and told by milter_reply.  Texts are
 * borrowed from the message's arena.  Reply texts are one line of printable ASCII, at
 * most 400 octets; what is not so is left to the MTA's own words.
 */
#ifndef MILTERS_PROTOCOL_VERDICT_H
#define MILTERS_PROTOCOL_VERDICT_H

#include "shared/base/arena.h"

enum verdict_action {
    VERDICT_ACCEPT,
    VERDICT_TEMPFAIL,   /* 4xx with the reply below */
    VERDICT_REJECT,     /* 5xx with the reply below */
    VERDICT_QUARANTINE, /* Postfix's hold queue, `reason` shown by postqueue */
    VERDICT_DISCARD,    /* taken and thrown away */
};

/* Deletions go by number from the highest to the lowest and before all insertions,
 * whatever their order here. */
enum verdict_edit_kind {
    VERDICT_DELETE, /* field `number` (from 1) of that name among those received, case
                       aside */
    VERDICT_INSERT, /* above everything else, later ones above earlier ones */
    VERDICT_APPEND, /* at the end of the header */
};

struct verdict_edit {
    enum verdict_edit_kind kind;
    const char *name;  /* field name without colon */
    const char *value; /* folded with LF and blank or tab, no leading blank: milter_reply
                          puts it; NULL to delete */
    unsigned number;   /* of VERDICT_DELETE */
};

struct verdict {
    enum verdict_action action;
    const char *code;           /* "550", "451"; NULL where accepted */
    const char *enhanced;       /* "5.7.1" */
    const char *text;           /* of the reply */
    const char *reason;         /* of quarantine and of the log line */
    struct verdict_edit *edits; /* in the message's arena */
    size_t edit_count;
    size_t edit_room; /* of verdict_room */
};

/*
 * Room for that many edits, those it has already included.  Say it where their number is
 * known: an edit more ends the process, rather than a message goes on without it.
 */
void verdict_room(struct verdict *verdict, struct arena *arena, size_t room);

/* One more edit; texts are borrowed. */
void verdict_delete(struct verdict *verdict, const char *name, unsigned number);
void verdict_insert(struct verdict *verdict, const char *name, const char *value);
void verdict_append(struct verdict *verdict, const char *name, const char *value);

#endif
