/*
 * completion - a command line that is being typed: what its last word may be.
 *
 * Of the words of verbs alone; which verbs there are, and which options one takes, stands
 * in the table of verbs.  Pure.
 */
#ifndef POLICYD_TERMINAL_COMPLETION_H
#define POLICYD_TERMINAL_COMPLETION_H

#include "policyd/terminal/ctl_arguments.h"
#include "shared/base/span.h"

enum completion_kind {
    COMPLETION_NOTHING, /* what only the person knows: an address, a text */
    COMPLETION_VERBS,
    COMPLETION_OPTIONS, /* of the verb, or those that go before one */
    COMPLETION_WORDS,
    COMPLETION_DOMAINS,
    COMPLETION_LISTS, /* of `domain` */
    COMPLETION_FIELDS,
    COMPLETION_PLAN_FIELDS,
    COMPLETION_GATES,
    COMPLETION_CHECKS,
    COMPLETION_GROUPS,
    COMPLETION_FILES,
};

/* Texts are borrowed from the words. */
struct completion {
    enum completion_kind kind;
    const char *words;  /* of COMPLETION_WORDS, by blanks */
    const char *verb;   /* NULL: none yet */
    const char *config; /* of -c; NULL: not given */
    const char *domain; /* the word before the last */
    uint64_t given;     /* CTL_OPTION_BIT of the options before it */
    struct span stem;   /* "--only=", which stays; "" where there is none */
    struct span begun;  /* what has been typed of it */
};

/* The words behind the program's name; the last is the one that is being typed, "" where
 * it has not begun. */
void completion_read(
    struct completion *completion, const char *const *words, size_t count);

#endif
