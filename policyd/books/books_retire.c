#include "policyd/books/books_retire.h"

#include "policyd/books/books_base.h"

enum {
    BEGUN_MS = 86400000,
    /* Of a step for messages and recipients; they have up to four times as many keys, and
     * the sweep is to keep up. */
    ROWS_SHARE = 5,
    /* A sweep looks at so many keys for each row that went: a round of all keys takes
     * about a fifth of the time that a message is kept. */
    KEYS_EACH_ROW = 12,
    KEYS_AT_LEAST = 5000,
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
    unsigned rows_max;
    unsigned rows;   /* gone so far */
    int64_t highest; /* the newest of those that have ended and gone, now or earlier */
    struct key keys[BOOKS_RETIRE_ROWS_MAX];
    struct error *error;
};

static sqlite3_stmt *
prepare(struct retiring *retiring, const char *sql, int64_t first, int64_t second)
{
    sqlite3_stmt *row = books_prepare(retiring->books, sql, retiring->error);

    if (row != NULL) {
        (void)sqlite3_bind_int64(row, 1, first);
        (void)sqlite3_bind_int64(row, 2, second);
    }
    return row;
}

static bool
run_with(struct retiring *retiring, const char *sql, int64_t first, int64_t second)
{
    sqlite3_stmt *row = prepare(retiring, sql, first, second);

    if (row == NULL || !books_run(retiring->books, row, retiring->error))
        return false;
    retiring->rows += (unsigned)sqlite3_changes(retiring->books->file);
    return true;
}

/* --- what is kept from one step to the next --- */

static bool
recall(struct retiring *retiring, const char *name, int64_t preset, int64_t *value)
{
    static const char sql[] = "SELECT value FROM meta WHERE name = ?";
    sqlite3_stmt *row = books_prepare(retiring->books, sql, retiring->error);
    int result = -1;

    *value = preset;
    if (row == NULL)
        return false;
    books_bind_text(row, 1, name);
    result = books_step(retiring->books, row, retiring->error);
    if (result == 1) {
        *value = sqlite3_column_int64(row, 0);
        (void)sqlite3_reset(row);
    }
    return result >= 0;
}

static bool
remember(struct retiring *retiring, const char *name, int64_t value)
{
    static const char sql[] = "INSERT OR REPLACE INTO meta(name, value) VALUES(?, ?)";
    sqlite3_stmt *row = books_prepare(retiring->books, sql, retiring->error);

    if (row == NULL)
        return false;
    books_bind_text(row, 1, name);
    (void)sqlite3_bind_int64(row, 2, value);
    return books_run(retiring->books, row, retiring->error);
}

/* --- messages --- */

static bool
is_full(const struct retiring *retiring)
{
    return retiring->rows >= retiring->rows_max / ROWS_SHARE;
}

/* From the last one on, as many as there is room for; *left: some are left. */
static bool
retire_recipients(struct retiring *retiring, int64_t message, bool *left)
{
    static const char nth[] =
        "SELECT max(ifnull((SELECT n FROM recipient WHERE message = ?1"
        "                   ORDER BY n DESC LIMIT 1 OFFSET ?2), -1),"
        "           ifnull((SELECT n FROM attempt WHERE message = ?1"
        "                   ORDER BY n DESC LIMIT 1 OFFSET ?2), -1))";
    unsigned room = retiring->rows_max / ROWS_SHARE - retiring->rows;
    sqlite3_stmt *row = prepare(retiring, nth, message, room - 1);
    int64_t lowest;

    if (row == NULL || books_step(retiring->books, row, retiring->error) != 1)
        return false;
    lowest = sqlite3_column_int64(row, 0);
    (void)sqlite3_reset(row);
    *left = lowest > 0;
    return run_with(retiring, "DELETE FROM attempt WHERE message = ?1 AND n >= ?2",
               message, lowest) &&
           run_with(retiring, "DELETE FROM recipient WHERE message = ?1 AND n >= ?2",
               message, lowest);
}

/* What is left of a large one is in balance until the next step. */
static bool
retire_message(struct retiring *retiring, int64_t message, bool *left)
{
    static const char balance[] =
        "UPDATE message SET nrcpt = (SELECT count(*) FROM recipient WHERE message = ?1)"
        " WHERE id = ?1";

    return retire_recipients(retiring, message, left) &&
           run_with(retiring, *left ? balance : "DELETE FROM message WHERE id = ?1",
               message, 0);
}

/* Those of a query that gives id, the time that counts and when it began, in the order of
 * ids: none that began later than the limit can be due. */
static bool
retire_rows(struct retiring *retiring, const char *sql, int64_t before, int64_t *last)
{
    sqlite3_stmt *row = books_prepare(retiring->books, sql, retiring->error);
    int result = -1;
    bool left;

    while (row != NULL && !is_full(retiring) &&
           (result = books_step(retiring->books, row, retiring->error)) == 1) {
        int64_t message = sqlite3_column_int64(row, 0);
        int64_t time_ms = sqlite3_column_int64(row, 1);

        if (sqlite3_column_int64(row, 2) >= before)
            break;
        if (time_ms == 0 || time_ms >= before)
            continue;
        if (!retire_message(retiring, message, &left))
            return false;
        *last = message > *last && !left ? message : *last;
    }
    if (row != NULL)
        (void)sqlite3_reset(row);
    return row != NULL && (result >= 0 || is_full(retiring));
}

