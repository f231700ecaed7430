#include "policyd/books/books_memory.h"

#include "shared/base/allocate.h"

#include <stdlib.h>
#include <string.h>

enum { PLACES = 1 << 15, HANDLES_FIRST = 1024 };

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

void
books_keep(char **field, struct span text)
{
    char *copy = allocate_text(text);

    free(*field);
    *field = copy;
}

static void
free_recipient(struct books_recipient *recipient)
{
    free(recipient->address);
    free(recipient->orig);
    free(recipient->domain);
    free(recipient->service);
    free(recipient->relay);
    free(recipient->tls);
    free(recipient->reply);
}

static void
free_message(struct books_message *message)
{
    for (size_t i = 0; i < message->recipient_count; i++)
        free_recipient(&message->recipients[i]);
    free(message->recipients);
    free(message->instance);
    free(message->queue_id);
    free(message->host);
    free(message->sender);
    free(message->client);
    free(message->login);
    free(message->message_id);
    free(message->refused);
    free(message->verdicts);
    free(message);
}

/* --- the table --- */

static size_t
place_of(struct span queue_id)
{
    return (size_t)books_handle('q', queue_id) % PLACES;
}

static struct books_message **
find_link(struct books_memory *memory, struct span instance, struct span queue_id)
{
    struct books_message **link = &memory->places[place_of(queue_id)];

    while (
        *link != NULL && ((*link)->ended != 0 || !span_is(queue_id, (*link)->queue_id) ||
                             !span_is(instance, (*link)->instance)))
        link = &(*link)->next;
    return link;
}

static void
put(struct books_memory *memory, struct books_message *message)
{
    struct books_message **place = &memory->places[place_of(span_of(message->queue_id))];

    message->next = *place;
    *place = message;
    memory->count++;
}

static struct books_recipient *
add_recipient(struct books_message *message)
{
    if (message->recipient_count == message->recipient_room) {
        message->recipient_room =
            message->recipient_room == 0 ? 1 : 2 * message->recipient_room;
        message->recipients = allocate_grow(
            message->recipients, message->recipient_room, sizeof(*message->recipients));
    }
    message->recipients[message->recipient_count] = (struct books_recipient){.at = 0};
    return &message->recipients[message->recipient_count++];
}

struct books_recipient *
books_memory_recipient(
    struct books_message *message, struct span address, struct span orig)
{
    struct books_recipient *recipient;

    for (size_t i = 0; i < message->recipient_count; i++) {
        recipient = &message->recipients[i];
        if (span_is(address, recipient->address) && span_is(orig, recipient->orig))
            return recipient;
    }
    if (message->recipient_count >= BOOKS_RECIPIENTS_MAX)
        return NULL;
    recipient = add_recipient(message);
    books_keep(&recipient->address, address);
    books_keep(&recipient->orig, orig);
    recipient->is_changed = true;
    return recipient;
}

struct books_message *
books_memory_add(struct books_memory *memory, struct span instance, struct span queue_id,
    struct span host, int64_t begun_ms)
{
    struct books_message *message = allocate(sizeof(*message));

    message->id = memory->next_id++;
    message->story = message->id;
    message->begun = begun_ms;
    message->is_changed = true;
    books_keep(&message->instance, instance);
    books_keep(&message->queue_id, queue_id);
    books_keep(&message->host, host);
    put(memory, message);
    books_memory_handle(memory, message, 'q', queue_id);
    return message;
}

/* --- from the file --- */

static void
keep_column(char **field, sqlite3_stmt *statement, int at)
{
    const unsigned char *text = sqlite3_column_text(statement, at);

    books_keep(field, text == NULL
                          ? SPAN("")
                          : span_make(text, (size_t)sqlite3_column_bytes(statement, at)));
}

static const char load_message[] =
    "SELECT m.id, accepted, ended, kind, state, nrcpt, begun, removal, size, story, seen,"
    "  instance, queue_id, host, sender, client, login, message_id, refused, verdicts"
    " FROM handle h JOIN message m ON m.id = h.message"
    " WHERE h.key = ?1 AND m.queue_id = ?2 AND m.instance = ?3 AND m.ended = 0"
    " ORDER BY m.id DESC LIMIT 1";

static const char load_recipients[] =
    "SELECT end, backend, maybe, at, outcome, class, attempts, delay, first_at,"
    "  first_outcome, first_class, first_delay, first_backend, domain, addr, orig, "
    "service,"
    "  relay, tls, reply FROM recipient WHERE message = ? ORDER BY n";

