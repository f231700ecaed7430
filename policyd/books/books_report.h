/*
 * books_report - what a period was like, from the books into plain values.
 */
#ifndef POLICYD_BOOKS_BOOKS_REPORT_H
#define POLICYD_BOOKS_BOOKS_REPORT_H

#include "policyd/books/books.h"
#include "policyd/terminal/report.h"

/* Texts are in the arena.  `lifetime_ms` is how long Postfix keeps mail, 0: not known. */
bool books_report(struct books *books, struct arena *arena, int64_t since_ms,
    int64_t until_ms, uint64_t lifetime_ms, struct report *report, struct error *error);

#endif
