#include "policyd/books/books_between.h"

#include "policyd/books/books_base.h"

static bool
run(struct books *books, const char *sql, struct span domain, int64_t since_ms,
    books_between_callback *callback, void *argument, struct error *error)
{
    sqlite3_stmt *statement = books_prepare(books, sql, error);
    struct arena *arena;
    int found = 1;

    if (statement == NULL)
        return false;
    books_bind_span(statement, 1, domain);
    (void)sqlite3_bind_int64(statement, 2, since_ms);
    arena = arena_new(1 << 20);
    while ((found = books_step(books, statement, error)) == 1) {
        struct books_between row = {
            .from = books_column(statement, 0, arena),
            .to = books_column(statement, 1, arena),
            .mails = (uint64_t)sqlite3_column_int64(statement, 2),
            .octets = (uint64_t)sqlite3_column_int64(statement, 3),
        };

        callback(argument, &row);
        arena_reset(arena);
    }
    arena_free(arena);
    return found == 0;
}

bool
books_between(struct books *books, struct span domain, int64_t since_ms,
    books_between_callback *callback, void *argument, struct error *error)
{
    return run(books,
        "SELECT m.sender, r.addr, count(*), total(m.size)"
        " FROM recipient r JOIN message m ON m.id = r.message"
        " WHERE r.domain = ?1 AND m.kind = 0 AND m.accepted >= ?2"
        "   AND lower(substr(m.sender, -length(?1) - 1)) = '@' || ?1"
        " GROUP BY 1, 2",
        domain, since_ms, callback, argument, error);
}

bool
books_volume(struct books *books, struct span domain, int64_t since_ms,
    books_between_callback *callback, void *argument, struct error *error)
{
    return run(books,
        "SELECT '', r.addr, count(*), total(m.size)"
        " FROM recipient r JOIN message m ON m.id = r.message"
        " WHERE r.domain = ?1 AND m.kind = 0 AND m.accepted >= ?2"
        " GROUP BY 2",
        domain, since_ms, callback, argument, error);
}
