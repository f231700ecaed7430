#include "milters/common/milter_session.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "milters/common/milter_handling.h"
#include "milters/protocol/milter_macros.h"
#include "milters/protocol/milter_reply.h"
#include "shared/service/log.h"

enum {
    READ_AT_ONCE = 16 * 1024, /* a small message whole */
    KEEP_MAX = 32 * 1024,     /* memory kept between messages */
    OUT_MAX = 64 << 20,       /* as many deletions as there are fields */
    SILENCE_S = 7210,
    DEAF_S = 300,
};

struct milter_session {
    int fd;
    void *service;
    struct milter_handling handling; /* without data: not negotiated */
    struct milter_macros macros;
    struct buffer in;
    size_t at; /* octets of `in` that are done with */
    struct buffer out;
    bool over;
};

/* Hangs up; `what` is the end of a sentence, NULL where there is nothing to say. */
static void
hang_up(struct milter_session *session, const char *what)
{
    session->over = true;
    if (what != NULL)
        log_say(LOG_LEVEL_WARNING, "milter: hung up on an MTA that %s", what);
}

static void
flush(struct milter_session *session)
{
    struct span rest = buffer_span(&session->out);

    while (rest.length > 0 && !session->over) {
        ssize_t sent = send(session->fd, rest.data, rest.length, MSG_NOSIGNAL);

        if (sent > 0)
            rest = span_from(rest, (size_t)sent);
        else if (errno != EINTR)
            hang_up(session, errno == EAGAIN ? "takes no answer" : NULL);
    }
    buffer_reset(&session->out);
}

static void
shrink(struct buffer *buffer)
{
    if (buffer->length == 0 && buffer->capacity > KEEP_MAX)
        buffer_clear(buffer);
}

/* Waits for more, so that a packet of `wanted` octets has room. */
static void
fill(struct milter_session *session, size_t wanted)
{
    struct buffer *in = &session->in;
    ssize_t got;

    buffer_consume(in, session->at);
    session->at = 0;
    if (session->handling.phase == MILTER_PHASE_NONE)
        shrink(in);
    if (!buffer_reserve(in,
            wanted > in->length + READ_AT_ONCE ? wanted - in->length : READ_AT_ONCE)) {
        hang_up(session, "sends too much at once");
        return;
    }
    do {
        got = recv(session->fd, in->data + in->length, in->capacity - in->length, 0);
    } while (got < 0 && errno == EINTR);
    if (got > 0)
        in->length += (size_t)got;
    else
        hang_up(session, NULL);
}

static void
end_message(struct milter_session *session)
{
    if (milter_handling_reset(&session->handling))
        milter_macros_forget(&session->macros, MILTER_STAGE_MAIL);
}

/* An answer where one is due: `no_reply` is the step's flag. */
static void
go_on(struct milter_session *session, uint32_t no_reply)
{
    if (!milter_handling_is(&session->handling, no_reply))
        milter_wire_write_answer(&session->out, MILTER_CONTINUE);
}

static void
on_negotiate(struct milter_session *session, struct span data)
{
    struct milter_handling *handling = &session->handling;
    const struct milter_handler *handler = handling->handler;
    struct milter_offer offer;

    if (!milter_wire_offer(data, &offer) || offer.version < MILTER_VERSION_LEAST) {
        hang_up(session, "speaks another version of the protocol");
        return;
    }
    if ((handler->actions & ~offer.actions) != 0) {
        log_say(LOG_LEVEL_ERROR,
            "the MTA doesn't let a milter do what this one needs (0x%x of 0x%x)",
            offer.actions, handler->actions);
        hang_up(session, NULL);
        return;
    }
    /* One who negotiates anew begins anew. */
    end_message(session);
    milter_macros_forget(&session->macros, MILTER_STAGE_CONNECT);
    handling->client = (struct milter_client){.local = false};
    handling->steps = handler->steps & offer.steps;
    if (handling->data == NULL)
        handling->data = handler->open(session->service, session);
    offer.version = offer.version < MILTER_VERSION ? offer.version : MILTER_VERSION;
    offer.actions = handler->actions;
    offer.steps = handling->steps;
    milter_wire_write_offer(&session->out, &offer);
}

/* Those of the next message end this one, and all that was said of it. */
static void
on_macros(struct milter_session *session, struct span data)
{
    if (data.length > 0 && milter_macros_stage(data.data[0]) <= MILTER_STAGE_MAIL)
        end_message(session);
    if (!milter_macros_take(&session->macros, data))
        hang_up(session, "sends macros we can't read");
}

static void
on_connect(struct milter_session *session, struct span data)
{
    struct milter_connect connect;

    if (!milter_wire_connect(data, &connect)) {
        hang_up(session, "names a client we can't read");
        return;
    }
    milter_client_connect(&session->handling.client, &connect);
    go_on(session, MILTER_NR_CONNECT);
}

static void
on_helo(struct milter_session *session, struct span data)
{
    struct span name;

    if (!milter_wire_text(&data, &name) || data.length > 0) {
        hang_up(session, "sends a HELO we can't read");
        return;
    }
    milter_client_helo(&session->handling.client, name);
    go_on(session, MILTER_NR_HELO);
}

static void
on_mail(struct milter_session *session, struct span data)
{
    struct span sender;

    if (!milter_wire_text(&data, &sender)) {
        hang_up(session, "sends a sender we can't read");
        return;
    }
    milter_handling_mail(&session->handling, sender);
    go_on(session, MILTER_NR_MAIL);
}

static void
on_field(struct milter_session *session, struct span data)
{
    struct span name;
    struct span value;

    if (!milter_wire_text(&data, &name) || !milter_wire_text(&data, &value) ||
        data.length > 0 || !milter_handling_field(&session->handling, name, value)) {
        hang_up(session, "sends a header field we can't read, or out of turn");
        return;
    }
    go_on(session, MILTER_NR_FIELD);
}

