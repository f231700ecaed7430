#include "policyd/books/books_enter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/books/books_memory.h"
#include "policyd/books/books_session.h"
#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "shared/base/number.h"

enum {
    JOIN_WITHIN_MS = 60000,
    LINK_WITHIN_MS = 86400000, /* of orig_id= and orig_queue_id= */
    UNKNOWN_EXAMPLES = 20,
    UNKNOWN_LENGTH = 2000,
};

struct books_writer {
    struct books *books;
    struct books_memory *memory;
    struct books_session *session;
    const struct books_rules *rules;
    uint64_t unknown_forms; /* since the last flush */
    int64_t last_ms;        /* the time of the last line */
};

/* One line being entered. */
struct entry {
    struct books_writer *writer;
    const struct maillog_line *line;
    const struct maillog_event *event;
    int64_t time_ms;
    struct books_message *message;
    struct error *error;
};

/* --- small words --- */

static const char *
text_of(const char *text)
{
    return text != NULL ? text : "";
}

static void
change(struct entry *entry)
{
    entry->message->is_changed = true;
    entry->message->seen = entry->time_ms;
}

/* The address in "name[192.0.2.9]" or "name[192.0.2.9]:25". */
static struct span
address_of(struct span client)
{
    size_t open = span_find_last(client, '[');
    struct span rest = open == SPAN_NONE ? SPAN("") : span_from(client, open + 1);

    return span_first(rest, span_find(rest, ']'));
}

static struct span
domain_in(struct span address)
{
    size_t at = span_find_last(address, '@');

    return at == SPAN_NONE ? SPAN("") : span_from(address, at + 1);
}

/* Whoever named it before it was there. */
static void
claim(struct entry *entry)
{
    bool is_notice = false;
    int64_t story = books_session_claim(
        entry->writer->session, entry->event->queue_id, &is_notice, entry->time_ms);

    if (story == 0)
        return;
    entry->message->story = story;
    if (is_notice)
        entry->message->kind = KIND_NOTICE;
}

/* The message of the line; made where the line may be its first. */
static bool
find_message(struct entry *entry, bool may_begin)
{
    bool failed;

    entry->message = books_memory_find(entry->writer->memory, entry->line->instance,
        entry->event->queue_id, &failed, entry->error);
    if (failed)
        return false;
    if (entry->message == NULL && may_begin) {
        entry->message = books_memory_add(entry->writer->memory, entry->line->instance,
            entry->event->queue_id, entry->line->host, entry->time_ms);
        claim(entry);
    }
    return true;
}

/* --- the law --- */

static void
accept(struct entry *entry)
{
    struct books_message *message = entry->message;

    if (message->accepted == 0)
        message->accepted = entry->time_ms;
    if (message->state == STATE_BEGUN)
        message->state = STATE_ACTIVE;
    change(entry);
}

/* Recipients of whom nothing was heard stand there without a name. */
static void
name_the_rest(struct books_message *message)
{
    char orig[32];

    for (size_t i = message->recipient_count; i < message->nrcpt; i++) {
        (void)snprintf(orig, sizeof(orig), "#%zu", i + 1);
        if (books_memory_recipient(message, SPAN(""), span_of(orig)) == NULL)
            return;
    }
}

/* All that still waits has this end. */
static void
end_the_rest(struct entry *entry, enum books_end end)
{
    struct books_message *message = entry->message;

    name_the_rest(message);
    for (size_t i = 0; i < message->recipient_count; i++) {
        struct books_recipient *recipient = &message->recipients[i];

        if (recipient->end != END_WAITING)
            continue;
        recipient->end = end;
        recipient->at = entry->time_ms;
        recipient->is_changed = true;
    }
    change(entry);
}

static void
end_message(struct entry *entry, enum maillog_removal removal)
{
    entry->message->state = STATE_ENDED;
    entry->message->removal = removal;
    entry->message->ended = entry->time_ms;
    change(entry);
}

/* Accepted by a word of Postfix's own, before the queue manager has seen it: how many
 * recipients it has is not said, one at least. */