static void
read_message(sqlite3_stmt *row, struct books_message *message)
{
    message->id = sqlite3_column_int64(row, 0);
    message->accepted = sqlite3_column_int64(row, 1);
    message->ended = sqlite3_column_int64(row, 2);
    message->kind = (enum books_kind)sqlite3_column_int(row, 3);
    message->state = (enum books_state)sqlite3_column_int(row, 4);
    message->nrcpt = (uint64_t)sqlite3_column_int64(row, 5);
    message->begun = sqlite3_column_int64(row, 6);
    message->removal = (enum maillog_removal)sqlite3_column_int(row, 7);
    message->size = (uint64_t)sqlite3_column_int64(row, 8);
    message->story = sqlite3_column_int64(row, 9);
    message->seen = sqlite3_column_int64(row, 10);
    keep_column(&message->instance, row, 11);
    keep_column(&message->queue_id, row, 12);
    keep_column(&message->host, row, 13);
    keep_column(&message->sender, row, 14);
    keep_column(&message->client, row, 15);
    keep_column(&message->login, row, 16);
    keep_column(&message->message_id, row, 17);
    keep_column(&message->refused, row, 18);
    keep_column(&message->verdicts, row, 19);
}

static void
read_recipient(sqlite3_stmt *row, struct books_recipient *recipient)
{
    recipient->end = (enum books_end)sqlite3_column_int(row, 0);
    recipient->backend = (enum books_backend)sqlite3_column_int(row, 1);
    recipient->is_maybe = sqlite3_column_int(row, 2) != 0;
    recipient->at = sqlite3_column_int64(row, 3);
    recipient->outcome = (enum outcome)sqlite3_column_int(row, 4);
    recipient->class = (enum reply_class)sqlite3_column_int(row, 5);
    recipient->attempts = (uint64_t)sqlite3_column_int64(row, 6);
    recipient->delay_ms = (uint64_t)sqlite3_column_int64(row, 7);
    recipient->first_at = sqlite3_column_int64(row, 8);
    recipient->first_outcome = (enum outcome)sqlite3_column_int(row, 9);
    recipient->first_class = (enum reply_class)sqlite3_column_int(row, 10);
    recipient->first_delay_ms = (uint64_t)sqlite3_column_int64(row, 11);
    recipient->first_backend = (enum books_backend)sqlite3_column_int(row, 12);
    keep_column(&recipient->domain, row, 13);
    keep_column(&recipient->address, row, 14);
    keep_column(&recipient->orig, row, 15);
    keep_column(&recipient->service, row, 16);
    keep_column(&recipient->relay, row, 17);
    keep_column(&recipient->tls, row, 18);
    keep_column(&recipient->reply, row, 19);
}

static bool
load(struct books_memory *memory, struct span instance, struct span queue_id,
    struct books_message **found, struct error *error)
{
    struct books *books = memory->books;
    sqlite3_stmt *row = books_prepare(books, load_message, error);
    struct books_message *message;
    int result;

    *found = NULL;
    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, books_handle('q', queue_id));
    books_bind_span(row, 2, queue_id);
    books_bind_span(row, 3, instance);
    result = books_step(books, row, error);
    if (result != 1)
        return result == 0;
    message = allocate(sizeof(*message));
    read_message(row, message);
    (void)sqlite3_reset(row);
    row = books_prepare(books, load_recipients, error);
    if (row != NULL)
        (void)sqlite3_bind_int64(row, 1, message->id);
    while (row != NULL && (result = books_step(books, row, error)) == 1)
        read_recipient(row, add_recipient(message));
    if (row == NULL || result < 0) {
        free_message(message);
        return false;
    }
    put(memory, message);
    *found = message;
    return true;
}

struct books_message *
books_memory_find(struct books_memory *memory, struct span instance, struct span queue_id,
    bool *failed, struct error *error)
{
    struct books_message *message = *find_link(memory, instance, queue_id);

    *failed = false;
    if (message == NULL)
        *failed = !load(memory, instance, queue_id, &message, error);
    return message;
}

/* --- stories --- */

/* All of one story to another. */
static bool
rename_story(struct books_memory *memory, int64_t from, int64_t to, struct error *error)
{
    static const char sql[] = "UPDATE message SET story = ?2 WHERE story = ?1";
    sqlite3_stmt *row = books_prepare(memory->books, sql, error);

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, from);
    (void)sqlite3_bind_int64(row, 2, to);
    for (size_t i = 0; i < PLACES; i++) {
        for (struct books_message *m = memory->places[i]; m != NULL; m = m->next) {
            if (m->story == from) {
                m->story = to;
                m->is_changed = true;
            }
        }
    }
    return books_run(memory->books, row, error);
}

