#include "policyd/books/books_message.h"

#include <stdlib.h>

#include "policyd/books/books_base.h"
#include "shared/base/allocate.h"

enum {
    PLACES_MAX = 100, /* of those, all that a hold may have named */
    INDEX_FROM = 32,  /* recipients; fewer are looked through */
    INDEX_FIRST = 256,
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

void
books_message_free(struct books_message *message)
{
    for (size_t i = 0; i < message->recipient_count; i++)
        free_recipient(&message->recipients[i]);
    free(message->recipients);
    free(message->index);
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

/* --- many recipients --- */

static size_t
place_of(const struct books_message *message, const char *address)
{
    return (size_t)books_handle('t', span_of(address)) & (message->index_size - 1);
}

/* Those without a name are looked for by nobody. */
static void
index_one(struct books_message *message, size_t at)
{
    size_t place;

    if (message->recipients[at].address == NULL ||
        message->recipients[at].address[0] == '\0')
        return;
    place = place_of(message, message->recipients[at].address);
    while (message->index[place] != 0)
        place = (place + 1) & (message->index_size - 1);
    message->index[place] = (uint32_t)at + 1;
}

/* All that have come since.  Half of the places stay empty, also where one is in it by
 * two names. */
static void
index_all(struct books_message *message)
{
    if (4 * message->recipient_count >= message->index_size) {
        free(message->index);
        message->index_size =
            message->index_size == 0 ? INDEX_FIRST : message->index_size;
        while (4 * message->recipient_count >= message->index_size)
            message->index_size *= 2;
        message->index = allocate_array(message->index_size, sizeof(*message->index));
        message->index_count = 0;
    }
    while (message->index_count < message->recipient_count)
        index_one(message, message->index_count++);
}

static struct books_recipient *
find_in_index(struct books_message *message, struct span address, struct span orig)
{
    size_t place;

    index_all(message);
    place = (size_t)books_handle('t', address) & (message->index_size - 1);
    for (; message->index[place] != 0; place = (place + 1) & (message->index_size - 1)) {
        struct books_recipient *recipient =
            &message->recipients[message->index[place] - 1];

        if (is_named(recipient, address, orig))
            return recipient;
    }
    return NULL;
}

static struct books_recipient *
find_named(struct books_message *message, struct span address, struct span orig)
{
    if (message->recipient_count >= INDEX_FROM)
        return find_in_index(message, address, orig);
    for (size_t i = 0; i < message->recipient_count; i++) {
        if (is_named(&message->recipients[i], address, orig))
            return &message->recipients[i];
    }
    return NULL;
}

struct books_recipient *
books_message_recipient(
    struct books_message *message, struct span address, struct span orig)
{
    struct books_recipient *recipient = find_named(message, address, orig);
    bool is_place;

    if (recipient != NULL)
        return recipient;
    recipient = find_place(message, orig);
    is_place = recipient != NULL;
    if (!is_place && message->recipient_count >= BOOKS_RECIPIENTS_MAX)
        return NULL;
    if (!is_place)
        recipient = books_message_add(message);
    books_keep(&recipient->address, address);
    books_keep(&recipient->orig, orig);
    recipient->is_changed = true;
    /* Its new name; the old one leads to it and is not its any more. */
    if (is_place && (size_t)(recipient - message->recipients) < message->index_count)
        index_one(message, (size_t)(recipient - message->recipients));
    return recipient;
}