static void
accept_unseen(struct entry *entry, struct span recipient)
{
    struct books_message *message = entry->message;

    accept(entry);
    if (recipient.length > 0) {
        (void)books_memory_recipient(message, recipient, SPAN(""));
        books_memory_handle(entry->writer->memory, message, 't', recipient);
    }
    if (message->nrcpt < message->recipient_count || message->nrcpt == 0)
        message->nrcpt = message->recipient_count > 0 ? message->recipient_count : 1;
}

static void
hold(struct entry *entry, struct span recipient)
{
    accept_unseen(entry, recipient);
    entry->message->state = STATE_HELD;
}

static void
discard(struct entry *entry, struct span recipient)
{
    accept_unseen(entry, recipient);
    end_the_rest(entry, END_DISCARDED);
    end_message(entry, MAILLOG_REMOVED_DISCARDED);
}

/* --- lines, one function each --- */

static bool
enter_begun(struct entry *entry)
{
    const struct maillog_event *event = entry->event;
    struct books_memory *memory = entry->writer->memory;
    struct books_message *message;
    bool failed;
    bool found;

    /* A short id that comes back: what was open under it has lost its end. */
    message = books_memory_find(
        memory, entry->line->instance, event->queue_id, &failed, entry->error);
    if (failed)
        return false;
    if (message == NULL || message->client != NULL || message->accepted != 0)
        message = books_memory_add(memory, entry->line->instance, event->queue_id,
            entry->line->host, entry->time_ms);
    entry->message = message;
    books_keep(&message->client, event->client);
    books_keep(&message->login, event->login);
    books_memory_handle(memory, message, 'c', address_of(event->client));
    change(entry);
    if (event->other_id.length > 0) {
        struct books_message *first = books_memory_find(
            memory, entry->line->instance, event->other_id, &failed, entry->error);

        if (failed)
            return false;
        if (first != NULL &&
            !books_memory_join(memory, first, event->queue_id, SPAN(""), entry->time_ms,
                JOIN_WITHIN_MS, false, &found, entry->error))
            return false;
        if (first != NULL && span_is(entry->line->daemon, "pickup")) {
            entry->message = first;
            end_the_rest(entry, END_REPLACED);
            end_message(entry, MAILLOG_REMOVED_DONE);
        }
    }
    entry->message = message;
    if (span_is(entry->line->daemon, "smtpd"))
        books_session_begin(
            entry->writer->session, message->id, entry->line->pid, entry->time_ms);
    return true;
}

static bool
enter_message_id(struct entry *entry)
{
    enum maillog_action action;
    char recipient[256];

    if (!find_message(entry, true))
        return false;
    books_keep(&entry->message->message_id, entry->event->message_id);
    books_memory_handle(
        entry->writer->memory, entry->message, 'm', entry->event->message_id);
    change(entry);
    /* What smtpd decided before the id was known holds from here on: the content comes.
     */
    action = books_session_decided(entry->writer->session, entry->message->id, recipient,
        sizeof(recipient), entry->time_ms);
    if (action == MAILLOG_ACTION_HOLD)
        hold(entry, span_of(recipient));
    else if (action == MAILLOG_ACTION_DISCARD)
        discard(entry, span_of(recipient));
    return true;
}

static bool
enter_active(struct entry *entry)
{
    const struct maillog_event *event = entry->event;
    struct books_message *message;

    if (!find_message(entry, true))
        return false;
    message = entry->message;
    if (message->state == STATE_HELD || message->accepted == 0 || message->size == 0)
        message->nrcpt = event->nrcpt;
    message->state = STATE_ACTIVE;
    if (message->size == 0) {
        message->size = event->size;
        books_keep(&message->sender, event->from);
        books_memory_handle(entry->writer->memory, message, 'f', event->from);
        if (message->kind == KIND_MAIL &&
            span_starts(event->from, SPAN("double-bounce@")))
            message->kind = KIND_PROBE;
    }
    accept(entry);
    return true;
}

