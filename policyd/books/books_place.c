#include "policyd/books/books_place.h"

#include "policyd/books/books_base.h"

bool
books_set_position(
    struct books *books, const char *source, struct span position, struct error *error)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO meta(name, value) VALUES('position:' || ?1, ?2)";
    sqlite3_stmt *row = books_prepare(books, sql, error);

    if (row == NULL)
        return false;
    books_bind_text(row, 1, source);
    books_bind_span(row, 2, position);
    return books_run(books, row, error);
}

bool
books_position(struct books *books, const char *source, struct arena *arena,
    struct span *position, struct error *error)
{
    static const char sql[] = "SELECT value FROM meta WHERE name = 'position:' || ?1";
    sqlite3_stmt *row = books_prepare(books, sql, error);
    int result;

    *position = SPAN("");
    if (row == NULL)
        return false;
    books_bind_text(row, 1, source);
    result = books_step(books, row, error);
    if (result == 1) {
        *position = books_column(row, 0, arena);
        (void)sqlite3_reset(row);
    }
    return result >= 0;
}

bool
books_enter_gap(struct books *books, int64_t from_ms, int64_t to_ms, const char *why,
    struct error *error)
{
    static const char sql[] = "INSERT INTO gap(from_at, to_at, why) VALUES(?, ?, ?)";
    sqlite3_stmt *row = books_prepare(books, sql, error);

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, from_ms);
    (void)sqlite3_bind_int64(row, 2, to_ms);
    books_bind_text(row, 3, why);
    return books_run(books, row, error);
}
