#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policyd/books/books_base.h"
#include "shared/base/allocate.h"

enum {
    READER_BUSY_MS = 5000,
    HANDLE_MAX = 512,
    SETTLE_PAGES = 8000,      /* 32 MB */
    SETTLE_PAGES_MAX = 16000, /* then a commit does it, where nobody else has */
};

/*
 * Numbers stand before texts, so that what is summed is near the start of its row.
 * `handle` is one index for all that a message is found by: written in order of its keys,
 * a second's worth at a time.  `recipient_lost` is of END_LOST: the difference of the
 * accounts, without reading them all.
 */
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS message("
    "  id INTEGER PRIMARY KEY, accepted INT, ended INT, kind INT, state INT, nrcpt INT,"
    "  begun INT, removal INT, size INT, story INT, seen INT,"
    "  instance TEXT, queue_id TEXT, host TEXT, sender TEXT, client TEXT, login TEXT,"
    "  message_id TEXT, refused TEXT, verdicts TEXT);"
    "CREATE INDEX IF NOT EXISTS message_open ON message(id) WHERE ended = 0;"
    "CREATE INDEX IF NOT EXISTS message_story ON message(story);"
    "CREATE TABLE IF NOT EXISTS recipient("
    "  message INT, n INT, end INT, backend INT, maybe INT, at INT, outcome INT, class "
    "INT,"
    "  attempts INT, delay INT, first_at INT, first_outcome INT, first_class INT,"
    "  first_delay INT, first_backend INT, domain TEXT, addr TEXT, orig TEXT,"
    "  service TEXT, relay TEXT, tls TEXT, reply TEXT,"
    "  PRIMARY KEY(message, n)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS recipient_lost ON recipient(message) WHERE end = 7;"
    "CREATE TABLE IF NOT EXISTS attempt("
    "  message INT, n INT, at INT, outcome INT, class INT, backend INT, reply TEXT,"
    "  PRIMARY KEY(message, n, at)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS handle("
    "  key INT, message INT, PRIMARY KEY(key, message)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS session("
    "  kind INT, pid INT, at INT, value TEXT, PRIMARY KEY(kind, pid)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS gap(id INTEGER PRIMARY KEY, from_at INT, to_at INT, why "
    "TEXT);"
    "CREATE TABLE IF NOT EXISTS unknown_form(id INTEGER PRIMARY KEY, line TEXT);"
    "CREATE TABLE IF NOT EXISTS input("
    "  id INTEGER PRIMARY KEY, at INT, key TEXT, value TEXT);"
    "CREATE INDEX IF NOT EXISTS input_key ON input(key, at);"
    "CREATE TABLE IF NOT EXISTS input_now("
    "  key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS ledger("
    "  domain TEXT, unit TEXT, at INT, sure INT, PRIMARY KEY(domain, unit)) WITHOUT "
    "ROWID;"
    "CREATE TABLE IF NOT EXISTS event_copy("
    "  n INTEGER PRIMARY KEY, seq INT, id TEXT, hash TEXT, prev TEXT, line TEXT,"
    "  UNIQUE(id, hash));"
    "CREATE INDEX IF NOT EXISTS event_copy_seq ON event_copy(seq);"
    "CREATE TABLE IF NOT EXISTS outbox(seq INTEGER PRIMARY KEY AUTOINCREMENT, text "
    "TEXT);";

/* --- statements --- */

/* Their file, where it is known. */
static const char *
books_name(const struct books *books)
{
    const char *name =
        books->file == NULL ? NULL : sqlite3_db_filename(books->file, "main");

    return name != NULL && name[0] != '\0' ? name : "their file";
}

bool
books_fail(struct books *books, struct error *error)
{
    int code = books->file != NULL ? sqlite3_errcode(books->file) : SQLITE_NOMEM;
    const char *text = books->file != NULL ? sqlite3_errmsg(books->file) : "no memory";
    const char *name = books_name(books);

    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        return error_permanent(error,
            "the books are damaged (%s): move %.100s away, new ones are made from the "
            "logs "
            "that are still there",
            text, name);
    if (code == SQLITE_FULL)
        return error_temporary(
            error, "the books can't be written: the disk is full (%.100s)", name);
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
        return error_temporary(error, "the books are locked by another process");
    return error_temporary(error, "the books can't be used: %s (%.100s)", text, name);
}

bool
books_exec(struct books *books, const char *sql, struct error *error)
{
    return sqlite3_exec(books->file, sql, NULL, NULL, NULL) == SQLITE_OK ||
           books_fail(books, error);
}

sqlite3_stmt *
books_prepare(struct books *books, const char *sql, struct error *error)
{
    sqlite3_stmt *statement = NULL;

    for (size_t i = 0; i < books->statement_count; i++) {
        if (books->statements[i].sql == sql) {
            statement = books->statements[i].statement;
            (void)sqlite3_reset(statement);
            (void)sqlite3_clear_bindings(statement);
            return statement;
        }
    }
    assert(books->statement_count < BOOKS_STATEMENTS_MAX);
    if (sqlite3_prepare_v3(books->file, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement,
            NULL) != SQLITE_OK) {
        (void)books_fail(books, error);
        return NULL;
    }
    books->statements[books->statement_count].sql = sql;
    books->statements[books->statement_count++].statement = statement;
    return statement;
}

int
books_step(struct books *books, sqlite3_stmt *statement, struct error *error)
{
    int result = sqlite3_step(statement);

    if (result == SQLITE_ROW)
        return 1;
    if (result != SQLITE_DONE)
        (void)books_fail(books, error);
    (void)sqlite3_reset(statement);
    return result == SQLITE_DONE ? 0 : -1;
}

bool
books_run(struct books *books, sqlite3_stmt *statement, struct error *error)
{
    return books_step(books, statement, error) == 0;
}

void
books_bind_span(sqlite3_stmt *statement, int at, struct span text)
{
    (void)sqlite3_bind_text(statement, at, text.data != NULL ? text.data : "",
        (int)text.length, SQLITE_STATIC);
}

void
books_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    (void)sqlite3_bind_text(statement, at, text != NULL ? text : "", -1, SQLITE_STATIC);
}

