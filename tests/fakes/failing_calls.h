/*
 * failing_calls - a shared library that stands between a program and libc and has the
 * n-th call fail, as a full disk, spent memory or a lost file would.
 *
 * It knows nothing of who watches: what it counts is what reaches libc.
 */
#ifndef TESTS_FAKES_FAILING_CALLS_H
#define TESTS_FAKES_FAILING_CALLS_H

/* From now on the call of that number (from 1; 0: none) fails, those before and after
 * don't.  `cut`: a write writes half. */
void failing_calls_start(unsigned long number, int cut);

/* How many there were since then; the name of the one that failed, NULL: none. */
unsigned long failing_calls_end(const char **failed);

#endif
