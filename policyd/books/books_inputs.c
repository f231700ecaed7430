#include "policyd/books/books_inputs.h"

#include "policyd/books/books_base.h"

/* 1: it is what is known; 0: it isn't; -1: trouble. */
static int
is_known(struct books *books, struct span key, struct span value, struct error *error)
{
    static const char sql[] = "SELECT value FROM input_now WHERE key = ?";
    sqlite3_stmt *row = books_prepare(books, sql, error);
    int result;

    if (row == NULL)
        return -1;
    books_bind_span(row, 1, key);
    result = books_step(books, row, error);
    if (result == 1) {
        const void *text = sqlite3_column_text(row, 0);

        result = span_equal(value, span_make(text, (size_t)sqlite3_column_bytes(row, 0)));
        (void)sqlite3_reset(row);
        return result;
    }
    /* What never was there and is not there is known. */
    return result == 0 ? value.length == 0 : -1;
}

static bool
add(struct books *books, int64_t time_ms, struct span key, struct span value,
    struct error *error)
{
    static const char sql[] = "INSERT INTO input(at, key, value) VALUES(?, ?, ?)";
    sqlite3_stmt *row = books_prepare(books, sql, error);

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, time_ms);
    books_bind_span(row, 2, key);
    books_bind_span(row, 3, value);
    return books_run(books, row, error);
}

static bool
keep(struct books *books, struct span key, struct span value, struct error *error)
{
    static const char put[] =
        "INSERT OR REPLACE INTO input_now(key, value) VALUES(?1, ?2)";
    static const char drop[] = "DELETE FROM input_now WHERE key = ?1";
    sqlite3_stmt *row = books_prepare(books, value.length > 0 ? put : drop, error);

    if (row == NULL)
        return false;
    books_bind_span(row, 1, key);
    if (value.length > 0)
        books_bind_span(row, 2, value);
    return books_run(books, row, error);
}

bool
books_enter_input(struct books *books, int64_t time_ms, struct span key,
    struct span value, struct error *error)
{
    int known = is_known(books, key, value, error);

    return known == 1 || (known == 0 && add(books, time_ms, key, value, error) &&
                             keep(books, key, value, error));
}

bool
books_find_input(struct books *books, struct span key, struct arena *arena,
    struct span *value, struct error *error)
{
    static const char sql[] = "SELECT value FROM input_now WHERE key = ?";
    sqlite3_stmt *row = books_prepare(books, sql, error);
    int result;

    *value = SPAN("");
    if (row == NULL)
        return false;
    books_bind_span(row, 1, key);
    result = books_step(books, row, error);
    if (result == 1) {
        const void *text = sqlite3_column_text(row, 0);

        *value = arena_span(arena, span_make(text, (size_t)sqlite3_column_bytes(row, 0)));
        (void)sqlite3_reset(row);
    }
    return result >= 0;
}

bool
books_last_input(struct books *books, int64_t *time_ms, struct error *error)
{
    sqlite3_stmt *row =
        books_prepare(books, "SELECT at FROM input ORDER BY id DESC LIMIT 1", error);
    int result;

    *time_ms = 0;
    if (row == NULL)
        return false;
    result = books_step(books, row, error);
    if (result == 1) {
        *time_ms = sqlite3_column_int64(row, 0);
        (void)sqlite3_reset(row);
    }
    return result >= 0;
}

bool
books_each_input(struct books *books, void (*each)(void *argument, struct span key),
    void *argument, struct error *error)
{
    sqlite3_stmt *row = books_prepare(books, "SELECT key FROM input_now", error);
    int result = -1;

    while (row != NULL && (result = books_step(books, row, error)) == 1) {
        const void *text = sqlite3_column_text(row, 0);

        each(argument, span_make(text, (size_t)sqlite3_column_bytes(row, 0)));
    }
    return row != NULL && result == 0;
}
