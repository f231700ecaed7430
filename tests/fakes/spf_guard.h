/*
 * spf_guard - stands before libspf2's compiler (-Wl,--wrap=SPF_record_compile) and ends
 * the process unless the text is one of ours: libspf2 must never see what strangers
 * wrote.
 */
#ifndef TESTS_FAKES_SPF_GUARD_H
#define TESTS_FAKES_SPF_GUARD_H

/* How many texts it has seen. */
unsigned spf_guard_count(void);

#endif
