/*
 * books_base - the SQLite file below the books: tables, statements, errors.
 *
 * Inside policyd/books alone.  A statement is prepared once; books_run and books_step
 * reset it when they are through.
 */
#ifndef POLICYD_BOOKS_BOOKS_BASE_H
#define POLICYD_BOOKS_BOOKS_BASE_H

#include <sqlite3.h>

#include "policyd/books/books.h"
#include "shared/base/hash.h"

enum { BOOKS_VERSION = 1, BOOKS_STATEMENTS_MAX = 96 };

/* A writer waits no longer: it has an event loop, and the log is the buffer. */
enum { BOOKS_BUSY_MS = 250 };

struct books {
    sqlite3 *file;
    enum books_mode mode;
    uint64_t generation; /* as of the last begin */
    int log_pages;       /* committed, and not in the file itself yet */
    struct {
        const char *sql; /* as it was asked for: its address is its name */
        sqlite3_stmt *statement;
    } statements[BOOKS_STATEMENTS_MAX];
    size_t statement_count;
};

/* Prepared, reset, nothing bound; `sql` is a literal. NULL with an error. */
sqlite3_stmt *books_prepare(struct books *books, const char *sql, struct error *error);

/* Runs a statement that gives no row. */
bool books_run(struct books *books, sqlite3_stmt *statement, struct error *error);

/* The next row: 1; the end: 0; trouble: -1. */
int books_step(struct books *books, sqlite3_stmt *statement, struct error *error);

/* Rises when an address was erased: what is in memory from before counts no more. */
uint64_t books_generation(const struct books *books);

bool books_exec(struct books *books, const char *sql, struct error *error);
bool books_fail(struct books *books, struct error *error); /* gives false */

/* Texts are bound by reference: they stay until the statement was run. */
void books_bind_span(sqlite3_stmt *statement, int at, struct span text);
void books_bind_text(sqlite3_stmt *statement, int at, const char *text);
struct span books_column(sqlite3_stmt *statement, int at, struct arena *arena);

/* By what a message is found: a value, without case, of a kind ('q' queue id, 'f' sender,
 * 't' recipient, 'c' client address, 'm' Message-ID, 'd' recipient's domain). */
int64_t books_handle(char kind, struct span value);

#endif
