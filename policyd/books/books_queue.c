#include "policyd/books/books_queue.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/books/books_memory.h"

static int
compare(const void *left, const void *right)
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

static bool
is_open(struct books *books, struct span queue_id, bool *open, struct error *error)
{
    static const char sql[] =
        "SELECT 1 FROM handle h JOIN message m ON m.id = h.message"
        " WHERE h.key = ?1 AND m.queue_id = ?2 AND m.ended = 0 LIMIT 1";
    sqlite3_stmt *row = books_prepare(books, sql, error);
    int result;

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, books_handle('q', queue_id));
    books_bind_span(row, 2, queue_id);
    result = books_step(books, row, error);
    *open = result == 1;
    (void)sqlite3_reset(row);
    return result >= 0;
}

bool
books_compare_queue(struct books *books, struct arena *arena,
    const struct queue_entry *entries, size_t count, int64_t now_ms,
    struct audit_names *queue_only, struct audit_names *books_only, struct error *error)
{
    static const char sql[] =
        "SELECT queue_id FROM message WHERE ended = 0 AND accepted > 0 AND seen < ?"
        " ORDER BY id";
    struct queue_entry *sorted = arena_take(arena, (count + 1) * sizeof(*sorted));
    sqlite3_stmt *row;
    int result = -1;

    *queue_only = (struct audit_names){.ids = NULL};
    *books_only = (struct audit_names){.ids = NULL};
    for (size_t i = 0; i < count; i++) {
        bool open = true;

        sorted[i] = entries[i];
        /* What has just come may not be in the log yet. */
        if (entries[i].arrived_ms > now_ms - QUEUE_SETTLED_MS)
            continue;
        if (!is_open(books, entries[i].queue_id, &open, error))
            return false;
        if (!open)
            name(arena, queue_only, entries[i].queue_id);
    }
    qsort(sorted, count, sizeof(*sorted), compare);
    row = books_prepare(books, sql, error);
    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, now_ms - QUEUE_SETTLED_MS);
    while ((result = books_step(books, row, error)) == 1) {
        struct queue_entry wanted = {.queue_id = books_column(row, 0, arena)};

        if (bsearch(&wanted, sorted, count, sizeof(*sorted), compare) == NULL)
            name(arena, books_only, wanted.queue_id);
    }
    return result == 0;
}
