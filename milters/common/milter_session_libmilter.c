/*
 * A connection of an MTA through libmilter: its callbacks to our handler's, a verdict to
 * its calls.  See milter_session_libmilter.h.
 */
#include "milters/common/milter_session_libmilter.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "milters/protocol/milter_reply.h"
#include "shared/base/allocate.h"
#include "shared/service/log.h"
#include "shared/service/metrics.h"

enum {
    NAME_MAX_OCTETS = 64, /* of a macro */
};

struct milter_session {
    SMFICTX *context;
    void *data;
    uint32_t steps;
    bool has_message;
    bool has_ended_fields;
    bool is_skipped; /* no more of the body is of use */
    struct milter_client client;
    sfsistat answer; /* to the end of the message */
};

/* libmilter has no place for what its callbacks share. */
static const struct milter_run *serving;
static struct milter_counts *counts;
static atomic_uint last_steps; /* granted */

/* `no_reply` is the step's flag. */
static sfsistat
go_on(const struct milter_session *session, uint32_t no_reply)
{
    return (session->steps & no_reply) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static void
end_message(struct milter_session *session)
{
    if (!session->has_message)
        return;
    session->has_message = false;
    serving->handler->reset(session->data);
    atomic_fetch_sub(&counts->messages, 1);
}

/* New where there is none: also for another client on a connection that has negotiated,
 * whose steps libmilter does not tell again. */
static struct milter_session *
session_of(SMFICTX *context)
{
    struct milter_session *session = smfi_getpriv(context);

    if (session != NULL)
        return session;
    session = allocate(sizeof(*session));
    session->context = context;
    session->steps = atomic_load(&last_steps);
    session->data = serving->handler->open(serving->service, session);
    atomic_fetch_add(&counts->sessions, 1);
    if (serving->gauge != NULL)
        metrics_add(serving->gauge, 1);
    (void)smfi_setpriv(context, session);
    return session;
}

static sfsistat
on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps,
    unsigned long unused, unsigned long unused_too, unsigned long *wanted,
    unsigned long *granted, unsigned long *none, unsigned long *none_too)
{
    struct milter_session *session = session_of(context);

    (void)actions; /* libmilter refuses an MTA that does not offer all */
    (void)unused;
    (void)unused_too;
    session->steps = serving->handler->steps & (uint32_t)steps;
    atomic_store(&last_steps, session->steps);
    *wanted = serving->handler->actions;
    *granted = session->steps;
    *none = 0;
    *none_too = 0;
    return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *context, char *name, _SOCK_ADDR *address)
{
    struct milter_session *session = session_of(context);
    char text[INET6_ADDRSTRLEN] = "";
    struct milter_connect connect = {
        span_of(name), MILTER_FAMILY_UNKNOWN, {text, 0}
    };
    int family = address == NULL ? AF_UNSPEC : address->sa_family;

    if (family == AF_UNIX)
        connect.family = MILTER_FAMILY_LOCAL;
    else if (family != AF_UNSPEC)
        connect.family = family == AF_INET6 ? MILTER_FAMILY_IP6 : MILTER_FAMILY_IP4;
    if (family == AF_INET || family == AF_INET6)
        (void)getnameinfo(address,
            family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6),
            text, sizeof(text), NULL, 0, NI_NUMERICHOST);
    connect.address = span_of(text);
    end_message(session);
    milter_client_connect(&session->client, &connect);
    return go_on(session, MILTER_NR_CONNECT);
}

static sfsistat
on_helo(SMFICTX *context, char *name)
{
    struct milter_session *session = session_of(context);

    end_message(session);
    milter_client_helo(&session->client, span_of(name));
    return go_on(session, MILTER_NR_HELO);
}

static sfsistat
on_mail(SMFICTX *context, char **arguments)
{
    struct milter_session *session = session_of(context);

    end_message(session);
    atomic_fetch_add(&counts->messages, 1);
    session->has_message = true;
    session->has_ended_fields = false;
    session->is_skipped = false;
    serving->handler->mail(session->data, span_of(arguments[0]));
    return go_on(session, MILTER_NR_MAIL);
}

static sfsistat
on_recipient(SMFICTX *context, char **arguments)
{
    struct milter_session *session = session_of(context);

    (void)arguments;
    if (serving->handler->recipient != NULL && session->has_message)
        serving->handler->recipient(session->data);
    return go_on(session, MILTER_NR_RCPT);
}

static sfsistat
on_field(SMFICTX *context, char *name, char *value)
{
    struct milter_session *session = session_of(context);

    if (session->has_message)
        serving->handler->field(session->data, span_of(name), span_of(value));
    return go_on(session, MILTER_NR_FIELD);
}

static void
end_fields(struct milter_session *session)
{
    if (session->has_ended_fields || !session->has_message)
        return;
    session->has_ended_fields = true;
    serving->handler->end_of_fields(session->data);
}

static sfsistat
on_end_of_fields(SMFICTX *context)
{
    struct milter_session *session = session_of(context);

    end_fields(session);
    return go_on(session, MILTER_NR_END_FIELDS);
}

