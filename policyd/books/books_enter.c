#include "policyd/books/books_enter.h"

#include <stdlib.h>

#include "policyd/books/books_action.h"
#include "policyd/books/books_attempt.h"
#include "policyd/books/books_story.h"
#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"

enum { JOIN_WITHIN_MS = 60000, UNKNOWN_EXAMPLES = 20, UNKNOWN_LENGTH = 2000 };

/* The address in "name[192.0.2.9]" or "name[192.0.2.9]:25". */
static struct span
address_of(struct span client)
{
    size_t open = span_find_last(client, '[');
    struct span rest = open == SPAN_NONE ? SPAN("") : span_from(client, open + 1);

    return span_first(rest, span_find(rest, ']'));
}

/* --- lines, one function each --- */

/* The id it had before: on another way in (XFORWARD), or before a requeue. */
static bool
link_to_earlier(struct entry *entry)
{
    struct books_memory *memory = entry->writer->memory;
    struct books_message *message = entry->message;
    const struct books_link link = {
        .queue_id = entry->event->queue_id,
        .any_message_id = true,
        .at_ms = entry->time_ms,
        .within_ms = JOIN_WITHIN_MS,
    };
    const struct books_id earlier = {entry->event->other_id, SPAN(""), entry->line->host};
    struct books_message *first;
    bool failed;
    bool found;

    if (entry->event->other_id.length == 0)
        return true;
    first = books_memory_find(memory, &earlier, &failed, entry->error);
    if (failed || (first != NULL && first != message &&
                      !books_story_join(memory, first, &link, &found, entry->error)))
        return false;
    if (first != NULL && first != message && span_is(entry->line->daemon, "pickup")) {
        entry->message = first;
        books_end_rest(entry, END_REPLACED);
        books_end(entry, MAILLOG_REMOVED_DONE);
        entry->message = message;
    }
    return true;
}

/* Whom a proxy in front (smtpd_proxy_filter) speaks for is known by no other line. */
static void
keep_client(struct entry *entry)
{
    const struct maillog_event *event = entry->event;
    struct books_memory *memory = entry->writer->memory;
    struct buffer text;

    buffer_init(&text, BOOKS_TEXT_MAX);
    buffer_append(&text, span_first(event->client, BOOKS_TEXT_MAX / 4));
    if (event->orig_client.length > 0) {
        buffer_append_text(&text, ", orig_client=");
        buffer_append(&text, span_first(event->orig_client, BOOKS_TEXT_MAX / 4));
    }
    books_keep(&entry->message->client, buffer_span(&text));
    buffer_clear(&text);
    books_memory_handle(memory, entry->message, 'c', address_of(event->client));
    books_memory_handle(memory, entry->message, 'c', address_of(event->orig_client));
}

static bool
enter_begun(struct entry *entry)
{
    const struct maillog_event *event = entry->event;

    if (!books_find(entry, true))
        return false;
    /* A short id that comes back; or that another host gave as well. */
    if (entry->message->client != NULL || entry->message->accepted != 0) {
        if (span_is(entry->line->host, entry->message->host))
            books_lose(entry);
        books_begin_message(entry);
    }
    keep_client(entry);
    books_keep(&entry->message->login, event->login);
    books_touch(entry);
    if (!link_to_earlier(entry))
        return false;
    if (span_is(entry->line->daemon, "smtpd")) {
        books_session_begin(
            entry->writer->session, entry->message->id, entry->line->pid, entry->time_ms);
        books_action_decided(entry, false);
    }
    return true;
}

/* Of a second message of one smtpd nothing is decided yet. */
static bool
enter_session(struct entry *entry)
{
    books_session_clear(entry->writer->session, entry->line->pid);
    return true;
}

static bool
enter_message_id(struct entry *entry)
{
    struct books_message *message;

    if (!books_find_or_discarded(entry, true))
        return false;
    /* A short id that comes back: the queue manager has had the earlier one. */
    if (entry->message->message_id != NULL && entry->message->size != 0) {
        if (span_is(entry->line->host, entry->message->host))
            books_lose(entry);
        books_begin_message(entry);
    }
    message = entry->message;
    /* A message may have the field twice: the first one counts, both find it. */
    if (message->message_id == NULL)
        books_keep(&message->message_id, entry->event->message_id);
    books_memory_handle(entry->writer->memory, message, 'm', entry->event->message_id);
    books_touch(entry);
    if (!books_is_discarded(entry))
        books_action_decided(entry, true);
    return true;
}

/* What it is by its sender: a probe or a postmaster notice; a notice, where it has none
 * and came from nobody. */
