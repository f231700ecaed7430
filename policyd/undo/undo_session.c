#include "policyd/undo/undo_session.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "policyd/copies/copies_lmtp.h"
#include "policyd/copies/copies_mail.h"
#include "policyd/wire/undo_address.h"
#include "shared/base/allocate.h"
#include "shared/service/log.h"
#include "shared/service/log_limit.h"

enum { RECIPIENTS_MAX = 100 };

/* What one client is about. */
struct session {
    TAILQ_ENTRY(session) entry; /* of those that wait for the disk */
    struct undo_handler *handler;
    struct server_client *client;
    bool is_pending;
    bool has_mail;
    bool has_content; /* between DATA and the final dot */
    unsigned recipients;
    char *sender;
    char ident[COPIES_IDENT_MAX + 1];
    struct copies_content content;
    struct buffer chunk;
    struct undo_copy *copy;
    bool is_refused;
    struct copies_mail mail;
    struct copies_entry message;
};

struct undo_handler {
    struct undo_store *store;
    struct event *sync;
    TAILQ_HEAD(, session) pending;
    struct log_limit refusals;
};

/* --- transactions --- */

static void
forget(struct session *session)
{
    undo_store_drop(session->handler->store, session->copy);
    free(session->sender);
    buffer_clear(&session->chunk);
    session->copy = NULL;
    session->sender = NULL;
    session->has_mail = false;
    session->has_content = false;
    session->recipients = 0;
    session->is_refused = false;
    session->content = (struct copies_content){0};
    session->mail = (struct copies_mail){.queue_id = ""};
    session->message = (struct copies_entry){0};
}

static void
refuse(struct session *session, const struct error *why)
{
    struct undo_handler *handler = session->handler;

    undo_store_drop(handler->store, session->copy);
    session->copy = NULL;
    session->is_refused = true;
    undo_store_refused(handler->store);
    if (log_limit_may(&handler->refusals))
        log_warning("copy refused", log_address("from", span_of(session->sender)),
            log_limit_field(&handler->refusals), log_note(why->text));
}

static void
begin_content(struct session *session)
{
    struct error error;

    buffer_init(&session->chunk, COPIES_CHUNK_MAX);
    session->has_content = true;
    session->copy = undo_store_begin(session->handler->store, &error);
    if (session->copy == NULL)
        refuse(session, &error);
}

/* The first chunk has the header, which is looked at once. */
static void
flush_chunk(struct session *session)
{
    struct span octets = buffer_span(&session->chunk);
    struct error error;

    if (session->message.size == 0)
        copies_mail_read(octets, &session->mail);
    session->message.size += octets.length;
    session->message.eight_bit = session->message.eight_bit || !span_is_ascii(octets);
    if (!session->is_refused && octets.length > 0 &&
        !undo_store_chunk(session->handler->store, session->copy, octets, &error))
        refuse(session, &error);
    buffer_reset(&session->chunk);
}

/* The answer comes when it is on the disk. */
static void
end_content(struct session *session)
{
    static const struct timeval at_once = {0, 0};
    struct undo_handler *handler = session->handler;
    struct error error;

    flush_chunk(session);
    session->message.queue_id = span_of(session->mail.queue_id);
    session->message.message_id = span_of(session->mail.message_id);
    session->message.ident = span_of(session->ident);
    session->message.sender = span_of(session->sender);
    if (!session->is_refused) {
        struct undo_copy *copy = session->copy;

        session->copy = NULL;
        if (!undo_store_end(handler->store, copy, &session->message, &error))
            refuse(session, &error);
    }
    session->client->waiting = session;
    session->is_pending = true;
    TAILQ_INSERT_TAIL(&handler->pending, session, entry);
    (void)event_add(handler->sync, &at_once);
}

static void
on_sync(int fd, short what, void *argument)
{
    struct undo_handler *handler = argument;
    struct error error = {.text = ""};
    bool is_safe = undo_store_sync(handler->store, &error);
    struct session *session;

    (void)fd;
    (void)what;
    while ((session = TAILQ_FIRST(&handler->pending)) != NULL) {
        struct server_client *client = session->client;
        struct evbuffer *output = server_client_output(client);

        TAILQ_REMOVE(&handler->pending, session, entry);
        session->is_pending = false;
        if (!is_safe && !session->is_refused)
            refuse(session, &error);
        for (unsigned i = 0; i < session->recipients; i++)
            (void)evbuffer_add_printf(output, "%s\r\n",
                session->is_refused ? "452 4.3.1 this copy for undo can't be kept"
                                    : "250 2.0.0 kept for undo");
        forget(session);
        server_client_go_on(client);
    }
}