static enum books_backend
backend_of_service(struct span service)
{
    static const struct {
        const char *name;
        enum books_backend backend;
    } rows[] = {
        {"cutover-old",          BACKEND_OLD    },
        {"cutover-old-lmtp",     BACKEND_OLD    },
        {"cutover-new",          BACKEND_NEW    },
        {"cutover-new-lmtp",     BACKEND_NEW    },
        {"cutover-standby",      BACKEND_STANDBY},
        {"cutover-standby-lmtp", BACKEND_STANDBY}
    };

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (span_is(service, rows[i].name))
            return rows[i].backend;
    }
    return BACKEND_OTHER;
}

static enum books_end
end_of_attempt(const struct maillog_line *line, const struct maillog_event *event)
{
    switch (event->status) {
    case MAILLOG_SENT:
        if (event->is_forwarded)
            return END_REPLACED;
        return span_is(line->daemon, "discard") ? END_DISCARDED : END_DELIVERED;
    case MAILLOG_BOUNCED:
        return END_BOUNCED;
    case MAILLOG_EXPIRED:
        return END_EXPIRED;
    case MAILLOG_DEFERRED:
    case MAILLOG_SOFTBOUNCE:
    case MAILLOG_DELIVERABLE:
    case MAILLOG_UNDELIVERABLE:
    default:
        return END_WAITING;
    }
}

/* Who it went to; throttled mail is told by error(8), which names no service of ours. */
static void
find_backend(struct entry *entry, const struct books_recipient *recipient,
    struct books_attempt *attempt, char name[256])
{
    const struct books_rules *rules = entry->writer->rules;
    const struct maillog_event *event = entry->event;
    bool old_is_site = false;

    attempt->backend = backend_of_service(entry->line->service);
    attempt->domain = rules->find_domain == NULL ? SPAN("")
                                                 : rules->find_domain(rules->argument,
                                                       event->to, &old_is_site, name);
    if (attempt->backend != BACKEND_OTHER) {
        books_session_saw_host(entry->writer->session, event->relay, event->text,
            attempt->backend, entry->time_ms);
    } else if (span_is(entry->line->daemon, "error") ||
               span_is(entry->line->daemon, "retry")) {
        attempt->backend = recipient->backend;
        if (attempt->backend == BACKEND_OTHER)
            attempt->backend =
                books_session_find_host(entry->writer->session, event->text);
    } else if (old_is_site && attempt->domain.length > 0) {
        attempt->backend = BACKEND_OLD;
    }
}

static void
note_attempt(struct entry *entry, struct books_recipient *recipient,
    const struct books_attempt *attempt, struct span tls)
{
    const struct maillog_event *event = entry->event;

    recipient->end = end_of_attempt(entry->line, event);
    recipient->at = entry->time_ms;
    recipient->outcome = attempt->outcome;
    recipient->class = attempt->class;
    recipient->backend = attempt->backend;
    recipient->delay_ms = event->delay_ms;
    recipient->is_maybe = recipient->is_maybe || event->maybe_double;
    recipient->is_changed = true;
    if (recipient->attempts++ == 0) {
        recipient->first_at = entry->time_ms;
        recipient->first_outcome = attempt->outcome;
        recipient->first_class = attempt->class;
        recipient->first_backend = attempt->backend;
        recipient->first_delay_ms = attempt->delay_ms;
        books_memory_handle(entry->writer->memory, entry->message, 't', event->to);
        books_memory_handle(entry->writer->memory, entry->message, 'd',
            attempt->domain.length > 0 ? attempt->domain : domain_in(event->to));
        if (event->orig_to.length > 0)
            books_memory_handle(
                entry->writer->memory, entry->message, 't', event->orig_to);
    }
    books_keep(&recipient->domain, attempt->domain);
    books_keep(&recipient->service,
        entry->line->service.length > 0 ? entry->line->service : entry->line->daemon);
    books_keep(&recipient->relay, event->relay);
    books_keep(&recipient->reply, span_first(event->text, BOOKS_TEXT_MAX));
    if (tls.length > 0)
        books_keep(&recipient->tls, tls);
}

