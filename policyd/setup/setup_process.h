/*
 * setup_process - run a program to its end, without a shell, and keep what it says.
 *
 * The program is found by PATH, to which the folders of system programs are added, and
 * gets a clean environment (PATH, LC_ALL=C).
 */
#ifndef POLICYD_SETUP_SETUP_PROCESS_H
#define POLICYD_SETUP_SETUP_PROCESS_H

#include "shared/base/buffer.h"
#include "shared/base/error.h"

/*
 * `words` ends with NULL.  What it writes to stdout goes to `out`, to stderr to `said`
 * (either may be NULL: not kept).  True when it ran; *status is then its exit code, 128
 * and more for a signal.
 */
bool setup_process_run(const char *const *words, struct buffer *out, struct buffer *said,
    int *status, struct error *error);

/* The same with something to read on its standard input. */
bool setup_process_feed(const char *const *words, struct span input, struct buffer *out,
    struct buffer *said, int *status, struct error *error);

#endif
