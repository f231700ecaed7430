#include "policyd/books/books_outbox.h"

#include "policyd/books/books_base.h"

bool
books_outbox_add(struct books *books, struct span text, struct error *error)
{
    /* Numbers go on from those of books that are no more, by the clock (in ms). */
    static const char sql[] =
        "INSERT INTO outbox(seq, text) VALUES(max(1000 * CAST(strftime('%s', 'now') AS "
        "INT),"
        " 1 + coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0)), ?)";
    sqlite3_stmt *row = books_prepare(books, sql, error);

    if (row == NULL)
        return false;
    books_bind_span(row, 1, text);
    return books_run(books, row, error);
}

bool
books_outbox_after(struct books *books, int64_t after, struct arena *arena,
    int64_t *number, struct span *text, struct error *error)
{
    static const char sql[] =
        "SELECT seq, text FROM outbox WHERE seq > ? ORDER BY seq LIMIT 1";
    sqlite3_stmt *row = books_prepare(books, sql, error);
    int result = -1;

    *number = 0;
    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, after);
    result = books_step(books, row, error);
    if (result == 1) {
        *number = sqlite3_column_int64(row, 0);
        *text = books_column(row, 1, arena);
        (void)sqlite3_reset(row);
    }
    return result >= 0;
}

bool
books_outbox_remove(struct books *books, int64_t number, struct error *error)
{
    sqlite3_stmt *row = books_prepare(books, "DELETE FROM outbox WHERE seq <= ?", error);

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, number);
    return books_run(books, row, error);
}

bool
books_ledger_add(struct books *books, struct span domain, struct span unit,
    int64_t time_ms, bool sure, bool *news, struct error *error)
{
    static const char sql[] =
        "INSERT INTO ledger(domain, unit, at, sure) VALUES(?1, ?2, ?3, ?4)"
        " ON CONFLICT(domain, unit) DO UPDATE SET at = excluded.at, sure = 1"
        " WHERE sure = 0 AND excluded.sure = 1";
    sqlite3_stmt *row = books_prepare(books, sql, error);

    if (row == NULL)
        return false;
    books_bind_span(row, 1, domain);
    books_bind_span(row, 2, unit);
    (void)sqlite3_bind_int64(row, 3, time_ms);
    (void)sqlite3_bind_int(row, 4, sure);
    if (!books_run(books, row, error))
        return false;
    *news = sqlite3_changes(books->file) > 0;
    return true;
}