static void
on_end_of_fields(struct milter_session *session)
{
    if (!milter_handling_end_of_fields(&session->handling)) {
        hang_up(session, "ends a header out of turn");
        return;
    }
    go_on(session, MILTER_NR_END_FIELDS);
}

static void
on_body(struct milter_session *session, struct span chunk)
{
    if (session->handling.phase == MILTER_PHASE_NONE)
        hang_up(session, "sends a body out of turn");
    else if (milter_handling_body(&session->handling, chunk))
        milter_wire_write_answer(&session->out, MILTER_SKIP_BODY);
    else
        go_on(session, MILTER_NR_BODY);
}

/* What came before is answered first: the handler may take its time. */
static void
on_end_of_message(struct milter_session *session, struct span chunk)
{
    if (session->handling.phase == MILTER_PHASE_NONE) {
        hang_up(session, "ends a message out of turn");
        return;
    }
    (void)milter_handling_body(&session->handling, chunk);
    flush(session);
    if (session->over)
        return;
    milter_handling_end_of_message(&session->handling);
    /* It is in hand until the MTA has the answer: a process that is told to stop waits
     * for it. */
    flush(session);
    end_message(session);
    shrink(&session->out);
}

/* What comes after a step has not been said of it. */
static void
forget_macros(struct milter_session *session, char command)
{
    enum milter_stage stage = milter_macros_stage(command);

    if (stage < MILTER_STAGES)
        milter_macros_forget(&session->macros, stage + 1);
}

static void
on_packet(struct milter_session *session, const struct milter_packet *packet)
{
    forget_macros(session, packet->command);
    switch (packet->command) {
    case MILTER_MACROS:
        on_macros(session, packet->data);
        break;
    case MILTER_CONNECT:
        end_message(session);
        on_connect(session, packet->data);
        break;
    case MILTER_HELO:
        end_message(session);
        on_helo(session, packet->data);
        break;
    case MILTER_MAIL:
        end_message(session);
        on_mail(session, packet->data);
        break;
    case MILTER_RCPT:
        milter_handling_recipient(&session->handling);
        go_on(session, MILTER_NR_RCPT);
        break;
    case MILTER_DATA:
        go_on(session, MILTER_NR_DATA);
        break;
    case MILTER_UNKNOWN:
        go_on(session, MILTER_NR_UNKNOWN);
        break;
    case MILTER_FIELD:
        on_field(session, packet->data);
        break;
    case MILTER_END_FIELDS:
        on_end_of_fields(session);
        break;
    case MILTER_BODY:
        on_body(session, packet->data);
        break;
    case MILTER_END:
        on_end_of_message(session, packet->data);
        break;
    case MILTER_ABORT:
        end_message(session);
        /* Also what was said of a message whose MAIL never came. */
        milter_macros_forget(&session->macros, MILTER_STAGE_MAIL);
        break;
    case MILTER_QUIT_NEW:
        end_message(session);
        milter_macros_forget(&session->macros, MILTER_STAGE_CONNECT);
        session->handling.client = (struct milter_client){.local = false};
        break;
    default:
        hang_up(session, "sends a command we don't know");
    }
}

static void
step(struct milter_session *session)
{
    struct span rest = span_from(buffer_span(&session->in), session->at);
    struct milter_packet packet;
    size_t used;

    switch (milter_wire_parse(rest, &packet, &used)) {
    case WIRE_MORE:
        flush(session);
        if (!session->over)
            fill(session, used);
        break;
    case WIRE_BAD:
        hang_up(session, "does not speak the milter protocol");
        break;
    case WIRE_DONE:
        session->at += used;
        if (packet.command == MILTER_QUIT)
            hang_up(session, NULL);
        else if (packet.command == MILTER_NEGOTIATE)
            on_negotiate(session, packet.data);
        else if (session->handling.data == NULL)
            hang_up(session, "does not negotiate");
        else
            on_packet(session, &packet);
        break;
    }
}

static void
set_patience(int fd)
{
    const struct timeval silence = {.tv_sec = SILENCE_S};
    const struct timeval deaf = {.tv_sec = DEAF_S};
    const int yes = 1;

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deaf, sizeof(deaf));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
}

void
milter_session_run(int fd, const struct milter_handler *handler, void *service,
    struct milter_counts *counts)
{
    struct milter_session session = {
        .fd = fd,
        .service = service,
        .handling = {.handler = handler, .counts = counts},
    };

    set_patience(fd);
    buffer_init(&session.in, MILTER_PACKET_MAX + 2 * READ_AT_ONCE);
    buffer_init(&session.out, OUT_MAX);
    milter_macros_init(&session.macros);
    while (!session.over)
        step(&session);
    milter_handling_close(&session.handling);
    milter_macros_clear(&session.macros);
    buffer_clear(&session.out);
    buffer_clear(&session.in);
}

const struct milter_client *
milter_session_client(const struct milter_session *session)
{
    return &session->handling.client;
}

const char *
milter_session_macro(const struct milter_session *session, const char *name)
{
    return milter_macros_find(&session->macros, name);
}

bool
milter_session_leading_space(const struct milter_session *session)
{
    return milter_handling_is(&session->handling, MILTER_LEADING_SPACE);
}

enum verdict_action
milter_session_reply(struct milter_session *session, const struct verdict *verdict)
{
    enum verdict_action told =
        milter_reply_write(&session->out, verdict, milter_session_leading_space(session));

    if (told != verdict->action)
        log_say(
            LOG_LEVEL_ERROR, "the changes of a message are too many to tell: it waits");
    return told;
}
