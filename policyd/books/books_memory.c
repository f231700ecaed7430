#include "policyd/books/books_memory.h"

#include <stdlib.h>

#include "policyd/books/books_rows.h"
#include "shared/base/allocate.h"

enum { PLACES = 1 << 15 };

struct handle {
    int64_t key;
    int64_t message;
};

struct books_memory {
    struct books *books;
    struct books_message *places[PLACES];
    size_t count;
    int64_t next_id;
    struct handle *handles;
    size_t handle_count;
    size_t handle_room;
};

static size_t
place_of(struct span queue_id)
{
    return (size_t)books_handle('q', queue_id) % PLACES;
}

static bool
is_of(const struct books_message *message, const struct books_id *id)
{
    return span_is(id->queue_id, message->queue_id) &&
           (id->instance.length == 0 || span_is(id->instance, message->instance));
}

static bool
is_of_host(const struct books_message *message, const struct books_id *id)
{
    return id->host.length == 0 || span_is(id->host, message->host);
}

static struct books_message *
find(struct books_memory *memory, const struct books_id *id)
{
    struct books_message *found = NULL;

    for (struct books_message *m = memory->places[place_of(id->queue_id)]; m != NULL;
         m = m->next) {
        if (m->ended != 0 || !is_of(m, id))
            continue;
        if (is_of_host(m, id))
            return m;
        if (found == NULL)
            found = m;
    }
    return found;
}

static void
put(struct books_memory *memory, struct books_message *message)
{
    struct books_message **place = &memory->places[place_of(span_of(message->queue_id))];

    message->next = *place;
    *place = message;
    memory->count++;
}

/* It has ended since it was written. */
static bool
has(const struct books_memory *memory, const struct books_message *message)
{
    const struct books_message *m = memory->places[place_of(span_of(message->queue_id))];

    while (m != NULL && m->id != message->id)
        m = m->next;
    return m != NULL;
}

/* From the file, unless memory knows better. */
static struct books_message *
load(struct books_memory *memory, const struct books_id *id, int64_t discarded_since,
    bool *failed, struct error *error)
{
    struct books_message *message;

    *failed = !books_rows_load(memory->books, id, discarded_since, &message, error);
    if (message == NULL || !has(memory, message))
        return message;
    books_message_free(message);
    return NULL;
}

struct books_message *
books_memory_find(struct books_memory *memory, const struct books_id *id, bool *failed,
    struct error *error)
{
    struct books_message *message = find(memory, id);
    struct books_message *loaded;

    *failed = false;
    if (message != NULL && (message->is_alone || is_of_host(message, id)))
        return message;
    loaded = load(memory, id, 0, failed, error);
    if (loaded != NULL && (message == NULL || is_of_host(loaded, id))) {
        put(memory, loaded);
        return loaded;
    }
    if (loaded != NULL)
        books_message_free(loaded);
    if (message != NULL && !*failed)
        message->is_alone = true;
    return *failed ? NULL : message;
}

struct books_message *
books_memory_find_discarded(struct books_memory *memory, const struct books_id *id,
    int64_t since_ms, bool *failed, struct error *error)
{
    struct books_message *message = memory->places[place_of(id->queue_id)];

    *failed = false;
    while (message != NULL &&
           (message->ended == 0 || message->removal != MAILLOG_REMOVED_DISCARDED ||
               message->seen < since_ms || !is_of(message, id)))
        message = message->next;
    if (message != NULL)
        return message;
    message = load(memory, id, since_ms, failed, error);
    if (message != NULL)
        put(memory, message);
    return message;
}

struct books_message *
books_memory_add(struct books_memory *memory, const struct books_id *id, int64_t begun_ms)
{
    struct books_message *message = allocate(sizeof(*message));

    message->id = memory->next_id++;
    message->story = message->id;
    message->begun = begun_ms;
    message->is_changed = true;
    books_keep(&message->instance, id->instance);
    books_keep(&message->queue_id, id->queue_id);
    books_keep(&message->host, id->host);
    put(memory, message);
    books_memory_handle(memory, message, 'q', id->queue_id);
    return message;
}

struct books_message *
books_memory_follower(struct books_memory *memory, const struct books_message *first,
    const struct books_link *link)
{
    struct books_message *m = memory->places[place_of(link->queue_id)];

    while (m != NULL &&
           (m == first || !span_is(link->queue_id, m->queue_id) ||
               m->begun < link->at_ms - link->within_ms ||
               m->begun > link->at_ms + link->within_ms ||
               (!link->any_message_id && !span_is(link->message_id, m->message_id))))
        m = m->next;
    return m;
}

