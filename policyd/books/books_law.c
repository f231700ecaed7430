#include "policyd/books/books_law.h"

#include <stdio.h>

enum { DISCARDED_MS = 3600 * 1000 }; /* between a discard and the end of the content */

const char *
books_text(const char *text)
{
    return text != NULL ? text : "";
}

void
books_touch(struct entry *entry)
{
    entry->message->is_changed = true;
    entry->message->seen = entry->time_ms;
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

static struct books_id
id_of(const struct entry *entry)
{
    return (struct books_id){
        entry->event->queue_id, entry->line->instance, entry->line->host};
}

void
books_begin_message(struct entry *entry)
{
    const struct books_id id = id_of(entry);

    entry->message = books_memory_add(entry->writer->memory, &id, entry->time_ms);
    claim(entry);
}

bool
books_find(struct entry *entry, bool may_begin)
{
    const struct books_id id = id_of(entry);
    bool failed;

    entry->message = books_memory_find(entry->writer->memory, &id, &failed, entry->error);
    if (failed)
        return false;
    if (entry->message == NULL && may_begin)
        books_begin_message(entry);
    return true;
}

bool
books_find_or_discarded(struct entry *entry, bool may_begin)
{
    const struct books_id id = id_of(entry);
    bool failed;

    if (!books_find(entry, false) || entry->message != NULL)
        return entry->message != NULL;
    entry->message = books_memory_find_discarded(
        entry->writer->memory, &id, entry->time_ms - DISCARDED_MS, &failed, entry->error);
    if (failed)
        return false;
    if (entry->message == NULL && may_begin)
        books_begin_message(entry);
    return true;
}

bool
books_is_discarded(const struct entry *entry)
{
    return entry->message->ended != 0 &&
           entry->message->removal == MAILLOG_REMOVED_DISCARDED;
}

void
books_accept(struct entry *entry)
{
    struct books_message *message = entry->message;

    if (message->accepted == 0)
        message->accepted = entry->time_ms;
    if (message->state == STATE_BEGUN)
        message->state = STATE_ACTIVE;
    books_touch(entry);
}

/* Recipients of whom nothing was heard stand there without a name. */
static void
name_the_rest(struct books_message *message)
{
    char orig[32];

    while (message->recipient_count < message->nrcpt &&
           message->recipient_count < BOOKS_RECIPIENTS_MAX) {
        struct books_recipient *recipient = books_message_add(message);

        (void)snprintf(orig, sizeof(orig), "#%zu", message->recipient_count);
        books_keep(&recipient->address, SPAN(""));
        books_keep(&recipient->orig, span_of(orig));
        recipient->is_changed = true;
    }
}

/* All that still waits has this end. */
void
books_end_rest(struct entry *entry, enum books_end end)
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
    books_touch(entry);
}

void
books_end(struct entry *entry, enum maillog_removal removal)
{
    entry->message->state = STATE_ENDED;
    entry->message->removal = removal;
    entry->message->ended = entry->time_ms;
    books_touch(entry);
}

/* Accepted by a word of Postfix's own, before the queue manager has seen it: how many
 * recipients it has is not said, one at least. */
static void
accept_unseen(struct entry *entry, struct span recipient)
{
    struct books_message *message = entry->message;

    books_accept(entry);
    if (recipient.length > 0) {
        (void)books_message_recipient(message, recipient, SPAN(""));
        books_memory_handle(entry->writer->memory, message, 't', recipient);
    }
    if (message->nrcpt < message->recipient_count || message->nrcpt == 0)
        message->nrcpt = message->recipient_count > 0 ? message->recipient_count : 1;
}

void
books_hold(struct entry *entry, struct span recipient)
{
    accept_unseen(entry, recipient);
    entry->message->state = STATE_HELD;
}

void
books_discard(struct entry *entry, struct span recipient)
{
    accept_unseen(entry, recipient);
    books_end_rest(entry, END_DISCARDED);
    books_end(entry, MAILLOG_REMOVED_DISCARDED);
}

void
books_lose(struct entry *entry)
{
    if (entry->message->accepted != 0 && entry->message->kind == KIND_MAIL)
        books_end_rest(entry, END_LOST);
    books_end(entry, MAILLOG_REMOVED_DONE);
}