/* Joins what follows under another id. */
static bool
follow(struct entry *entry)
{
    struct span id = entry->event->other_id;
    bool found = false;

    if (id.length == 0)
        return true;
    if (!books_memory_join(entry->writer->memory, entry->message, id,
            entry->event->is_forwarded ? SPAN("")
                                       : span_of(text_of(entry->message->message_id)),
            entry->time_ms, JOIN_WITHIN_MS, false, &found, entry->error))
        return false;
    if (!found && entry->event->is_forwarded)
        books_session_expect(
            entry->writer->session, id, entry->message->story, false, entry->time_ms);
    return true;
}

static bool
enter_attempt(struct entry *entry)
{
    const struct maillog_event *event = entry->event;
    struct books_attempt attempt = {.time_ms = entry->time_ms};
    struct books_recipient *recipient;
    struct maillog_reply reply;
    char domain[256];

    if (!find_message(entry, true))
        return false;
    change(entry);
    if (event->status == MAILLOG_DELIVERABLE || event->status == MAILLOG_UNDELIVERABLE)
        entry->message->kind = KIND_PROBE;
    recipient = books_memory_recipient(entry->message, event->to, event->orig_to);
    if (recipient == NULL)
        return true;
    maillog_reply_parse(event->text, &reply);
    attempt.recipient = event->to;
    attempt.outcome = outcome_of(event->status, &reply);
    attempt.class = attempt.outcome == OUTCOME_OK ? REPLY_OTHER : reply_class_of(&reply);
    attempt.delay_ms = event->delays_ms[2] + event->delays_ms[3];
    attempt.is_first = recipient->attempts == 0;
    attempt.is_accepted = event->status == MAILLOG_SENT && !event->is_forwarded;
    attempt.is_maybe = event->maybe_double;
    find_backend(entry, recipient, &attempt, domain);
    note_attempt(entry, recipient, &attempt,
        books_session_tls(entry->writer->session, entry->line->pid, event->relay));
    if (entry->message->kind == KIND_MAIL && entry->writer->rules->attempted != NULL)
        entry->writer->rules->attempted(entry->writer->rules->argument, &attempt);
    if (recipient->end == END_WAITING && recipient->attempts <= BOOKS_ATTEMPTS_MAX &&
        !books_memory_attempt(
            entry->writer->memory, entry->message, recipient, entry->error))
        return false;
    return follow(entry);
}

static bool
enter_removed(struct entry *entry)
{
    const struct maillog_event *event = entry->event;

    if (!find_message(entry, false))
        return false;
    if (entry->message == NULL)
        return true;
    if (event->removal == MAILLOG_REMOVED_DISCARDED) {
        discard(entry, SPAN(""));
        return true;
    }
    if (entry->message->accepted != 0) {
        if (event->removal == MAILLOG_REMOVED_DELETED)
            end_the_rest(entry, END_DELETED);
        else if (event->removal == MAILLOG_REMOVED_DONE &&
                 entry->message->kind == KIND_MAIL)
            end_the_rest(entry, END_LOST);
    }
    end_message(entry, event->removal);
    return true;
}

/* NOQUEUE: the same smtpd's next id is meant. */
static bool
enter_action(struct entry *entry)
{
    const struct maillog_event *event = entry->event;

    bool is_kept =
        event->action == MAILLOG_ACTION_HOLD || event->action == MAILLOG_ACTION_DISCARD;

    if (event->queue_id.length == 0) {
        if (is_kept)
            books_session_decide(entry->writer->session, entry->line->pid, event->action,
                event->to, entry->time_ms);
        return true;
    }
    if (!find_message(entry, true))
        return false;
    change(entry);
    if (event->action == MAILLOG_ACTION_OTHER)
        return true;
    books_keep(&entry->message->refused, span_first(event->text, BOOKS_TEXT_MAX));
    if (event->from.length > 0 && text_of(entry->message->sender)[0] == '\0') {
        books_keep(&entry->message->sender, event->from);
        books_memory_handle(entry->writer->memory, entry->message, 'f', event->from);
    }
    /* At RCPT nothing is accepted yet: it is when the content comes. */
    if (span_is(entry->line->daemon, "smtpd") && is_kept)
        books_session_decide_for(entry->writer->session, entry->message->id,
            event->action, event->to, entry->time_ms);
    else if (event->action == MAILLOG_ACTION_HOLD)
        hold(entry, event->to);
    else if (event->action == MAILLOG_ACTION_DISCARD)
        discard(entry, event->to);
    return true;
}

