#include "policyd/books/books_action.h"

/* NOQUEUE: the same smtpd's next id is meant. */
static void
decide_for_next(struct entry *entry)
{
    enum maillog_action action = entry->event->action;

    if (action == MAILLOG_ACTION_HOLD || action == MAILLOG_ACTION_DISCARD)
        books_session_decide(entry->writer->session, entry->line->pid, action,
            entry->event->to, entry->time_ms);
}

static void
do_action(struct entry *entry)
{
    const struct maillog_event *event = entry->event;

    /* At RCPT nothing is accepted yet: it is when the content comes. */
    if (event->action == MAILLOG_ACTION_DISCARD)
        books_discard(entry, event->to);
    else if (event->action == MAILLOG_ACTION_HOLD &&
             span_is(entry->line->daemon, "smtpd"))
        books_session_decide_for(entry->writer->session, entry->message->id,
            event->action, event->to, entry->time_ms);
    else if (event->action == MAILLOG_ACTION_HOLD)
        books_hold(entry, event->to);
}

bool
books_action_enter(struct entry *entry)
{
    const struct maillog_event *event = entry->event;

    if (event->queue_id.length == 0) {
        decide_for_next(entry);
        return true;
    }
    if (!books_find_or_discarded(entry, true))
        return false;
    books_touch(entry);
    if (event->action == MAILLOG_ACTION_OTHER ||
        (books_is_discarded(entry) && event->action != MAILLOG_ACTION_DISCARD))
        return true;
    books_keep(&entry->message->refused, span_first(event->text, BOOKS_TEXT_MAX));
    if (event->from.length > 0 && books_text(entry->message->sender)[0] == '\0') {
        books_keep(&entry->message->sender, event->from);
        books_memory_handle(entry->writer->memory, entry->message, 'f', event->from);
    }
    do_action(entry);
    return true;
}

void
books_action_decided(struct entry *entry, bool content_comes)
{
    char recipient[256];

    switch (books_session_decided(entry->writer->session, entry->message->id, recipient,
        sizeof(recipient), content_comes, entry->time_ms)) {
    case MAILLOG_ACTION_HOLD:
        books_hold(entry, span_of(recipient));
        break;
    case MAILLOG_ACTION_DISCARD:
        books_discard(entry, span_of(recipient));
        break;
    case MAILLOG_ACTION_OTHER:
    case MAILLOG_ACTION_REJECT:
    default:
        break;
    }
}
