#include "policyd/books/books_story.h"

/* All of one story to another. */
static bool
rename_story(struct books_memory *memory, int64_t from, int64_t to, struct error *error)
{
    static const char sql[] = "UPDATE message SET story = ?2 WHERE story = ?1";
    struct books *books = books_memory_books(memory);
    sqlite3_stmt *row = books_prepare(books, sql, error);

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, from);
    (void)sqlite3_bind_int64(row, 2, to);
    books_memory_rename(memory, from, to);
    return books_run(books, row, error);
}

static const char find_followers[] =
    "SELECT m.id, m.story FROM handle h JOIN message m ON m.id = h.message"
    " WHERE h.key = ?1 AND m.queue_id = ?2 AND m.begun BETWEEN ?3 AND ?4"
    "   AND (?6 OR m.message_id = ?5) AND m.id != ?7 ORDER BY m.id DESC LIMIT 1";

/* *id 0: there is none. */
static bool
find_in_file(struct books *books, const struct books_message *first,
    const struct books_link *link, int64_t *id, int64_t *story, struct error *error)
{
    sqlite3_stmt *row = books_prepare(books, find_followers, error);
    int result;

    *id = 0;
    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, books_handle('q', link->queue_id));
    books_bind_span(row, 2, link->queue_id);
    (void)sqlite3_bind_int64(row, 3, link->at_ms - link->within_ms);
    (void)sqlite3_bind_int64(row, 4, link->at_ms + link->within_ms);
    books_bind_span(row, 5, link->message_id);
    (void)sqlite3_bind_int(row, 6, link->any_message_id);
    (void)sqlite3_bind_int64(row, 7, first->id);
    result = books_step(books, row, error);
    if (result == 1) {
        *id = sqlite3_column_int64(row, 0);
        *story = sqlite3_column_int64(row, 1);
        (void)sqlite3_reset(row);
    }
    return result >= 0;
}

static bool
mark_as_notice(struct books *books, int64_t id, struct error *error)
{
    static const char sql[] = "UPDATE message SET kind = ?2 WHERE id = ?1";
    sqlite3_stmt *row = books_prepare(books, sql, error);

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, id);
    (void)sqlite3_bind_int(row, 2, KIND_NOTICE);
    return books_run(books, row, error);
}

static bool
join_in_memory(struct books_memory *memory, struct books_message *first,
    struct books_message *second, bool is_notice, struct error *error)
{
    int64_t story = second->story;

    if (is_notice)
        second->kind = KIND_NOTICE;
    second->is_changed = true;
    first->is_joined = true;
    second->story = first->story;
    return story == first->story || !second->is_joined ||
           rename_story(memory, story, first->story, error);
}

bool
books_story_join(struct books_memory *memory, struct books_message *first,
    const struct books_link *link, bool *found, struct error *error)
{
    struct books_message *second = books_memory_follower(memory, first, link);
    struct books *books = books_memory_books(memory);
    int64_t story = 0;
    int64_t id;

    *found = second != NULL;
    if (*found)
        return join_in_memory(memory, first, second, link->is_notice, error);
    if (!find_in_file(books, first, link, &id, &story, error))
        return false;
    *found = id != 0;
    if (!*found)
        return true;
    first->is_joined = true;
    return (!link->is_notice || mark_as_notice(books, id, error)) &&
           (story == first->story || rename_story(memory, story, first->story, error));
}