static sfsistat
on_body(SMFICTX *context, unsigned char *octets, size_t length)
{
    struct milter_session *session = session_of(context);

    end_fields(session);
    if (session->has_message && !session->is_skipped && length > 0)
        session->is_skipped =
            !serving->handler->body(session->data, span_make(octets, length));
    if (session->is_skipped && (session->steps & MILTER_SKIP) != 0 &&
        (session->steps & MILTER_NR_BODY) == 0)
        return SMFIS_SKIP;
    return go_on(session, MILTER_NR_BODY);
}

static sfsistat
on_end_of_message(SMFICTX *context)
{
    struct milter_session *session = session_of(context);

    session->answer = SMFIS_TEMPFAIL;
    if (!session->has_message)
        return session->answer;
    end_fields(session);
    serving->handler->end_of_message(session->data);
    end_message(session);
    return session->answer;
}

static sfsistat
on_abort(SMFICTX *context)
{
    end_message(session_of(context));
    return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *context)
{
    struct milter_session *session = smfi_getpriv(context);

    if (session == NULL)
        return SMFIS_CONTINUE;
    end_message(session);
    serving->handler->close(session->data);
    (void)smfi_setpriv(context, NULL);
    free(session);
    atomic_fetch_sub(&counts->sessions, 1);
    if (serving->gauge != NULL)
        metrics_add(serving->gauge, -1);
    return SMFIS_CONTINUE;
}

const struct milter_client *
milter_session_client(const struct milter_session *session)
{
    return &session->client;
}

const char *
milter_session_macro(const struct milter_session *session, const char *name)
{
    char braced[NAME_MAX_OCTETS];

    (void)snprintf(braced, sizeof(braced), name[1] == '\0' ? "%s" : "{%s}", name);
    return smfi_getsymval(session->context, braced);
}

bool
milter_session_leading_space(const struct milter_session *session)
{
    return (session->steps & MILTER_LEADING_SPACE) != 0;
}

/* libmilter only reads texts, and has no const for them. */
static char *
text_of(const char *text)
{
    return (char *)(uintptr_t)text;
}

static bool
make_edit(void *argument, const struct verdict_edit *edit)
{
    struct milter_session *session = argument;
    struct buffer value;
    char *name = text_of(edit->name);
    int done = MI_FAILURE;

    if (edit->kind == VERDICT_DELETE)
        return smfi_chgheader(session->context, name, (int)edit->number, NULL) ==
               MI_SUCCESS;
    buffer_init(&value, MILTER_PACKET_MAX);
    buffer_append_text(&value, milter_session_leading_space(session) ? " " : "");
    buffer_append_text(&value, edit->value);
    if (buffer_ok(&value) && edit->kind == VERDICT_INSERT)
        done = smfi_insheader(session->context, 0, name, text_of(buffer_text(&value)));
    else if (buffer_ok(&value))
        done = smfi_addheader(session->context, name, text_of(buffer_text(&value)));
    buffer_clear(&value);
    return done == MI_SUCCESS;
}

static sfsistat
refuse(struct milter_session *session, const struct verdict *verdict)
{
    struct buffer text;

    buffer_init(&text, MILTER_PACKET_MAX);
    for (const char *octet = verdict->text; octet != NULL && *octet != '\0'; octet++) {
        buffer_append_octet(&text, *octet);
        if (*octet == '%')
            buffer_append_octet(&text, '%');
    }
    if (milter_reply_is_sayable(verdict))
        (void)smfi_setreply(session->context, text_of(verdict->code),
            text_of(verdict->enhanced), text_of(buffer_text(&text)));
    buffer_clear(&text);
    return verdict->action == VERDICT_TEMPFAIL ? SMFIS_TEMPFAIL : SMFIS_REJECT;
}

enum verdict_action
milter_session_reply(struct milter_session *session, const struct verdict *verdict)
{
    const char *reason = verdict->reason == NULL ? "held" : verdict->reason;
    bool delivers =
        verdict->action == VERDICT_ACCEPT || verdict->action == VERDICT_QUARANTINE;

    if (verdict->action == VERDICT_DISCARD) {
        session->answer = SMFIS_DISCARD;
    } else if (!delivers) {
        session->answer = refuse(session, verdict);
    } else if (milter_reply_each_edit(verdict, make_edit, session) &&
               (verdict->action == VERDICT_ACCEPT ||
                   smfi_quarantine(session->context, text_of(reason)) == MI_SUCCESS)) {
        session->answer = SMFIS_ACCEPT;
    } else {
        log_say(LOG_LEVEL_ERROR, "the changes of a message can't be told: it waits");
        session->answer = SMFIS_TEMPFAIL;
        return VERDICT_TEMPFAIL;
    }
    return verdict->action;
}

struct smfiDesc
milter_session_callbacks(const struct milter_run *run, struct milter_counts *own)
{
    serving = run;
    counts = own;
    return (struct smfiDesc){
        .xxfi_name = text_of("postshift"),
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = run->handler->actions,
        .xxfi_connect = on_connect,
        .xxfi_helo = on_helo,
        .xxfi_envfrom = on_mail,
        .xxfi_envrcpt = on_recipient,
        .xxfi_header = on_field,
        .xxfi_eoh = on_end_of_fields,
        .xxfi_body = on_body,
        .xxfi_eom = on_end_of_message,
        .xxfi_abort = on_abort,
        .xxfi_close = on_close,
        .xxfi_negotiate = on_negotiate,
    };
}
