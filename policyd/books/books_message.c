#include "policyd/books/books_message.h"

#include <stdlib.h>

#include "shared/base/allocate.h"

enum { PLACES_MAX = 1000 }; /* of those, all that a hold may have named */

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

void
books_message_free(struct books_message *message)
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

struct books_recipient *
books_message_add(struct books_message *message)
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

static bool
is_named(const struct books_recipient *recipient, struct span address, struct span orig)
{
    return span_is(address, recipient->address) && span_is(orig, recipient->orig);
}

/* What a hold said of it before the queue manager counted. */
static struct books_recipient *
find_place(struct books_message *message, struct span orig)
{
    struct books_recipient *place = NULL;

    for (size_t i = 0; i < message->recipient_count && i < PLACES_MAX; i++) {
        struct books_recipient *recipient = &message->recipients[i];

        if (recipient->attempts > 0 || recipient->end != END_WAITING)
            continue;
        if (place == NULL || span_is(orig, recipient->address))
            place = recipient;
    }
    return place;
}

struct books_recipient *
books_message_recipient(
    struct books_message *message, struct span address, struct span orig)
{
    struct books_recipient *recipient;

    /* Each time in about the same order: the next one is mostly the one wanted. */
    for (size_t i = 0; i < message->recipient_count; i++) {
        size_t at = (message->recipient_last + 1 + i) % message->recipient_count;

        if (is_named(&message->recipients[at], address, orig)) {
            message->recipient_last = at;
            return &message->recipients[at];
        }
    }
    recipient = find_place(message, orig);
    if (recipient == NULL && message->recipient_count >= BOOKS_RECIPIENTS_MAX)
        return NULL;
    if (recipient == NULL)
        recipient = books_message_add(message);
    message->recipient_last = (size_t)(recipient - message->recipients);
    books_keep(&recipient->address, address);
    books_keep(&recipient->orig, orig);
    recipient->is_changed = true;
    return recipient;
}
