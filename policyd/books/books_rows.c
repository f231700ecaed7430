#include "policyd/books/books_rows.h"

#include "shared/base/allocate.h"

static void
keep_column(char **field, sqlite3_stmt *statement, int at)
{
    const unsigned char *text = sqlite3_column_text(statement, at);

    books_keep(field, text == NULL
                          ? SPAN("")
                          : span_make(text, (size_t)sqlite3_column_bytes(statement, at)));
}

/* NULL stays so: it was never said, which "" was. */
static void
keep_if_known(char **field, sqlite3_stmt *statement, int at)
{
    if (sqlite3_column_type(statement, at) != SQLITE_NULL)
        keep_column(field, statement, at);
}

static void
bind_if_known(sqlite3_stmt *statement, int at, const char *text)
{
    if (text != NULL)
        books_bind_text(statement, at, text);
}

static const char load_message[] =
    "SELECT m.id, accepted, ended, kind, state, nrcpt, begun, removal, size, story, seen,"
    "  instance, queue_id, host, sender, client, login, message_id, refused, verdicts"
    " FROM handle h JOIN message m ON m.id = h.message"
    " WHERE h.key = ?1 AND m.queue_id = ?2 AND (?3 = '' OR m.instance = ?3)"
    " AND CASE WHEN ?4 = 0 THEN m.ended = 0"
    "  ELSE m.ended != 0 AND m.removal = ?5 AND m.seen >= ?4 END"
    " ORDER BY m.host = ?6 DESC, m.id DESC LIMIT 1";

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
    keep_if_known(&message->client, row, 15);
    keep_column(&message->login, row, 16);
    keep_if_known(&message->message_id, row, 17);
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

/* The message of a row of load_message. */
static struct books_message *
load_row(struct books *books, sqlite3_stmt *row, struct error *error)
{
    struct books_message *message = allocate(sizeof(*message));
    int result = -1;

    read_message(row, message);
    (void)sqlite3_reset(row);
    /* Whether it is, only the file knows. */
    message->is_joined = true;
    row = books_prepare(books, load_recipients, error);
    if (row != NULL)
        (void)sqlite3_bind_int64(row, 1, message->id);
    while (row != NULL && (result = books_step(books, row, error)) == 1)
        read_recipient(row, books_message_add(message));
    if (row != NULL && result == 0)
        return message;
    books_message_free(message);
    return NULL;
}

bool
books_rows_load(struct books *books, const struct books_id *id, int64_t discarded_since,
    struct books_message **message, struct error *error)
{
    sqlite3_stmt *row = books_prepare(books, load_message, error);
    int result;

    *message = NULL;
    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, books_handle('q', id->queue_id));
    books_bind_span(row, 2, id->queue_id);
    books_bind_span(row, 3, id->instance);
    (void)sqlite3_bind_int64(row, 4, discarded_since);
    (void)sqlite3_bind_int(row, 5, MAILLOG_REMOVED_DISCARDED);
    books_bind_span(row, 6, id->host);
    result = books_step(books, row, error);
    if (result == 1)
        *message = load_row(books, row, error);
    return result == 0 || *message != NULL;
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

bool
books_rows_write(struct books *books, struct books_message *message, struct error *error)
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
    bind_if_known(row, 16, message->client);
    books_bind_text(row, 17, message->login);
    bind_if_known(row, 18, message->message_id);
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

bool
books_rows_attempt(struct books *books, const struct books_message *message,
    const struct books_recipient *recipient, struct error *error)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO attempt(message, n, at, outcome, class, backend, reply)"
        " VALUES(?,?,?,?,?,?,?)";
    sqlite3_stmt *row = books_prepare(books, sql, error);

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, message->id);
    (void)sqlite3_bind_int64(row, 2, recipient - message->recipients);
    (void)sqlite3_bind_int64(row, 3, recipient->at);
    (void)sqlite3_bind_int(row, 4, (int)recipient->outcome);
    (void)sqlite3_bind_int(row, 5, (int)recipient->class);
    (void)sqlite3_bind_int(row, 6, (int)recipient->backend);
    books_bind_text(row, 7, recipient->reply);
    return books_run(books, row, error);
}