struct span
books_column(sqlite3_stmt *statement, int at, struct arena *arena)
{
    const unsigned char *text = sqlite3_column_text(statement, at);
    int length = sqlite3_column_bytes(statement, at);

    return text == NULL ? SPAN("")
                        : span_of(arena_text(arena, span_make(text, (size_t)length)));
}

int64_t
books_handle(char kind, struct span value)
{
    static const struct hash_key key = {0x706f737473686966, 0x742d626f6f6b7321};
    char folded[HANDLE_MAX];

    value = span_first(value, HANDLE_MAX - 1);
    folded[0] = kind;
    memcpy(folded + 1, value.data != NULL ? value.data : "", value.length);
    span_lower(folded + 1, value.length);
    return (int64_t)hash_of(span_make(folded, value.length + 1), key);
}

/* --- the file --- */

static bool
check_version(struct books *books, struct error *error)
{
    sqlite3_stmt *statement =
        books_prepare(books, "SELECT value FROM meta WHERE name = 'version'", error);
    int version;

    if (statement == NULL)
        return books->mode == BOOKS_READ && sqlite3_errcode(books->file) == SQLITE_ERROR
                   ? error_temporary(error,
                         "there is nothing in the books yet: postshift-cutover has not "
                         "begun them")
                   : false;
    switch (books_step(books, statement, error)) {
    case 1:
        version = sqlite3_column_int(statement, 0);
        (void)sqlite3_reset(statement);
        return version <= BOOKS_VERSION ||
               error_permanent(error,
                   "the books %.100s are of a later version (%d) than this program knows "
                   "(%d)",
                   books_name(books), version, BOOKS_VERSION);
    case 0:
        return books->mode == BOOKS_READ ||
               books_exec(
                   books, "INSERT INTO meta(name, value) VALUES('version', 1)", error);
    default:
        return false;
    }
}

static bool
read_generation(struct books *books, struct error *error)
{
    sqlite3_stmt *row =
        books_prepare(books, "SELECT value FROM meta WHERE name = 'generation'", error);
    int result = row == NULL ? -1 : books_step(books, row, error);

    books->generation = 0;
    if (result == 1) {
        books->generation = (uint64_t)sqlite3_column_int64(row, 0);
        (void)sqlite3_reset(row);
    }
    return result >= 0;
}

