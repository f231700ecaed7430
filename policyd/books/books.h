/*
 * books - the accounts of every message, in one SQLite file.
 *
 * postshift-cutover is the one writer: it opens a transaction, enters what the log says
 * and where it was read, and commits about once a second, so that a restart neither loses
 * nor counts twice.  postshiftctl reads, at the same time (WAL).
 *
 * A book that is locked, damaged, or on a full disk is an error with one clear sentence;
 * nothing of the transaction is in it then, and the caller enters the same again later:
 * the log is the buffer.
 *
 * Everything is borrowed for the call.  Times are unix milliseconds.
 */
#ifndef POLICYD_BOOKS_BOOKS_H
#define POLICYD_BOOKS_BOOKS_H

#include "policyd/maillog/maillog_event.h"
#include "shared/base/arena.h"
#include "shared/base/error.h"

struct books;

enum books_mode { BOOKS_WRITE, BOOKS_READ };

/* BOOKS_WRITE makes the file (0640) and its tables.  A file of a later version of ours is
 * refused. */
struct books *books_open(const char *path, enum books_mode mode, struct error *error);
void books_close(struct books *books);

bool books_begin(struct books *books, struct error *error);
bool books_commit(struct books *books, struct error *error);
void books_rollback(struct books *books); /* what was entered since begin is forgotten */

/* What was committed goes from SQLite's log into the file itself, once enough has come
 * together.  It may take as long as the disk takes: after a commit, when those who look
 * have what they wait for.  Trouble is that of the next commit. */
void books_settle(struct books *books);

#endif
