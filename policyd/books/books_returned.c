#include "policyd/books/books_returned.h"

#include <string.h>

#include "policyd/books/books_base.h"
#include "policyd/books/books_enter.h"
#include "shared/base/attributes.h"

/* Messages by their number, which grows with time. */
static const char delivered_sql[] =
    "SELECT m.id, r.addr, m.message_id FROM message m"
    " JOIN recipient r ON r.message = m.id"
    " WHERE m.begun >= ?2 AND r.domain = ?1 AND r.backend = ?3 AND r.end = ?4"
    " ORDER BY m.id DESC LIMIT ?5";

static const char again_sql[] =
    "SELECT m.client FROM handle h JOIN message m ON m.id = h.message"
    " JOIN recipient r ON r.message = m.id"
    " WHERE h.key = ?1 AND m.id > ?2 AND r.addr = ?3 AND m.message_id = ?4";

struct finding {
    struct books *books;
    struct arena *arena;
    const struct books_returned_query *query;
    struct books_returned *rows;
    size_t count;
};

/* Of "name[192.0.2.1]", what stands in the brackets. */
static struct span
address_of(struct span client)
{
    size_t open = span_find_last(client, '[');
    struct span inner = open == SPAN_NONE ? SPAN("") : span_from(client, open + 1);

    return span_first(inner, span_find(inner, ']'));
}

/* -1: trouble. */
static int
look_again(struct finding *finding, int64_t id, struct span address,
    struct span message_id, struct error *error)
{
    sqlite3_stmt *statement = books_prepare(finding->books, again_sql, error);
    int step;

    if (statement == NULL)
        return -1;
    (void)sqlite3_bind_int64(statement, 1, books_handle('m', message_id));
    (void)sqlite3_bind_int64(statement, 2, id);
    books_bind_span(statement, 3, address);
    books_bind_span(statement, 4, message_id);
    while ((step = books_step(finding->books, statement, error)) == 1) {
        struct span client = books_column(statement, 0, finding->arena);

        if (finding->count == RETURNED_MAX ||
            !finding->query->is_of_new(finding->query->argument, address_of(client)))
            continue;
        finding->rows[finding->count++] =
            (struct books_returned){address, message_id, client};
        break;
    }
    (void)sqlite3_reset(statement);
    return step;
}

bool
books_returned_find(struct books *books, struct arena *arena,
    const struct books_returned_query *query, struct books_returned rows[RETURNED_MAX],
    size_t *count, uint64_t *delivered, struct error *error)
{
    struct finding finding = {books, arena, query, rows, 0};
    sqlite3_stmt *statement = books_prepare(books, delivered_sql, error);
    int step;

    *count = 0;
    *delivered = 0;
    if (statement == NULL)
        return false;
    books_bind_span(statement, 1, query->domain);
    (void)sqlite3_bind_int64(statement, 2, query->since_ms);
    (void)sqlite3_bind_int64(statement, 3, BACKEND_NEW);
    (void)sqlite3_bind_int64(statement, 4, END_DELIVERED);
    (void)sqlite3_bind_int64(statement, 5, RETURNED_LOOKED);
    while ((step = books_step(books, statement, error)) == 1) {
        struct span message_id = books_column(statement, 2, arena);

        (*delivered)++;
        if (message_id.length > 0 &&
            look_again(&finding, sqlite3_column_int64(statement, 0),
                books_column(statement, 1, arena), message_id, error) < 0) {
            step = -1;
            break;
        }
    }
    (void)sqlite3_reset(statement);
    *count = finding.count;
    return step >= 0;
}
