/*
 * clam_calls - the calls that libclamav makes, watched.
 *
 * The library swallows many a failure: a write with no room, memory it does not get, a
 * file it can't open, and says "clean" of what it then did not see.  So this program has
 * functions of its own under the names of libc's (write, open, malloc, ...), which call
 * those and look at what comes back; a program's own functions go before a shared
 * library's, for every library in the process.  What failed between start and end is
 * known then, whatever was made of it.  What may fail without harm (a file looked for
 * that is not there) is told apart.
 *
 * One scan at a time, in a process of one thread.  Before the first start, in any
 * process, the functions cost a comparison.
 *
 * Limits: with a sanitizer, which has functions of its own there, nothing is seen.  What
 * libc does inside itself is seen by what it answers: the failed read of a stream by its
 * error.
 */
#ifndef MILTERS_SCAN_CLAM_CALLS_H
#define MILTERS_SCAN_CLAM_CALLS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * From here on.  Files may take that much room at a time: `share` is what there is for
 * this process, a write beyond it fails like any for which there is no room; `most` what
 * a message may ask for, see clam_calls_room_was_short.
 */
void clam_calls_start(uint64_t share, uint64_t most, uint64_t until_ms);
void clam_calls_end(void);

/*
 * Called within a call for memory once `until_ms` (of the monotonic clock) is past, for
 * parts of the library that never look at the time; must not return.  NULL: nobody.
 */
void clam_calls_on_late(void (*late)(void));

/* To be set once one fails, for somebody who looks when this process is gone. */
void clam_calls_tell(atomic_bool *failed);

/* Of the last scan.  The first that failed, "write: No space left on device"; NULL: none.
 */
const char *clam_calls_failed(void);
bool clam_calls_room_was_short(void);

/* Whether the calls of shared libraries come here at all in this build. */
bool clam_calls_are_seen(void);

#endif
