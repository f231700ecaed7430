#include "policyd/books/books_queue.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/books/books_memory.h"

enum {
    ROWS_AT_ONCE = 10000,
    STAMP_MS = 2000, /* stamps of a log may have whole seconds */
};

static int
compare_entries(const void *left, const void *right)
{
    const struct queue_entry *a = left;
    const struct queue_entry *b = right;

    return span_compare(a->queue_id, b->queue_id);
}

static void
name(struct arena *arena, struct audit_names *names, struct span queue_id)
{
    names->total++;
    if (names->count == AUDIT_NAMED_MAX)
        return;
    if (names->ids == NULL)
        names->ids = arena_take(arena, AUDIT_NAMED_MAX * sizeof(*names->ids));
    names->ids[names->count++] = arena_text(arena, queue_id);
}

void
queue_compare_begin(struct queue_compare *compare, struct arena *arena,
    struct queue_entry *entries, size_t count, int64_t asked_ms)
{
    *compare = (struct queue_compare){
        .arena = arena, .entries = entries, .count = count, .asked_ms = asked_ms};
    qsort(entries, count, sizeof(*entries), compare_entries);
}

/* When it was listed. */
static bool
was_open(struct queue_compare *compare, struct books *books, struct span queue_id,
    bool *open, struct error *error)
{
    static const char sql[] =
        "SELECT 1 FROM handle h JOIN message m ON m.id = h.message"
        " WHERE h.key = ?1 AND m.queue_id = ?2 AND (m.ended = 0 OR m.ended >= ?3)"
        " LIMIT 1";
    sqlite3_stmt *row = books_prepare(books, sql, error);
    int result;

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, books_handle('q', queue_id));
    books_bind_span(row, 2, queue_id);
    (void)sqlite3_bind_int64(row, 3, compare->asked_ms - STAMP_MS);
    result = books_step(books, row, error);
    *open = result == 1;
    (void)sqlite3_reset(row);
    return result >= 0;
}

static bool
look_at_queue(
    struct queue_compare *compare, struct books *books, size_t rows, struct error *error)
{
    for (; rows > 0 && compare->next_entry < compare->count; rows--) {
        const struct queue_entry *entry = &compare->entries[compare->next_entry];
        bool open = true;

        if (entry->arrived_ms <= compare->asked_ms - QUEUE_SETTLED_MS &&
            !was_open(compare, books, entry->queue_id, &open, error))
            return false;
        compare->next_entry++;
        if (!open)
            name(compare->arena, &compare->queue_only, entry->queue_id);
    }
    return true;
}

static bool
is_listed(const struct queue_compare *compare, struct span queue_id)
{
    const struct queue_entry wanted = {.queue_id = queue_id};

    return bsearch(&wanted, compare->entries, compare->count, sizeof(wanted),
               compare_entries) != NULL;
}

/* *done: there are no more. */
static bool
look_at_books(struct queue_compare *compare, struct books *books, size_t rows, bool *done,
    struct error *error)
{
    static const char sql[] =
        "SELECT id, queue_id FROM message WHERE ended = 0 AND accepted > 0 AND seen < ?1"
        " AND id > ?2 ORDER BY id LIMIT ?3";
    sqlite3_stmt *row = books_prepare(books, sql, error);
    size_t found = 0;
    int result = -1;

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, compare->asked_ms - QUEUE_SETTLED_MS);
    (void)sqlite3_bind_int64(row, 2, compare->last_id);
    (void)sqlite3_bind_int64(row, 3, (int64_t)rows);
    while ((result = books_step(books, row, error)) == 1) {
        const unsigned char *text = sqlite3_column_text(row, 1);
        struct span queue_id =
            span_make(text, (size_t)(text == NULL ? 0 : sqlite3_column_bytes(row, 1)));

        found++;
        compare->last_id = sqlite3_column_int64(row, 0);
        if (!is_listed(compare, queue_id))
            name(compare->arena, &compare->books_only, queue_id);
    }
    *done = found < rows;
    return result == 0;
}

bool
queue_compare_step(struct queue_compare *compare, struct books *books, size_t rows,
    bool *done, struct error *error)
{
    *done = false;
    if (compare->next_entry < compare->count)
        return look_at_queue(compare, books, rows, error);
    return look_at_books(compare, books, rows, done, error);
}

bool
queue_compare_all(struct queue_compare *compare, struct books *books, struct error *error)
{
    bool done = false;

    while (!done) {
        if (!queue_compare_step(compare, books, ROWS_AT_ONCE, &done, error))
            return false;
    }
    return true;
}