static enum books_kind
kind_by_sender(const struct books_message *message, struct span sender)
{
    if (message->kind != KIND_MAIL)
        return message->kind;
    /* From outside it is another site's own, and mail as any other. */
    if (span_starts(sender, SPAN("double-bounce@")) && message->client == NULL)
        return KIND_PROBE;
    return sender.length == 0 && message->client == NULL && message->message_id != NULL
               ? KIND_NOTICE
               : KIND_MAIL;
}

static bool
enter_active(struct entry *entry)
{
    const struct maillog_event *event = entry->event;
    struct books_message *message;

    if (!books_find(entry, true))
        return false;
    message = entry->message;
    /* Later activations repeat what the first one said. */
    if (message->size == 0) {
        message->nrcpt = event->nrcpt;
        message->size = event->size;
        books_keep(&message->sender, event->from);
        books_memory_handle(entry->writer->memory, message, 'f', event->from);
        message->kind = kind_by_sender(message, event->from);
    }
    message->state = STATE_ACTIVE;
    books_accept(entry);
    return true;
}

static bool
enter_removed(struct entry *entry)
{
    const struct maillog_event *event = entry->event;

    if (!books_find_or_discarded(entry, false))
        return false;
    if (entry->message == NULL || books_is_discarded(entry))
        return true;
    if (event->removal == MAILLOG_REMOVED_DISCARDED) {
        books_discard(entry, SPAN(""));
        return true;
    }
    if (entry->message->accepted != 0) {
        if (event->removal == MAILLOG_REMOVED_DELETED)
            books_end_rest(entry, END_DELETED);
        else if (event->removal == MAILLOG_REMOVED_DONE &&
                 entry->message->kind == KIND_MAIL)
            books_end_rest(entry, END_LOST);
    }
    books_end(entry, event->removal);
    return true;
}

static bool
enter_notice(struct entry *entry)
{
    const struct books_link link = {
        .queue_id = entry->event->other_id,
        .any_message_id = true,
        .is_notice = true,
        .at_ms = entry->time_ms,
        .within_ms = JOIN_WITHIN_MS,
    };
    bool found;

    if (!books_find(entry, false))
        return false;
    if (entry->message == NULL)
        return true;
    if (!books_story_join(
            entry->writer->memory, entry->message, &link, &found, entry->error))
        return false;
    if (!found)
        books_session_expect(entry->writer->session, link.queue_id, entry->message->story,
            true, entry->time_ms);
    return true;
}

static bool
enter_order(struct entry *entry)
{
    if (!books_find(entry, false))
        return false;
    if (entry->message == NULL)
        return true;
    if (entry->event->kind == MAILLOG_GIVEN_UP)
        books_end_rest(entry, END_EXPIRED);
    else if (entry->event->kind == MAILLOG_HELD)
        books_hold(entry, SPAN(""));
    else if (entry->event->kind == MAILLOG_RELEASED &&
             entry->message->state == STATE_HELD)
        entry->message->state = STATE_ACTIVE;
    books_touch(entry);
    return true;
}

static bool
enter_verdict(struct entry *entry)
{
    /* Ours don't say which instance it was. */
    const struct books_id id = {entry->event->queue_id, SPAN(""), entry->line->host};
    struct books_message *message;
    struct buffer text;
    bool failed;

    if (entry->event->queue_id.length == 0)
        return true;
    message = books_memory_find(entry->writer->memory, &id, &failed, entry->error);
    if (message == NULL)
        return !failed;
    entry->message = message;
    buffer_init(&text, BOOKS_TEXT_MAX);
    buffer_append_text(&text, books_text(message->verdicts));
    buffer_printf(&text, "%s%.*s: %.*s", text.length > 0 ? "\n" : "",
        (int)entry->line->daemon.length, entry->line->daemon.data,
        (int)entry->event->verdict.length, entry->event->verdict.data);
    books_keep(&message->verdicts, buffer_span(&text));
    buffer_clear(&text);
    books_touch(entry);
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
        [MAILLOG_ATTEMPT] = books_attempt_enter,
        [MAILLOG_GIVEN_UP] = enter_order,
        [MAILLOG_REMOVED] = enter_removed,
        [MAILLOG_HELD] = enter_order,
        [MAILLOG_RELEASED] = enter_order,
        [MAILLOG_REQUEUED] = enter_order,
        [MAILLOG_EXPIRE_ORDER] = enter_order,
        [MAILLOG_ACTION] = books_action_enter,
        [MAILLOG_NOTICE] = enter_notice,
        [MAILLOG_TLS] = enter_tls,
        [MAILLOG_VERDICT] = enter_verdict,
        [MAILLOG_START] = enter_nothing,
        [MAILLOG_SESSION] = enter_session,
    };
    struct entry entry = {writer, line, event, time_ms, NULL, error};

    if (writer->generation != books_generation(writer->books) &&
        !books_forget_since_commit(writer, error))
        return false;
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
    writer->generation = books_generation(writer->books);
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
    writer->generation = books_generation(books);
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