/* Ended ones count, too: the second pass may be through before the first is told of it.
 */
static struct books_message *
find_follower(struct books_memory *memory, struct span queue_id, struct span message_id,
    int64_t from_ms, int64_t to_ms)
{
    struct books_message *m = memory->places[place_of(queue_id)];

    while (m != NULL &&
           (!span_is(queue_id, m->queue_id) || m->begun < from_ms || m->begun > to_ms ||
               (message_id.length > 0 && !span_is(message_id, m->message_id))))
        m = m->next;
    return m;
}

static const char find_followers[] =
    "SELECT m.id, m.story FROM handle h JOIN message m ON m.id = h.message"
    " WHERE h.key = ?1 AND m.queue_id = ?2 AND m.begun BETWEEN ?3 AND ?4"
    "   AND (?5 = '' OR m.message_id = ?5) ORDER BY m.id DESC LIMIT 1";

static bool
join_in_file(struct books_memory *memory, struct books_message *first, int64_t id,
    int64_t story, bool is_notice, struct error *error)
{
    static const char sql[] = "UPDATE message SET kind = ?2 WHERE id = ?1";
    sqlite3_stmt *row;

    if (is_notice) {
        row = books_prepare(memory->books, sql, error);
        if (row == NULL)
            return false;
        (void)sqlite3_bind_int64(row, 1, id);
        (void)sqlite3_bind_int(row, 2, KIND_NOTICE);
        if (!books_run(memory->books, row, error))
            return false;
    }
    return story == first->story || rename_story(memory, story, first->story, error);
}

bool
books_memory_join(struct books_memory *memory, struct books_message *first,
    struct span queue_id, struct span message_id, int64_t at_ms, int64_t within_ms,
    bool is_notice, bool *found, struct error *error)
{
    struct books_message *second =
        find_follower(memory, queue_id, message_id, at_ms - within_ms, at_ms + within_ms);
    sqlite3_stmt *row;
    int64_t story;
    int result;

    *found = second != NULL && second != first;
    if (*found) {
        if (is_notice)
            second->kind = KIND_NOTICE;
        second->is_changed = true;
        first->is_joined = true;
        story = second->story;
        second->story = first->story;
        return story == first->story || !second->is_joined ||
               rename_story(memory, story, first->story, error);
    }
    row = books_prepare(memory->books, find_followers, error);
    if (row == NULL || second == first)
        return row != NULL;
    (void)sqlite3_bind_int64(row, 1, books_handle('q', queue_id));
    books_bind_span(row, 2, queue_id);
    (void)sqlite3_bind_int64(row, 3, at_ms - within_ms);
    (void)sqlite3_bind_int64(row, 4, at_ms + within_ms);
    books_bind_span(row, 5, message_id);
    result = books_step(memory->books, row, error);
    if (result != 1)
        return result == 0;
    story = sqlite3_column_int64(row, 1);
    result = sqlite3_column_int64(row, 0) != first->id;
    if (!result) {
        (void)sqlite3_reset(row);
        return true;
    }
    *found = true;
    first->is_joined = true;
    {
        int64_t id = sqlite3_column_int64(row, 0);

        (void)sqlite3_reset(row);
        return join_in_file(memory, first, id, story, is_notice, error);
    }
}

/* --- back to it --- */

void
books_memory_handle(struct books_memory *memory, struct books_message *message, char kind,
    struct span value)
{
    if (value.length == 0)
        return;
    if (memory->handle_count == memory->handle_room) {
        memory->handle_room =
            memory->handle_room == 0 ? HANDLES_FIRST : 2 * memory->handle_room;
        memory->handles =
            allocate_grow(memory->handles, memory->handle_room, sizeof(*memory->handles));
    }
    memory->handles[memory->handle_count++] =
        (struct handle){books_handle(kind, value), message->id};
}

static const char save_message[] =
    "INSERT OR REPLACE INTO message(id, accepted, ended, kind, state, nrcpt, begun, "
    "removal,"
    "  size, story, seen, instance, queue_id, host, sender, client, login, message_id,"
    "  refused, verdicts)"
    " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

static const char save_recipient[] =
    "INSERT OR REPLACE INTO recipient(message, n, end, backend, maybe, at, outcome, "
    "class,"
    "  attempts, delay, first_at, first_outcome, first_class, first_delay, first_backend,"
    "  domain, addr, orig, service, relay, tls, reply)"
    " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