static bool
enter_notice(struct entry *entry)
{
    bool found;

    if (!find_message(entry, false))
        return false;
    if (entry->message == NULL)
        return true;
    if (!books_memory_join(entry->writer->memory, entry->message, entry->event->other_id,
            SPAN(""), entry->time_ms, JOIN_WITHIN_MS, true, &found, entry->error))
        return false;
    if (!found)
        books_session_expect(entry->writer->session, entry->event->other_id,
            entry->message->story, true, entry->time_ms);
    return true;
}

static bool
enter_order(struct entry *entry)
{
    if (!find_message(entry, false))
        return false;
    if (entry->message == NULL)
        return true;
    if (entry->event->kind == MAILLOG_GIVEN_UP)
        end_the_rest(entry, END_EXPIRED);
    else if (entry->event->kind == MAILLOG_HELD)
        hold(entry, SPAN(""));
    else if (entry->event->kind == MAILLOG_RELEASED &&
             entry->message->state == STATE_HELD)
        entry->message->state = STATE_ACTIVE;
    change(entry);
    return true;
}

static bool
enter_verdict(struct entry *entry)
{
    struct books_message *message;
    struct buffer text;

    if (entry->event->queue_id.length == 0)
        return true;
    /* Ours are told without the instance: most have one. */
    {
        bool failed;

        entry->message = books_memory_find(entry->writer->memory, SPAN("postfix"),
            entry->event->queue_id, &failed, entry->error);
        if (failed)
            return false;
    }
    message = entry->message;
    if (message == NULL)
        return true;
    buffer_init(&text, BOOKS_TEXT_MAX);
    buffer_append_text(&text, text_of(message->verdicts));
    buffer_printf(&text, "%s%.*s: %.*s", text.length > 0 ? "\n" : "",
        (int)entry->line->daemon.length, entry->line->daemon.data,
        (int)entry->event->verdict.length, entry->event->verdict.data);
    books_keep(&message->verdicts, buffer_span(&text));
    buffer_clear(&text);
    change(entry);
    return true;
}

static bool
enter_tls(struct entry *entry)
{
    books_session_tls_begun(entry->writer->session, entry->line->pid, entry->event->relay,
        entry->event->tls_version, entry->time_ms);
    return true;
}

static bool
enter_nothing(struct entry *entry)
{
    (void)entry;
    return true;
}

bool
books_enter(struct books_writer *writer, const struct maillog_line *line,
    const struct maillog_event *event, int64_t time_ms, struct error *error)
{
    static bool (*const rows[])(struct entry *) = {
        [MAILLOG_NOTHING] = enter_nothing,
        [MAILLOG_UNKNOWN_FORM] = enter_nothing,
        [MAILLOG_BEGUN] = enter_begun,
        [MAILLOG_MESSAGE_ID] = enter_message_id,
        [MAILLOG_ACTIVE] = enter_active,
        [MAILLOG_ATTEMPT] = enter_attempt,
        [MAILLOG_GIVEN_UP] = enter_order,
        [MAILLOG_REMOVED] = enter_removed,
        [MAILLOG_HELD] = enter_order,
        [MAILLOG_RELEASED] = enter_order,
        [MAILLOG_REQUEUED] = enter_order,
        [MAILLOG_EXPIRE_ORDER] = enter_order,
        [MAILLOG_ACTION] = enter_action,
        [MAILLOG_NOTICE] = enter_notice,
        [MAILLOG_TLS] = enter_tls,
        [MAILLOG_VERDICT] = enter_verdict,
        [MAILLOG_START] = enter_nothing,
    };
    struct entry entry = {writer, line, event, time_ms, NULL, error};

    writer->last_ms = time_ms;
    if (event->kind == MAILLOG_UNKNOWN_FORM)
        writer->unknown_forms++;
    return rows[event->kind](&entry);
}

