#include "policyd/books/books_retire.h"

#include <stdlib.h>

#include "policyd/books/books_base.h"

enum {
    BEGUN_MS = 86400000,
    KEYS_MAX = BOOKS_RETIRE_ROWS + 16, /* what a message has more than its recipients */
    KEYS_OF_RECIPIENT = 3,
};

struct key {
    int64_t key;
    int64_t message;
};

/* One step. */
struct retiring {
    struct books *books;
    int64_t ended_before; /* messages that ended before that go */
    int64_t begun_before; /* and those that only began, without a word since */
    unsigned rows;        /* gone so far */
    size_t key_count;
    struct key keys[KEYS_MAX];
    struct error *error;
};

static bool
is_full(const struct retiring *retiring)
{
    return retiring->rows + KEYS_OF_RECIPIENT + 10 > BOOKS_RETIRE_ROWS;
}

static void
add_key(struct retiring *retiring, char kind, struct span value, int64_t message)
{
    if (value.length == 0)
        return;
    retiring->keys[retiring->key_count++] =
        (struct key){books_handle(kind, value), message};
    retiring->rows++;
}

static struct span
text_at(sqlite3_stmt *row, int at)
{
    const unsigned char *text = sqlite3_column_text(row, at);

    return text == NULL ? SPAN("")
                        : span_make(text, (size_t)sqlite3_column_bytes(row, at));
}

static bool
run_with(struct retiring *retiring, const char *sql, int64_t first, int64_t second)
{
    sqlite3_stmt *row = books_prepare(retiring->books, sql, retiring->error);

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, first);
    (void)sqlite3_bind_int64(row, 2, second);
    if (!books_run(retiring->books, row, retiring->error))
        return false;
    retiring->rows += (unsigned)sqlite3_changes(retiring->books->file);
    return true;
}

/* From the last one on, as many as there is room for; *left: some are left. */
static bool
retire_recipients(struct retiring *retiring, int64_t message, bool *left)
{
    static const char sql[] = "SELECT n, addr, orig, domain FROM recipient"
                              " WHERE message = ? ORDER BY n DESC";
    sqlite3_stmt *row = books_prepare(retiring->books, sql, retiring->error);
    int64_t lowest = INT64_MAX;
    int result = 0;

    *left = false;
    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, message);
    while (!*left && (result = books_step(retiring->books, row, retiring->error)) == 1) {
        struct span address = text_at(row, 1);
        struct span domain = text_at(row, 3);
        size_t at = span_find_last(address, '@');

        if (domain.length == 0 && at != SPAN_NONE)
            domain = span_from(address, at + 1);
        add_key(retiring, 't', address, message);
        add_key(retiring, 't', text_at(row, 2), message);
        add_key(retiring, 'd', domain, message);
        lowest = sqlite3_column_int64(row, 0);
        retiring->rows++;
        *left = is_full(retiring);
    }
    (void)sqlite3_reset(row);
    if (result < 0)
        return false;
    retiring->rows -= retiring->rows > 0 && lowest != INT64_MAX; /* counted below */
    return run_with(retiring, "DELETE FROM attempt WHERE message = ?1 AND n >= ?2",
               message, lowest) &&
           run_with(retiring, "DELETE FROM recipient WHERE message = ?1 AND n >= ?2",
               message, lowest);
}

static bool
retire_message(struct retiring *retiring, int64_t message)
{
    static const char sql[] =
        "SELECT queue_id, sender, client, message_id FROM message WHERE id = ?";
    sqlite3_stmt *row;
    struct span client;
    size_t open;
    bool left;
    int result;

    if (!retire_recipients(retiring, message, &left))
        return false;
    if (left)
        return true;
    row = books_prepare(retiring->books, sql, retiring->error);
    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, message);
    result = books_step(retiring->books, row, retiring->error);
    if (result == 1) {
        add_key(retiring, 'q', text_at(row, 0), message);
        add_key(retiring, 'f', text_at(row, 1), message);
        client = text_at(row, 2);
        open = span_find_last(client, '[');
        client = open == SPAN_NONE ? SPAN("") : span_from(client, open + 1);
        add_key(retiring, 'c', span_first(client, span_find(client, ']')), message);
        add_key(retiring, 'm', text_at(row, 3), message);
        (void)sqlite3_reset(row);
    }
    return result >= 0 &&
           run_with(retiring, "DELETE FROM message WHERE id = ?1", message, 0);
}

