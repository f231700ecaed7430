/*
 * scan_wire - the frames between the serving process and a scan worker.  Pure.
 *
 * A job is one SEQPACKET message on the jobs socket with the worker's end of a pipe
 * beside it.  A small message, as most are, stands in the frame: nothing cheaper gets it
 * across.  A larger one goes beside it too, before the pipe, as a sealed memfd.  Into the
 * pipe the worker writes a `result` frame, in one piece; end of file before it means that
 * the worker is gone, or that nobody took the job in time: the board tells who has it. A
 * worker has parsed a stranger's mail and may be in a stranger's hands: its frame is read
 * like any input.
 */
#ifndef MILTERS_SCAN_SCAN_WIRE_H
#define MILTERS_SCAN_SCAN_WIRE_H

#include "shared/base/buffer.h"

enum { SCAN_FRAME_MAX = 1024, SCAN_NAME_MAX = 200 };
/* Octets of a message that goes along in the job's frame; and such a frame. */
enum { SCAN_INLINE_MAX = 32 * 1024, SCAN_JOB_MAX = SCAN_INLINE_MAX + 64 };

enum scan_status {
    SCAN_STATUS_CLEAN,    /* scanned, nothing found; see also the flags */
    SCAN_STATUS_INFECTED, /* `virus` */
    SCAN_STATUS_FAILED,   /* the library said so, see `problem`: nothing is known of the
                             message */
    SCAN_STATUS_LATE,     /* its time was over; the same */
};

/* Why "nothing found" is not the whole truth.  Each is true of the message itself: later
 * it is no better. */
enum scan_doubt {
    SCAN_LIMITED,   /* a limit was reached: parts were not scanned */
    SCAN_DAMAGED,   /* a part is broken: what can be read of it was scanned */
    SCAN_ENCRYPTED, /* a part could not be looked into */
    SCAN_UNOPENED,  /* a format that the library does not open */
    SCAN_AMBIGUOUS, /* MIME with two readings */
    SCAN_DOUBTS
};

enum { SCAN_WHAT_MAX = 60 };

struct scan_result {
    enum scan_status status;
    unsigned worker; /* its number, for the log */
    bool doubted[SCAN_DOUBTS];
    char what[SCAN_DOUBTS][SCAN_WHAT_MAX + 1]; /* which limit, format; "": nameless */
    char virus[SCAN_NAME_MAX + 1];             /* signature name, printable */
    char problem[SCAN_NAME_MAX + 1];           /* of a failed scan: which failure */
};

struct scan_job {
    uint64_t number;      /* of its own, never 0 */
    uint64_t deadline_ms; /* CLOCK_MONOTONIC: whoever takes it later drops it */
    uint64_t size;        /* octets of the message */
    struct span octets;   /* the message, up to SCAN_INLINE_MAX, else empty; borrowed */
};

void scan_wire_write_job(const struct scan_job *job, struct buffer *out);
bool scan_wire_read_job(struct span frame, struct scan_job *job);

void scan_wire_write_result(const struct scan_result *result, struct buffer *out);
bool scan_wire_read_result(struct span frame, struct scan_result *result);

/* Notes it; the first of a kind gives the name, made harmless. */
void scan_result_doubt(
    struct scan_result *result, enum scan_doubt doubt, const char *what);

/*
 * Copies with every octet but printable ASCII (quotes, parentheses, comma and backslash
 * not counted) made '_', blanks too in a name, kept in a text; cut at the ceiling.
 */
void scan_name_copy(char out[SCAN_NAME_MAX + 1], const char *name);
void scan_text_copy(char out[SCAN_NAME_MAX + 1], const char *text);

#endif
