/*
 * scan_session - what a message carries.
 *
 * A small message stays in memory, up to SCAN_INLINE_MAX; a larger one streams into a
 * memfd, so that memory stays at one write buffer whatever its size, up to max_message;
 * all of those together have a ceiling (scan_store.h).
 * Lines are as Postfix has them, fields end with CRLF.  SCAN_MARK stands before them:
 * what a message begins with is its sender's choice, and libclamav goes by it.  A first
 * field
 * "%PDF-1.4: x" is enough for it to see a document without attachments.
 */
#ifndef MILTERS_SCAN_SCAN_SESSION_H
#define MILTERS_SCAN_SCAN_SESSION_H

#include "milters/scan/scan_run.h"
#include "milters/scan/scan_store.h"
#include "shared/base/arena.h"

/* A field name that came with the mail and is ours to remove, and how often. */
struct scan_foreign {
    struct scan_foreign *next;
    const char *name;
    unsigned count;
};

enum {
    SCAN_FOREIGN_NAMES_MAX = 500,
    SCAN_FOREIGN_OCTETS_MAX = 1 << 20, /* of their names */
};

struct scan_session {
    struct arena *arena;
    const char *sender;
    unsigned recipients;
    int fd;                  /* memfd, -1: none so far */
    struct buffer pending;   /* not yet written to it */
    uint64_t written;        /* octets in it */
    struct scan_share share; /* of the memory for all of them */
    uint64_t size;           /* of the message as it came */
    bool too_big;
    bool trouble;
    bool forged; /* more foreign fields than the ceilings above, or edited_field's */
    struct scan_foreign *foreign;
    unsigned foreign_count;
    unsigned foreign_names;
    size_t foreign_octets;
    unsigned results_seen; /* fields that the other milter may take out */
    uint64_t began_ms;
};

struct scan_session *scan_session_new(void);
void scan_session_free(struct scan_session *session);

/* Forgets the message, keeps the connection. */
void scan_session_reset(struct scan_session *session);

/* Starts a message. */
void scan_session_begin(
    struct scan_session *session, struct span sender, uint64_t now_ms);

/* A field as the milter protocol gives it: value lines parted by LF; with `leading_space`
 * its own blank is there. */
void scan_session_field(struct scan_session *session, struct span name, struct span value,
    bool leading_space, bool spamd, uint64_t most);
void scan_session_end_of_header(struct scan_session *session, uint64_t most);
void scan_session_body(struct scan_session *session, struct span chunk, uint64_t most);

/* Ends a message; false on trouble. */
bool scan_session_seal(struct scan_session *session);

/* The mark is part of it. */
struct scan_message scan_session_message(const struct scan_session *session);

/* Deletions for all foreign fields, with room for `more` further edits. */
void scan_session_edits(
    struct scan_session *session, unsigned more, struct verdict *verdict);

#endif