/* All of it or nothing: who reads at that moment sees no half of it. */
static bool
make_tables(struct books *books, struct error *error)
{
    if (books_exec(books, "BEGIN", error) && books_exec(books, schema, error) &&
        check_version(books, error) && books_commit(books, error))
        return true;
    books_rollback(books);
    return false;
}

/* Tables, and none of them ours: nothing is to be made there. */
static bool
is_of_ours(struct books *books, struct error *error)
{
    sqlite3_stmt *row = books_prepare(books,
        "SELECT count(*) > 0 AND sum(name = 'meta') = 0 FROM sqlite_master", error);
    bool is_foreign;

    if (row == NULL || books_step(books, row, error) != 1)
        return false;
    is_foreign = sqlite3_column_int(row, 0) != 0;
    (void)sqlite3_reset(row);
    return !is_foreign || error_permanent(error, "%.150s is another program's database",
                              books_name(books));
}

/* In place of SQLite's own, which is within the commit. */
static int
note_pages(void *argument, sqlite3 *file, const char *name, int pages)
{
    struct books *books = argument;

    (void)file;
    (void)name;
    books->log_pages = pages;
    if (pages >= SETTLE_PAGES_MAX)
        books_settle(books);
    return SQLITE_OK;
}

static bool
prepare_file(struct books *books, struct error *error)
{
    (void)sqlite3_busy_timeout(
        books->file, books->mode == BOOKS_READ ? READER_BUSY_MS : BOOKS_BUSY_MS);
    (void)sqlite3_extended_result_codes(books->file, 0);
    if (!is_of_ours(books, error))
        return false;
    if (books->mode == BOOKS_READ)
        return check_version(books, error);
    (void)sqlite3_wal_hook(books->file, note_pages, books);
    return books_exec(books,
               "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
               "PRAGMA secure_delete = FAST;"
               "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;"
               "PRAGMA journal_size_limit = 67108864",
               error) &&
           make_tables(books, error) && read_generation(books, error);
}

struct books *
books_open(const char *path, enum books_mode mode, struct error *error)
{
    struct books *books = allocate(sizeof(*books));
    int flags = SQLITE_OPEN_NOMUTEX |
                (mode == BOOKS_READ ? SQLITE_OPEN_READONLY
                                    : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    mode_t mask;
    int result;

    books->mode = mode;
    mask = umask(S_IWGRP | S_IXGRP | S_IRWXO);
    result = sqlite3_open_v2(path, &books->file, flags, NULL);
    if (result == SQLITE_OK && prepare_file(books, error)) {
        (void)umask(mask);
        return books;
    }
    (void)umask(mask);
    if (result != SQLITE_OK)
        (void)error_temporary(error, "%s: %s", path,
            result == SQLITE_CANTOPEN && errno != 0 ? strerror(errno)
                                                    : sqlite3_errstr(result));
    books_close(books);
    return NULL;
}

void
books_close(struct books *books)
{
    if (books == NULL)
        return;
    for (size_t i = 0; i < books->statement_count; i++)
        (void)sqlite3_finalize(books->statements[i].statement);
    (void)sqlite3_close(books->file);
    free(books);
}

bool
books_begin(struct books *books, struct error *error)
{
    if (books->mode == BOOKS_READ)
        return books_exec(books, "BEGIN", error);
    if (!books_exec(books, "BEGIN IMMEDIATE", error))
        return false;
    if (read_generation(books, error))
        return true;
    books_rollback(books);
    return false;
}

uint64_t
books_generation(const struct books *books)
{
    return books->generation;
}

bool
books_commit(struct books *books, struct error *error)
{
    return books_exec(books, "COMMIT", error);
}

void
books_rollback(struct books *books)
{
    (void)sqlite3_exec(books->file, "ROLLBACK", NULL, NULL, NULL);
}

void
books_settle(struct books *books)
{
    if (books->log_pages < SETTLE_PAGES)
        return;
    books->log_pages = 0;
    (void)sqlite3_wal_checkpoint_v2(
        books->file, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}