static int
compare_keys(const void *left, const void *right)
{
    const struct key *a = left;
    const struct key *b = right;

    return (a->key > b->key) - (a->key < b->key);
}

/* In the order of the index. */
static bool
retire_keys(struct retiring *retiring)
{
    static const char sql[] = "DELETE FROM handle WHERE key = ?1 AND message = ?2";

    qsort(retiring->keys, retiring->key_count, sizeof(*retiring->keys), compare_keys);
    for (size_t i = 0; i < retiring->key_count; i++) {
        sqlite3_stmt *row = books_prepare(retiring->books, sql, retiring->error);

        if (row == NULL)
            return false;
        (void)sqlite3_bind_int64(row, 1, retiring->keys[i].key);
        (void)sqlite3_bind_int64(row, 2, retiring->keys[i].message);
        if (!books_run(retiring->books, row, retiring->error))
            return false;
    }
    return true;
}

static bool
is_due(const struct retiring *retiring, sqlite3_stmt *row)
{
    int64_t ended = sqlite3_column_int64(row, 1);
    bool is_accepted = sqlite3_column_int64(row, 2) != 0;

    return ended != 0
               ? ended < retiring->ended_before
               : !is_accepted && sqlite3_column_int64(row, 3) < retiring->begun_before;
}

/* The oldest first; none that began later than the limits can be due.  The newest row
 * stays, so that no number is given twice. */
static bool
retire_oldest(struct retiring *retiring, bool *left)
{
    static const char sql[] = "SELECT id, ended, accepted, seen, begun FROM message"
                              " WHERE id < (SELECT max(id) FROM message) ORDER BY id";
    int64_t limit = retiring->ended_before > retiring->begun_before
                        ? retiring->ended_before
                        : retiring->begun_before;
    sqlite3_stmt *row = books_prepare(retiring->books, sql, retiring->error);
    int result = -1;

    *left = false;
    while (row != NULL && !*left &&
           (result = books_step(retiring->books, row, retiring->error)) == 1) {
        if (sqlite3_column_int64(row, 4) >= limit)
            break;
        if (!is_due(retiring, row))
            continue;
        if (!retire_message(retiring, sqlite3_column_int64(row, 0)))
            return false;
        *left = is_full(retiring);
    }
    if (row != NULL)
        (void)sqlite3_reset(row);
    return row != NULL && result >= 0;
}

/* What is in use, free pages aside. */
static bool
read_size(struct retiring *retiring, uint64_t *octets)
{
    static const char sql[] =
        "SELECT (p.page_count - f.freelist_count) * s.page_size FROM pragma_page_count p,"
        " pragma_freelist_count f, pragma_page_size s";
    sqlite3_stmt *row = books_prepare(retiring->books, sql, retiring->error);
    int result = row == NULL ? -1 : books_step(retiring->books, row, retiring->error);

    if (result != 1)
        return false;
    *octets = (uint64_t)sqlite3_column_int64(row, 0);
    (void)sqlite3_reset(row);
    return true;
}

bool
books_retire(struct books *books, const struct books_keeping *keeping, int64_t now_ms,
    bool *left, struct error *error)
{
    struct retiring retiring = {
        .books = books,
        .ended_before = now_ms - keeping->keep_ms,
        .begun_before = now_ms - BEGUN_MS,
        .error = error,
    };
    uint64_t octets = 0;

    *left = false;
    if (!books_begin(books, error))
        return false;
    if (read_size(&retiring, &octets)) {
        if (octets > keeping->octets_max)
            retiring.ended_before = INT64_MAX;
        if (retire_oldest(&retiring, left) && retire_keys(&retiring) &&
            run_with(&retiring, "DELETE FROM gap WHERE to_at < ?1",
                now_ms - keeping->keep_ms, 0) &&
            books_commit(books, error))
            return true;
    }
    books_rollback(books);
    return false;
}
