#include "policyd/books/books_events.h"

#include "policyd/books/books_base.h"

static bool
drop_oldest(struct books *books, struct error *error)
{
    static const char sql[] =
        "DELETE FROM event_copy WHERE n <= (SELECT max(n) FROM event_copy) - ?";
    sqlite3_stmt *row = books_prepare(books, sql, error);

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, BOOKS_EVENTS_MAX);
    return books_run(books, row, error);
}

bool
books_enter_event(
    struct books *books, const struct event_entry *entry, struct error *error)
{
    static const char sql[] =
        "INSERT OR IGNORE INTO event_copy(seq, id, hash, prev, line)"
        " VALUES(?, ?, ?, ?, ?)";
    sqlite3_stmt *row = books_prepare(books, sql, error);
    struct event_head own;
    char prev[EVENT_HASH_SIZE];
    struct buffer line;
    bool done;

    if (row == NULL)
        return false;
    (void)event_entry_link(entry, &own, prev);
    buffer_init(&line, EVENT_LINE_MAX);
    event_line_write(entry->pairs, entry->count, &line);
    (void)sqlite3_bind_int64(row, 1, (sqlite3_int64)own.seq);
    books_bind_span(row, 2, entry->id);
    books_bind_text(row, 3, own.seq > 0 ? own.hash : "");
    books_bind_text(row, 4, prev);
    books_bind_span(row, 5, buffer_span(&line));
    done = books_run(books, row, error) && drop_oldest(books, error);
    buffer_clear(&line);
    return done;
}

static bool
read_head(struct books *books, struct event_head *head, struct error *error)
{
    static const char sql[] =
        "SELECT seq, hash FROM event_copy WHERE seq > 0 ORDER BY n DESC LIMIT 1";
    sqlite3_stmt *row = books_prepare(books, sql, error);
    int result = row == NULL ? -1 : books_step(books, row, error);

    event_head_init(head);
    if (result == 1) {
        const void *hash = sqlite3_column_text(row, 1);

        head->seq = (uint64_t)sqlite3_column_int64(row, 0);
        (void)span_copy(span_make(hash, (size_t)sqlite3_column_bytes(row, 1)), head->hash,
            sizeof(head->hash));
        (void)sqlite3_reset(row);
    }
    return result >= 0;
}

bool
books_last_event(struct books *books, char id[EVENT_ID_SIZE], struct event_head *head,
    struct error *error)
{
    static const char sql[] = "SELECT id FROM event_copy ORDER BY n DESC LIMIT 1";
    sqlite3_stmt *row = books_prepare(books, sql, error);
    int result = row == NULL ? -1 : books_step(books, row, error);

    (void)span_copy(SPAN("0-0"), id, EVENT_ID_SIZE);
    if (result == 1) {
        const void *text = sqlite3_column_text(row, 0);

        (void)span_copy(
            span_make(text, (size_t)sqlite3_column_bytes(row, 0)), id, EVENT_ID_SIZE);
        (void)sqlite3_reset(row);
    }
    return result >= 0 && read_head(books, head, error);
}

bool
books_each_event(struct books *books,
    void (*each)(void *argument, const struct event_head *place), void *argument,
    struct error *error)
{
    static const char sql[] = "SELECT seq, hash FROM event_copy WHERE seq > 0"
                              " ORDER BY seq, n";
    sqlite3_stmt *row = books_prepare(books, sql, error);
    int result = -1;

    while (row != NULL && (result = books_step(books, row, error)) == 1) {
        struct event_head place = {.seq = (uint64_t)sqlite3_column_int64(row, 0)};
        const void *hash = sqlite3_column_text(row, 1);

        if (span_copy(span_make(hash, (size_t)sqlite3_column_bytes(row, 1)), place.hash,
                sizeof(place.hash)))
            each(argument, &place);
    }
    return result == 0;
}