/* The oldest first.  The newest row stays, so that no number is given twice. */
static bool
retire_oldest(struct retiring *retiring)
{
    static const char ended[] = "SELECT id, ended, begun FROM message"
                                " WHERE id < (SELECT max(id) FROM message) ORDER BY id";
    static const char begun[] =
        "SELECT id, CASE accepted WHEN 0 THEN seen ELSE 0 END, begun"
        " FROM message INDEXED BY message_open"
        " WHERE ended = 0 AND id < (SELECT max(id) FROM message) ORDER BY id";
    int64_t unused = 0;

    return retire_rows(retiring, ended, retiring->ended_before, &retiring->highest) &&
           retire_rows(retiring, begun, retiring->begun_before, &unused);
}

/* --- what they were found by --- */

/* The dead ones of those behind `from`, which moves on; *count is smaller than there was
 * room for where all that was to be looked at was. */
static bool
find_dead_keys(
    struct retiring *retiring, struct key *from, unsigned looked_at, unsigned *count)
{
    static const char sql[] =
        "SELECT key, message, message <= ?3 AND NOT EXISTS"
        "  (SELECT 1 FROM message m WHERE m.id = h.message)"
        " FROM handle h WHERE (key, message) > (?1, ?2) ORDER BY key, message LIMIT ?4";
    sqlite3_stmt *row = prepare(retiring, sql, from->key, from->message);
    unsigned seen = 0;
    int result = 0;

    *count = 0;
    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 3, retiring->highest);
    (void)sqlite3_bind_int64(row, 4, looked_at);
    while (retiring->rows + *count < retiring->rows_max &&
           (result = books_step(retiring->books, row, retiring->error)) == 1) {
        *from = (struct key){sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1)};
        seen++;
        if (sqlite3_column_int(row, 2) != 0)
            retiring->keys[(*count)++] = *from;
    }
    (void)sqlite3_reset(row);
    if (result == 0 && seen < looked_at) /* the next round */
        *from = (struct key){INT64_MIN, INT64_MIN};
    return result >= 0;
}

/* A part of the keys, in their order: those of messages that went lie anywhere, and here
 * a page is written once for all of its own. */
static bool
sweep_keys(struct retiring *retiring, bool *left)
{
    unsigned wanted = retiring->rows * KEYS_EACH_ROW;
    struct key from;
    unsigned count;

    if (!recall(retiring, "swept key", INT64_MIN, &from.key) ||
        !recall(retiring, "swept message", INT64_MIN, &from.message) ||
        !find_dead_keys(
            retiring, &from, wanted > KEYS_AT_LEAST ? wanted : KEYS_AT_LEAST, &count))
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (!run_with(retiring, "DELETE FROM handle WHERE key = ?1 AND message = ?2",
                retiring->keys[i].key, retiring->keys[i].message))
            return false;
    }
    *left |= retiring->rows >= retiring->rows_max;
    return remember(retiring, "swept key", from.key) &&
           remember(retiring, "swept message", from.message) &&
           remember(retiring, "retired", retiring->highest);
}

/* --- a step --- */

/* What is in use, free pages aside. */
bool
books_is_too_large(struct books *books, const struct books_keeping *keeping,
    bool *is_too_large, struct error *error)
{
    static const char sql[] =
        "SELECT (p.page_count - f.freelist_count) * s.page_size FROM pragma_page_count p,"
        " pragma_freelist_count f, pragma_page_size s";
    sqlite3_stmt *row = books_prepare(books, sql, error);
    int result = row == NULL ? -1 : books_step(books, row, error);

    if (result != 1)
        return false;
    *is_too_large = (uint64_t)sqlite3_column_int64(row, 0) > keeping->octets_max;
    (void)sqlite3_reset(row);
    return true;
}

static bool
retire(struct retiring *retiring, const struct books_keeping *keeping, int64_t now_ms,
    bool *left)
{
    bool is_too_large = false;

    if (!books_is_too_large(retiring->books, keeping, &is_too_large, retiring->error) ||
        !recall(retiring, "retired", 0, &retiring->highest))
        return false;
    if (is_too_large)
        retiring->ended_before = INT64_MAX;
    if (!retire_oldest(retiring))
        return false;
    *left = is_full(retiring);
    return (retiring->highest == 0 || sweep_keys(retiring, left)) &&
           run_with(retiring, "DELETE FROM gap WHERE to_at < ?1",
               now_ms - keeping->keep_ms, 0);
}

static bool
retire_or_not(struct retiring *retiring, const struct books_keeping *keeping,
    int64_t now_ms, bool *left)
{
    if (!books_begin(retiring->books, retiring->error))
        return false;
    if (retire(retiring, keeping, now_ms, left) &&
        books_commit(retiring->books, retiring->error))
        return true;
    books_rollback(retiring->books);
    return false;
}

bool
books_retire(struct books *books, const struct books_keeping *keeping, int64_t now_ms,
    unsigned rows, bool *left, struct error *error)
{
    struct retiring retiring = {
        .books = books,
        .ended_before = now_ms - keeping->keep_ms,
        .begun_before = now_ms - BEGUN_MS,
        .rows_max = rows < BOOKS_RETIRE_ROWS_MIN   ? BOOKS_RETIRE_ROWS_MIN
                    : rows > BOOKS_RETIRE_ROWS_MAX ? BOOKS_RETIRE_ROWS_MAX
                                                   : rows,
        .error = error,
    };
    struct error unused; /* what went wrong before is told */
    bool done;

    *left = false;
    /* After a power cut the same goes again: the disk need not be waited for.  The next
     * commit of what was read from the log waits for all before it. */
    if (!books_exec(books, "PRAGMA synchronous = NORMAL", error))
        return false;
    done = retire_or_not(&retiring, keeping, now_ms, left);
    return books_exec(books, "PRAGMA synchronous = FULL", done ? error : &unused) && done;
}
