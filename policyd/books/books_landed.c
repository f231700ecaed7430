#include "policyd/books/books_landed.h"

#include "policyd/books/books_base.h"

/* Clocks of log and journal are the same; a log's stamps may have whole seconds. */
enum { STAMP_MS = 2000 };

/* END_DELIVERED, BACKEND_NEW; and the ends that lose a mail. */
#define LANDED                                                                           \
    "((r.end = 1 AND r.backend = 2) OR"                                                  \
    " (?3 AND r.maybe <> 0 AND r.end IN (2, 3, 4, 5, 7)))"
#define COLUMNS "m.queue_id, r.addr, r.at, m.begun, r.end"

static struct landed
read_row(sqlite3_stmt *row)
{
    return (struct landed){
        .queue_id =
            span_make(sqlite3_column_text(row, 0), (size_t)sqlite3_column_bytes(row, 0)),
        .recipient =
            span_make(sqlite3_column_text(row, 1), (size_t)sqlite3_column_bytes(row, 1)),
        .at_ms = sqlite3_column_int64(row, 2),
        .begun_ms = sqlite3_column_int64(row, 3),
        .is_maybe = sqlite3_column_int(row, 4) != 1,
    };
}

bool
books_landed_all(struct books *books, const struct landed_query *query,
    bool (*take)(void *argument, const struct landed *landed), void *argument,
    struct error *error)
{
    static const char sql[] =
        "SELECT " COLUMNS " FROM handle h JOIN message m ON m.id = h.message"
        " JOIN recipient r ON r.message = m.id"
        " WHERE h.key = ?4 AND m.kind = 0 AND r.domain = ?1 AND r.at >= ?2 AND " LANDED
        " ORDER BY m.id, r.n";
    sqlite3_stmt *row = books_prepare(books, sql, error);
    int result = -1;

    if (row == NULL)
        return false;
    books_bind_span(row, 1, query->domain);
    (void)sqlite3_bind_int64(row, 2, query->since_ms);
    (void)sqlite3_bind_int(row, 3, query->with_maybe);
    (void)sqlite3_bind_int64(row, 4, books_handle('d', query->domain));
    while ((result = books_step(books, row, error)) == 1) {
        const struct landed landed = read_row(row);

        if (!take(argument, &landed))
            break;
    }
    (void)sqlite3_reset(row);
    return result >= 0;
}

/* Ids may come back: the last one that was there when the copy was made.  *story 0: none.
 */
static bool
find_story(struct books *books, char kind, struct span value, int64_t time_ms,
    int64_t *story, struct error *error)
{
    static const char sql[] =
        "SELECT m.story FROM handle h JOIN message m ON m.id = h.message"
        " WHERE h.key = ?1 AND (m.queue_id = ?2 OR m.message_id = ?2) AND m.begun <= ?3"
        " ORDER BY m.begun DESC LIMIT 1";
    sqlite3_stmt *row = books_prepare(books, sql, error);
    int result;

    *story = 0;
    if (row == NULL)
        return false;
    if (value.length == 0)
        return true;
    (void)sqlite3_bind_int64(row, 1, books_handle(kind, value));
    books_bind_span(row, 2, value);
    (void)sqlite3_bind_int64(row, 3, time_ms + STAMP_MS);
    result = books_step(books, row, error);
    if (result == 1)
        *story = sqlite3_column_int64(row, 0);
    (void)sqlite3_reset(row);
    return result >= 0;
}

bool
books_landed_of(struct books *books, const struct landed_query *query,
    const struct landed_mail *mail, struct arena *arena, struct landed *rows, size_t most,
    size_t *count, struct error *error)
{
    static const char sql[] =
        "SELECT " COLUMNS " FROM message m JOIN recipient r ON r.message = m.id"
        " WHERE m.story = ?4 AND m.kind = 0 AND r.domain = ?1 AND r.at >= ?2 AND " LANDED
        " ORDER BY m.id, r.n";
    sqlite3_stmt *row;
    int64_t story;
    int result = -1;

    *count = 0;
    if (!find_story(books, 'q', mail->queue_id, mail->time_ms, &story, error) ||
        (story == 0 && mail->queue_id.length == 0 &&
            !find_story(books, 'm', mail->message_id, mail->time_ms, &story, error)))
        return false;
    if (story == 0)
        return true;
    row = books_prepare(books, sql, error);
    if (row == NULL)
        return false;
    books_bind_span(row, 1, query->domain);
    (void)sqlite3_bind_int64(row, 2, query->since_ms);
    (void)sqlite3_bind_int(row, 3, query->with_maybe);
    (void)sqlite3_bind_int64(row, 4, story);
    while (*count < most && (result = books_step(books, row, error)) == 1) {
        struct landed landed = read_row(row);

        landed.queue_id = arena_span(arena, landed.queue_id);
        landed.recipient = arena_span(arena, landed.recipient);
        rows[(*count)++] = landed;
    }
    (void)sqlite3_reset(row);
    return result >= 0;
}