/* --- beside the accounts --- */

static bool
add_to_meta(struct books *books, const char *name, uint64_t count, struct error *error)
{
    static const char sql[] =
        "INSERT INTO meta(name, value) VALUES(?1, ?2)"
        " ON CONFLICT(name) DO UPDATE SET value = value + excluded.value";
    sqlite3_stmt *row = books_prepare(books, sql, error);

    if (row == NULL)
        return false;
    books_bind_text(row, 1, name);
    (void)sqlite3_bind_int64(row, 2, (int64_t)count);
    return books_run(books, row, error);
}

bool
books_enter_unknown(struct books_writer *writer, struct span line, struct error *error)
{
    static const char sql[] = "INSERT INTO unknown_form(line) SELECT ?1"
                              " WHERE (SELECT count(*) FROM unknown_form) < ?2";
    sqlite3_stmt *row = books_prepare(writer->books, sql, error);

    if (row == NULL)
        return false;
    books_bind_span(row, 1, span_first(line, UNKNOWN_LENGTH));
    (void)sqlite3_bind_int(row, 2, UNKNOWN_EXAMPLES);
    return books_run(writer->books, row, error);
}

bool
books_flush(struct books_writer *writer, struct error *error)
{
    if (!books_memory_flush(writer->memory, error) ||
        !books_session_flush(writer->session, writer->last_ms, error))
        return false;
    if (writer->unknown_forms > 0 &&
        !add_to_meta(writer->books, "unknown_forms", writer->unknown_forms, error))
        return false;
    writer->unknown_forms = 0;
    return true;
}

bool
books_forget_since_commit(struct books_writer *writer, struct error *error)
{
    writer->unknown_forms = 0;
    return books_memory_forget(writer->memory, error) &&
           books_session_forget(writer->session, error);
}

struct books_writer *
books_writer_new(
    struct books *books, const struct books_rules *rules, struct error *error)
{
    struct books_writer *writer = allocate(sizeof(*writer));

    writer->books = books;
    writer->rules = rules;
    writer->memory = books_memory_new(books, error);
    writer->session = books_session_new(books, error);
    if (writer->memory != NULL && writer->session != NULL)
        return writer;
    books_writer_free(writer);
    return NULL;
}

void
books_writer_free(struct books_writer *writer)
{
    if (writer == NULL)
        return;
    books_memory_free(writer->memory);
    books_session_free(writer->session);
    free(writer);
}

bool
books_set_position(
    struct books *books, const char *source, struct span position, struct error *error)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO meta(name, value) VALUES('position:' || ?1, ?2)";
    sqlite3_stmt *row = books_prepare(books, sql, error);

    if (row == NULL)
        return false;
    books_bind_text(row, 1, source);
    books_bind_span(row, 2, position);
    return books_run(books, row, error);
}

bool
books_position(struct books *books, const char *source, struct arena *arena,
    struct span *position, struct error *error)
{
    static const char sql[] = "SELECT value FROM meta WHERE name = 'position:' || ?1";
    sqlite3_stmt *row = books_prepare(books, sql, error);
    int result;

    *position = SPAN("");
    if (row == NULL)
        return false;
    books_bind_text(row, 1, source);
    result = books_step(books, row, error);
    if (result == 1) {
        *position = books_column(row, 0, arena);
        (void)sqlite3_reset(row);
    }
    return result >= 0;
}

bool
books_enter_gap(struct books *books, int64_t from_ms, int64_t to_ms, const char *why,
    struct error *error)
{
    static const char sql[] = "INSERT INTO gap(from_at, to_at, why) VALUES(?, ?, ?)";
    sqlite3_stmt *row = books_prepare(books, sql, error);

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, from_ms);
    (void)sqlite3_bind_int64(row, 2, to_ms);
    books_bind_text(row, 3, why);
    return books_run(books, row, error);
}