void
books_memory_rename(struct books_memory *memory, int64_t from, int64_t to)
{
    for (size_t i = 0; i < PLACES; i++) {
        for (struct books_message *m = memory->places[i]; m != NULL; m = m->next) {
            if (m->story == from) {
                m->story = to;
                m->is_changed = true;
            }
        }
    }
}

struct books *
books_memory_books(struct books_memory *memory)
{
    return memory->books;
}

void
books_memory_handle(struct books_memory *memory, struct books_message *message, char kind,
    struct span value)
{
    if (value.length == 0)
        return;
    memory->handles = allocate_more(memory->handles, memory->handle_count,
        &memory->handle_room, sizeof(*memory->handles));
    memory->handles[memory->handle_count++] =
        (struct handle){books_handle(kind, value), message->id};
}

static int
compare_handles(const void *left, const void *right)
{
    const struct handle *a = left;
    const struct handle *b = right;

    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (a->message > b->message) - (a->message < b->message);
}

/* In the order of the index: neighbours share its pages. */
static bool
write_handles(struct books_memory *memory, struct error *error)
{
    static const char sql[] = "INSERT OR IGNORE INTO handle(key, message) VALUES(?, ?)";
    struct books *books = memory->books;

    if (memory->handle_count > 0)
        qsort(memory->handles, memory->handle_count, sizeof(*memory->handles),
            compare_handles);
    for (size_t i = 0; i < memory->handle_count; i++) {
        sqlite3_stmt *row = books_prepare(books, sql, error);

        if (row == NULL)
            return false;
        (void)sqlite3_bind_int64(row, 1, memory->handles[i].key);
        (void)sqlite3_bind_int64(row, 2, memory->handles[i].message);
        if (!books_run(books, row, error))
            return false;
    }
    memory->handle_count = 0;
    return true;
}

/* By their ids: rows of one message, and those of its neighbours, lie together. */
static int
compare_ids(const void *left, const void *right)
{
    const struct books_message *const *a = left;
    const struct books_message *const *b = right;

    return ((*a)->id > (*b)->id) - ((*a)->id < (*b)->id);
}

static bool
write_messages(struct books_memory *memory, struct error *error)
{
    struct books_message **changed =
        allocate_array(memory->count + 1, sizeof(struct books_message *));
    size_t count = 0;
    bool done = true;

    for (size_t i = 0; i < PLACES; i++) {
        for (struct books_message *m = memory->places[i]; m != NULL; m = m->next) {
            if (m->is_changed)
                changed[count++] = m;
        }
    }
    qsort(changed, count, sizeof(struct books_message *), compare_ids);
    for (size_t i = 0; i < count && done; i++)
        done = books_rows_write(memory->books, changed[i], error);
    free(changed);
    return done;
}

/* What has ended goes; all goes where it is too much. */
static void
drop(struct books_memory *memory, bool all)
{
    for (size_t i = 0; i < PLACES; i++) {
        struct books_message **link = &memory->places[i];

        while (*link != NULL) {
            struct books_message *message = *link;

            if (!all && message->ended == 0) {
                link = &message->next;
                continue;
            }
            *link = message->next;
            books_message_free(message);
            memory->count--;
        }
    }
}

bool
books_memory_flush(struct books_memory *memory, struct error *error)
{
    if (!write_messages(memory, error) || !write_handles(memory, error))
        return false;
    drop(memory, false);
    if (memory->count > BOOKS_MEMORY_MAX)
        drop(memory, true);
    return true;
}

static bool
find_next_id(struct books_memory *memory, struct error *error)
{
    sqlite3_stmt *row = books_prepare(
        memory->books, "SELECT coalesce(max(id), 0) + 1 FROM message", error);

    if (row == NULL || books_step(memory->books, row, error) != 1)
        return false;
    memory->next_id = sqlite3_column_int64(row, 0);
    (void)sqlite3_reset(row);
    return true;
}

bool
books_memory_forget(struct books_memory *memory, struct error *error)
{
    drop(memory, true);
    memory->handle_count = 0;
    return find_next_id(memory, error);
}

struct books_memory *
books_memory_new(struct books *books, struct error *error)
{
    struct books_memory *memory = allocate(sizeof(*memory));

    memory->books = books;
    if (find_next_id(memory, error))
        return memory;
    books_memory_free(memory);
    return NULL;
}

void
books_memory_free(struct books_memory *memory)
{
    if (memory == NULL)
        return;
    drop(memory, true);
    free(memory->handles);
    free(memory);
}