static bool
write_recipient(struct books *books, const struct books_message *message, size_t n,
    struct error *error)
{
    const struct books_recipient *recipient = &message->recipients[n];
    sqlite3_stmt *row = books_prepare(books, save_recipient, error);

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, message->id);
    (void)sqlite3_bind_int64(row, 2, (int64_t)n);
    (void)sqlite3_bind_int(row, 3, (int)recipient->end);
    (void)sqlite3_bind_int(row, 4, (int)recipient->backend);
    (void)sqlite3_bind_int(row, 5, recipient->is_maybe);
    (void)sqlite3_bind_int64(row, 6, recipient->at);
    (void)sqlite3_bind_int(row, 7, (int)recipient->outcome);
    (void)sqlite3_bind_int(row, 8, (int)recipient->class);
    (void)sqlite3_bind_int64(row, 9, (int64_t)recipient->attempts);
    (void)sqlite3_bind_int64(row, 10, (int64_t)recipient->delay_ms);
    (void)sqlite3_bind_int64(row, 11, recipient->first_at);
    (void)sqlite3_bind_int(row, 12, (int)recipient->first_outcome);
    (void)sqlite3_bind_int(row, 13, (int)recipient->first_class);
    (void)sqlite3_bind_int64(row, 14, (int64_t)recipient->first_delay_ms);
    (void)sqlite3_bind_int(row, 15, (int)recipient->first_backend);
    books_bind_text(row, 16, recipient->domain);
    books_bind_text(row, 17, recipient->address);
    books_bind_text(row, 18, recipient->orig);
    books_bind_text(row, 19, recipient->service);
    books_bind_text(row, 20, recipient->relay);
    books_bind_text(row, 21, recipient->tls);
    books_bind_text(row, 22, recipient->reply);
    return books_run(books, row, error);
}

static bool
write_message(struct books *books, struct books_message *message, struct error *error)
{
    sqlite3_stmt *row = books_prepare(books, save_message, error);

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, message->id);
    (void)sqlite3_bind_int64(row, 2, message->accepted);
    (void)sqlite3_bind_int64(row, 3, message->ended);
    (void)sqlite3_bind_int(row, 4, (int)message->kind);
    (void)sqlite3_bind_int(row, 5, (int)message->state);
    (void)sqlite3_bind_int64(row, 6, (int64_t)message->nrcpt);
    (void)sqlite3_bind_int64(row, 7, message->begun);
    (void)sqlite3_bind_int(row, 8, (int)message->removal);
    (void)sqlite3_bind_int64(row, 9, (int64_t)message->size);
    (void)sqlite3_bind_int64(row, 10, message->story);
    (void)sqlite3_bind_int64(row, 11, message->seen);
    books_bind_text(row, 12, message->instance);
    books_bind_text(row, 13, message->queue_id);
    books_bind_text(row, 14, message->host);
    books_bind_text(row, 15, message->sender);
    books_bind_text(row, 16, message->client);
    books_bind_text(row, 17, message->login);
    books_bind_text(row, 18, message->message_id);
    books_bind_text(row, 19, message->refused);
    books_bind_text(row, 20, message->verdicts);
    if (!books_run(books, row, error))
        return false;
    for (size_t i = 0; i < message->recipient_count; i++) {
        if (message->recipients[i].is_changed &&
            !write_recipient(books, message, i, error))
            return false;
        message->recipients[i].is_changed = false;
    }
    message->is_changed = false;
    return true;
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

bool
books_memory_attempt(struct books_memory *memory, const struct books_message *message,
    const struct books_recipient *recipient, struct error *error)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO attempt(message, n, at, outcome, class, backend, reply)"
        " VALUES(?,?,?,?,?,?,?)";
    sqlite3_stmt *row = books_prepare(memory->books, sql, error);

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, message->id);
    (void)sqlite3_bind_int64(row, 2, recipient - message->recipients);
    (void)sqlite3_bind_int64(row, 3, recipient->at);
    (void)sqlite3_bind_int(row, 4, (int)recipient->outcome);
    (void)sqlite3_bind_int(row, 5, (int)recipient->class);
    (void)sqlite3_bind_int(row, 6, (int)recipient->backend);
    books_bind_text(row, 7, recipient->reply);
    return books_run(memory->books, row, error);
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
        done = write_message(memory->books, changed[i], error);
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
            free_message(message);
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
