#include "policyd/books/books_domain.h"

#include "policyd/books/books_base.h"

static const char waiting_sql[] =
    "SELECT count(*) FROM message m JOIN recipient r ON r.message = m.id "
    "WHERE m.ended = 0 AND r.end = 0 AND r.domain = ?1 AND m.begun < ?2";

static const char sides_sql[] =
    "SELECT r.backend, count(*), min(m.begun) FROM message m "
    "JOIN recipient r ON r.message = m.id "
    "WHERE m.ended = 0 AND r.end = 0 AND r.domain = ?1 GROUP BY r.backend";

static const char untried_sql[] =
    "SELECT r.addr, m.begun FROM message m "
    "JOIN recipient r ON r.message = m.id "
    "WHERE m.ended = 0 AND r.end = 0 AND r.domain = ?1 AND r.backend = ?2 "
    "ORDER BY m.id LIMIT ?3";

/* Messages by their number, which grows with time. */
static const char messages_sql[] = "SELECT id, begun FROM message "
                                   "WHERE id < ?1 ORDER BY id DESC LIMIT ?2";

static const char recipients_sql[] =
    "SELECT DISTINCT addr FROM recipient "
    "WHERE message >= ?1 AND message < ?2 AND domain = ?3";

static const char mail_sql[] =
    "SELECT m.id, m.begun, m.size, m.sender, r.addr FROM message m "
    "JOIN recipient r ON r.message = m.id "
    "WHERE m.id >= ?1 AND m.id < ?2 AND m.kind = 0 AND m.accepted > 0 AND r.addr <> ''";

bool
books_domain_waiting(struct books *books, struct span domain, int64_t before_ms,
    uint64_t *count, struct error *error)
{
    sqlite3_stmt *statement = books_prepare(books, waiting_sql, error);
    int step;

    if (statement == NULL)
        return false;
    books_bind_span(statement, 1, domain);
    (void)sqlite3_bind_int64(statement, 2, before_ms);
    step = books_step(books, statement, error);
    if (step == 1)
        *count = (uint64_t)sqlite3_column_int64(statement, 0);
    (void)sqlite3_reset(statement);
    return step == 1;
}

bool
books_domain_sides(struct books *books, struct span domain,
    struct books_domain_sides *sides, struct error *error)
{
    sqlite3_stmt *statement = books_prepare(books, sides_sql, error);
    int step;

    *sides = (struct books_domain_sides){.waiting = {0}};
    if (statement == NULL)
        return false;
    books_bind_span(statement, 1, domain);
    while ((step = books_step(books, statement, error)) == 1) {
        int64_t backend = sqlite3_column_int64(statement, 0);

        if (backend < 0 || backend >= BACKEND_COUNT)
            continue;
        sides->waiting[backend] = (uint64_t)sqlite3_column_int64(statement, 1);
        sides->oldest_ms[backend] = sqlite3_column_int64(statement, 2);
    }
    (void)sqlite3_reset(statement);
    return step >= 0;
}

bool
books_domain_untried(struct books *books, struct span domain, size_t most,
    void (*take)(void *argument, struct span recipient, int64_t begun_ms), void *argument,
    struct error *error)
{
    sqlite3_stmt *statement = books_prepare(books, untried_sql, error);
    int step;

    if (statement == NULL)
        return false;
    books_bind_span(statement, 1, domain);
    (void)sqlite3_bind_int64(statement, 2, BACKEND_OTHER);
    (void)sqlite3_bind_int64(statement, 3, (int64_t)most);
    while ((step = books_step(books, statement, error)) == 1)
        take(argument,
            span_make(sqlite3_column_text(statement, 0),
                (size_t)sqlite3_column_bytes(statement, 0)),
            sqlite3_column_int64(statement, 1));
    (void)sqlite3_reset(statement);
    return step >= 0;
}

/* The oldest of so many before *last, 0 where there are no more that count. */
static bool
find_first(struct books *books, int64_t since_ms, int64_t last, size_t messages,
    int64_t *first, bool *is_end, struct error *error)
{
    sqlite3_stmt *statement = books_prepare(books, messages_sql, error);
    size_t count = 0;
    int step;

    *first = last;
    if (statement == NULL)
        return false;
    (void)sqlite3_bind_int64(statement, 1, last);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)messages);
    while ((step = books_step(books, statement, error)) == 1) {
        if (sqlite3_column_int64(statement, 1) < since_ms)
            break;
        *first = sqlite3_column_int64(statement, 0);
        count++;
    }
    (void)sqlite3_reset(statement);
    *is_end = count < messages;
    return step >= 0;
}

bool
books_domain_recipients(struct books *books, struct span domain, int64_t since_ms,
    int64_t *last, size_t messages, void (*take)(void *argument, struct span recipient),
    void *argument, struct error *error)
{
    int64_t end = *last == 0 ? INT64_MAX : *last;
    int64_t first;
    bool is_end;
    sqlite3_stmt *statement;
    int step;

    if (!find_first(books, since_ms, end, messages, &first, &is_end, error))
        return false;
    statement = books_prepare(books, recipients_sql, error);
    if (statement == NULL)
        return false;
    (void)sqlite3_bind_int64(statement, 1, first);
    (void)sqlite3_bind_int64(statement, 2, end);
    books_bind_span(statement, 3, domain);
    while ((step = books_step(books, statement, error)) == 1)
        take(argument, span_make(sqlite3_column_text(statement, 0),
                           (size_t)sqlite3_column_bytes(statement, 0)));
    (void)sqlite3_reset(statement);
    *last = is_end ? 0 : first;
    return step >= 0;
}

bool
books_mail_newest(struct books *books, int64_t *number, struct error *error)
{
    sqlite3_stmt *statement =
        books_prepare(books, "SELECT coalesce(max(id), 0) FROM message", error);
    int step;

    if (statement == NULL)
        return false;
    step = books_step(books, statement, error);
    if (step == 1)
        *number = sqlite3_column_int64(statement, 0);
    (void)sqlite3_reset(statement);
    return step == 1;
}

static struct span
column(sqlite3_stmt *statement, int at)
{
    return span_make(
        sqlite3_column_text(statement, at), (size_t)sqlite3_column_bytes(statement, at));
}

bool
books_mail_between(struct books *books, int64_t first, int64_t end, books_mail_take *take,
    void *argument, struct error *error)
{
    sqlite3_stmt *statement = books_prepare(books, mail_sql, error);
    int step;

    if (statement == NULL)
        return false;
    (void)sqlite3_bind_int64(statement, 1, first);
    (void)sqlite3_bind_int64(statement, 2, end);
    while ((step = books_step(books, statement, error)) == 1) {
        const struct books_mail mail = {
            .number = sqlite3_column_int64(statement, 0),
            .begun_ms = sqlite3_column_int64(statement, 1),
            .size = (uint64_t)sqlite3_column_int64(statement, 2),
            .sender = column(statement, 3),
            .recipient = column(statement, 4),
        };

        take(argument, &mail);
    }
    (void)sqlite3_reset(statement);
    return step >= 0;
}

bool
books_mail_before(struct books *books, int64_t since_ms, int64_t *last, size_t messages,
    books_mail_take *take, void *argument, struct error *error)
{
    int64_t first;
    bool is_end;

    if (!find_first(books, since_ms, *last, messages, &first, &is_end, error) ||
        !books_mail_between(books, first, *last, take, argument, error))
        return false;
    *last = is_end ? 0 : first;
    return true;
}
