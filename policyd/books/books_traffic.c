#include "policyd/books/books_traffic.h"

#include "policyd/books/books_base.h"

enum { DAY_MS = 86400000, HOUR_MS = 3600000 };

static const char daily_sql[] =
    "SELECT total(size), min(begun) FROM "
    "(SELECT size, begun FROM message ORDER BY id DESC LIMIT ?1)";

static const char clients_sql[] =
    "SELECT m.client, count(*) FROM "
    "(SELECT id, client, begun FROM message ORDER BY id DESC LIMIT ?1) m"
    " JOIN recipient r ON r.message = m.id"
    " WHERE m.begun >= ?2 AND r.domain = ?3 GROUP BY m.client";

bool
books_traffic_daily(
    struct books *books, int64_t now_ms, uint64_t *octets, struct error *error)
{
    sqlite3_stmt *statement = books_prepare(books, daily_sql, error);
    int step;

    *octets = 0;
    if (statement == NULL)
        return false;
    (void)sqlite3_bind_int64(statement, 1, TRAFFIC_LOOKED);
    step = books_step(books, statement, error);
    if (step == 1 && sqlite3_column_type(statement, 1) != SQLITE_NULL) {
        int64_t span_ms = now_ms - sqlite3_column_int64(statement, 1);

        /* What came within the last minute says little of a day. */
        if (span_ms < HOUR_MS)
            span_ms = HOUR_MS;
        *octets =
            (uint64_t)(sqlite3_column_double(statement, 0) * DAY_MS / (double)span_ms);
    }
    (void)sqlite3_reset(statement);
    return step == 1;
}

bool
books_traffic_from(struct books *books, struct arena *arena, struct span domain,
    int64_t since_ms, bool (*is_its)(void *argument, struct span address), void *argument,
    uint64_t *count, struct error *error)
{
    sqlite3_stmt *statement = books_prepare(books, clients_sql, error);
    int step;

    *count = 0;
    if (statement == NULL)
        return false;
    (void)sqlite3_bind_int64(statement, 1, TRAFFIC_LOOKED);
    (void)sqlite3_bind_int64(statement, 2, since_ms);
    books_bind_span(statement, 3, domain);
    while ((step = books_step(books, statement, error)) == 1) {
        struct span client = books_column(statement, 0, arena);
        size_t open = span_find_last(client, '[');
        struct span inner = open == SPAN_NONE ? SPAN("") : span_from(client, open + 1);

        if (is_its(argument, span_first(inner, span_find(inner, ']'))))
            *count += (uint64_t)sqlite3_column_int64(statement, 1);
    }
    (void)sqlite3_reset(statement);
    return step >= 0;
}
