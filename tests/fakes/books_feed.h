/*
 * books_feed - books of a test: lines in, one word of SQL out.
 */
#ifndef TESTS_FAKES_BOOKS_FEED_H
#define TESTS_FAKES_BOOKS_FEED_H

#include "policyd/books/books_enter.h"

enum { BOOKS_FEED_TEXT_MAX = 4096 };

struct books_feed {
    char path[64];
    struct books *books;
    struct books_writer *writer;
    int64_t last_ms;
    struct books_rules rules; /* `attempted` and its argument may be set before opening */
    unsigned lines;           /* entered */
    unsigned unknown;
    char text[BOOKS_FEED_TEXT_MAX];
};

/* In a folder of its own below /tmp. */
void books_feed_open(struct books_feed *feed);
void books_feed_close(struct books_feed *feed); /* the file stays */
void books_feed_remove(struct books_feed *feed);

/* Enters lines, which end in LF, in one transaction, or (each > 0) in transactions of so
 * many lines with nothing remembered from one to the next. */
void books_feed_lines(struct books_feed *feed, const char *lines, unsigned each);
void books_feed_file(struct books_feed *feed, const char *path, unsigned each);

/* Without asking whether it worked, for tests of what doesn't; within a transaction. */
bool books_feed_line(struct books_feed *feed, struct span line, struct error *error);

/* The rows of a query, columns with blanks, rows with LF between; valid until the next.
 */
const char *books_feed_ask(struct books_feed *feed, const char *sql);

#endif