/* --- commands --- */

static const char *
take_mail(struct session *session, const struct copies_command *command)
{
    if (session->has_mail)
        return "503 5.5.1 one sender at a time";
    if (command->path.length > COPIES_TEXT_MAX)
        return "501 5.1.7 the address is too long";
    session->has_mail = true;
    session->sender = allocate_text(command->path);
    session->message.utf8 = command->utf8;
    return "250 2.1.0 go on";
}

static const char *
take_rcpt(struct session *session, const struct copies_command *command)
{
    if (!session->has_mail)
        return "503 5.5.1 MAIL first";
    if (!span_is_nocase(command->path, UNDO_ADDRESS))
        return "550 5.1.1 only copies for undo are taken here";
    if (session->recipients == RECIPIENTS_MAX)
        return "452 4.5.3 too many recipients";
    session->recipients++;
    return "250 2.1.5 go on";
}

static const char *
answer(struct session *session, const struct copies_command *command)
{
    switch (command->verb) {
    case COPIES_LHLO:
        forget(session);
        return "250-postshift-undo\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
               "250-ENHANCEDSTATUSCODES\r\n250 XFORWARD IDENT";
    case COPIES_MAIL:
        return take_mail(session, command);
    case COPIES_RCPT:
        return take_rcpt(session, command);
    case COPIES_DATA:
        if (session->recipients == 0)
            return "503 5.5.1 RCPT first";
        begin_content(session);
        return "354 go on, a dot ends it";
    case COPIES_RSET:
        forget(session);
        return "250 2.0.0 forgotten";
    case COPIES_XFORWARD:
        memcpy(session->ident, command->ident, sizeof(session->ident));
        return "250 2.0.0 noted";
    case COPIES_NOOP:
        return "250 2.0.0 nothing done";
    case COPIES_QUIT:
        session->client->is_last = true;
        return "221 2.0.0 good bye";
    case COPIES_BAD_PATH:
        return "501 5.1.3 the address can't be read";
    case COPIES_UNKNOWN:
        break;
    }
    return "500 5.5.2 this is LMTP: LHLO MAIL RCPT DATA RSET NOOP QUIT XFORWARD";
}

static struct session *
session_of(struct undo_handler *handler, struct server_client *client)
{
    struct session *session = client->session;

    if (session != NULL)
        return session;
    session = allocate(sizeof(*session));
    session->handler = handler;
    session->client = client;
    client->session = session;
    return session;
}

static enum wire_result
serve(void *argument, struct server_client *client, struct span input, size_t *used,
    struct buffer *answers, struct error *error)
{
    struct session *session = session_of(argument, client);
    struct copies_command command;
    enum wire_result result;
    bool ended;

    if (session->has_content) {
        *used = copies_content_take(&session->content, input, &session->chunk, &ended);
        if (ended)
            end_content(session);
        else if (session->chunk.length + 2 > session->chunk.ceiling)
            flush_chunk(session);
        return WIRE_DONE;
    }
    result = copies_command_read(input, &command, used, error);
    if (result != WIRE_DONE)
        return result;
    buffer_append_text(answers, answer(session, &command));
    buffer_append_text(answers, "\r\n");
    return WIRE_DONE;
}

static void
give_up(void *waiting)
{
    struct session *session = waiting;

    if (session->is_pending)
        TAILQ_REMOVE(&session->handler->pending, session, entry);
    session->is_pending = false;
}

static void
closed(void *argument)
{
    struct session *session = argument;

    forget(session);
    free(session);
}

const struct server_protocol undo_protocol = {
    .name = "undo",
    .greeting = "220 postshift-undo LMTP\r\n",
    .request_ms = 30000,
    .idle_ms = 300000,
    .request_max = COPIES_LINE_MAX,
    .last_octet = '\n',
    .serve = serve,
    .give_up = give_up,
    .closed = closed,
};

struct undo_handler *
undo_handler_new(struct event_base *base, struct undo_store *store)
{
    struct undo_handler *handler = allocate(sizeof(*handler));

    handler->store = store;
    TAILQ_INIT(&handler->pending);
    handler->sync = allocated(event_new(base, -1, 0, on_sync, handler));
    return handler;
}

void
undo_handler_free(struct undo_handler *handler)
{
    if (handler == NULL)
        return;
    event_free(handler->sync);
    free(handler);
}
