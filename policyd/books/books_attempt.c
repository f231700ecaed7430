#include "policyd/books/books_attempt.h"

#include "policyd/books/books_rows.h"
#include "policyd/books/books_story.h"
#include "policyd/wire/undo_address.h"
#include "shared/base/attributes.h"

enum {
    JOIN_WITHIN_MS = 60000,
    OLDER_MS = 60000, /* between a message's coming and its first line; more is another */
};

static struct span
domain_in(struct span address)
{
    size_t at = span_find_last(address, '@');

    return at == SPAN_NONE ? SPAN("") : span_from(address, at + 1);
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
            attempt->backend = books_session_find_host(
                entry->writer->session, event->text, entry->time_ms);
    } else if (old_is_site && attempt->domain.length > 0) {
        attempt->backend = BACKEND_OLD;
    }
}

/* Told again of one who had his end: a second copy, or a word too much. */
static bool
is_second_copy(const struct books_recipient *recipient, const struct entry *entry)
{
    return recipient->end == END_DELIVERED && entry->event->status != MAILLOG_BOUNCED &&
           !span_is(entry->line->daemon, "local");
}

static void
note_first(struct entry *entry, struct books_recipient *recipient,
    const struct books_attempt *attempt)
{
    const struct maillog_event *event = entry->event;
    struct books_memory *memory = entry->writer->memory;

    recipient->first_at = entry->time_ms;
    recipient->first_outcome = attempt->outcome;
    recipient->first_class = attempt->class;
    recipient->first_backend = attempt->backend;
    recipient->first_delay_ms = attempt->delay_ms;
    books_memory_handle(memory, entry->message, 't', event->to);
    books_memory_handle(memory, entry->message, 'd',
        attempt->domain.length > 0 ? attempt->domain : domain_in(event->to));
    books_memory_handle(memory, entry->message, 't', event->orig_to);
}

static void
note_attempt(struct entry *entry, struct books_recipient *recipient,
    const struct books_attempt *attempt, struct span tls)
{
    const struct maillog_event *event = entry->event;

    recipient->is_changed = true;
    recipient->is_maybe =
        recipient->is_maybe || event->maybe_double || is_second_copy(recipient, entry);
    if (recipient->attempts++ == 0)
        note_first(entry, recipient, attempt);
    /* What has arrived stays so, whatever else is tried. */
    if (recipient->end == END_DELIVERED && event->status != MAILLOG_SENT)
        return;
    recipient->end = end_of_attempt(entry->line, event);
    recipient->at = entry->time_ms;
    recipient->outcome = attempt->outcome;
    recipient->class = attempt->class;
    recipient->backend = attempt->backend;
    recipient->delay_ms = event->delay_ms;
    books_keep(&recipient->domain, attempt->domain);
    books_keep(&recipient->service,
        entry->line->service.length > 0 ? entry->line->service : entry->line->daemon);
    books_keep(&recipient->relay, event->relay);
    books_keep(&recipient->reply, span_first(event->text, BOOKS_TEXT_MAX));
    if (tls.length > 0)
        books_keep(&recipient->tls, tls);
}

/* Joins what follows under another id: what a local smtpd of ours called a second pass
 * has the same Message-ID. */
static bool
follow(struct entry *entry)
{
    const struct books_link link = {
        .queue_id = entry->event->other_id,
        .message_id = span_of(books_text(entry->message->message_id)),
        .any_message_id = entry->event->is_forwarded,
        .at_ms = entry->time_ms,
        .within_ms = JOIN_WITHIN_MS,
    };
    bool found = false;

    if (link.queue_id.length == 0)
        return true;
    if (!books_story_join(
            entry->writer->memory, entry->message, &link, &found, entry->error))
        return false;
    if (!found && entry->event->is_forwarded)
        books_session_expect(entry->writer->session, link.queue_id, entry->message->story,
            false, entry->time_ms);
    return true;
}

/*
 * A message that came before the first line of it that we have: others of its recipients
 * may have had their end before, so how many are to come is not known.
 */
static void
look_whether_older(struct entry *entry)
{
    const struct books_message *message = entry->message;

    if (message->client == NULL && message->message_id == NULL &&
        entry->time_ms - (int64_t)entry->event->delay_ms < message->begun - OLDER_MS)
        entry->message->nrcpt = 0;
}

static void
judge(struct entry *entry, const struct books_recipient *recipient,
    struct books_attempt *attempt, char domain[256])
{
    const struct maillog_event *event = entry->event;
    struct maillog_reply reply;

    maillog_reply_parse(event->text, &reply);
    attempt->recipient = event->to;
    attempt->outcome = outcome_of(event->status, &reply);
    attempt->class =
        attempt->outcome == OUTCOME_OK ? REPLY_OTHER : reply_class_of(&reply);
    attempt->delay_ms = event->delays_ms[2] + event->delays_ms[3];
    attempt->is_first = recipient->attempts == 0;
    attempt->is_accepted = event->status == MAILLOG_SENT && !event->is_forwarded;
    attempt->is_maybe = event->maybe_double;
    attempt->phase = reply.phase;
    attempt->code = reply.said == SAID_REPLY ? reply.code : 0;
    attempt->reply = event->text;
    attempt->queue_id = event->queue_id;
    find_backend(entry, recipient, attempt, domain);
}

/* It is one of those that the queue manager counted, so it has a row; which stays as it
 * is, whatever becomes of the copy. */
static void
enter_copy(struct entry *entry)
{
    struct books_recipient *recipient =
        books_message_recipient(entry->message, entry->event->to, entry->event->orig_to);

    if (recipient == NULL)
        return;
    recipient->end = END_COPY;
    recipient->at = entry->time_ms;
    recipient->attempts = 1;
    recipient->outcome = entry->event->status == MAILLOG_SENT ? OUTCOME_OK : OUTCOME_FAIL;
    recipient->is_changed = true;
}

bool
books_attempt_is_refusal(const struct books_attempt *attempt)
{
    return attempt->backend == BACKEND_NEW && attempt->phase == PHASE_RCPT &&
           attempt->code >= 500;
}

bool
books_attempt_enter(struct entry *entry)
{
    const struct maillog_event *event = entry->event;
    const struct books_rules *rules = entry->writer->rules;
    struct books_attempt attempt = {.time_ms = entry->time_ms};
    struct books_recipient *recipient;
    char domain[256];

    if (!books_find(entry, true))
        return false;
    books_touch(entry);
    look_whether_older(entry);
    if (span_is_nocase(event->to, UNDO_ADDRESS)) {
        enter_copy(entry);
        return true;
    }
    if (event->status == MAILLOG_DELIVERABLE || event->status == MAILLOG_UNDELIVERABLE)
        entry->message->kind = KIND_PROBE;
    recipient = books_message_recipient(entry->message, event->to, event->orig_to);
    if (recipient == NULL)
        return true;
    judge(entry, recipient, &attempt, domain);
    note_attempt(entry, recipient, &attempt,
        books_session_tls(entry->writer->session, entry->line->pid, event->relay,
            event->queue_id, entry->time_ms));
    if (entry->message->kind == KIND_MAIL && rules->attempted != NULL)
        rules->attempted(rules->argument, &attempt);
    if (recipient->end == END_WAITING && recipient->attempts <= BOOKS_ATTEMPTS_MAX &&
        !books_rows_attempt(
            entry->writer->books, entry->message, recipient, entry->error))
        return false;
    return follow(entry);
}
