/*
 * The other engine behind milter_run.h and milter_session.h: the reference library
 * (make MILTER=libmilter).
 *
 * libmilter has a listener and a pool of threads of its own, which the first thread
 * leaves alone: it hears the supervisor and signals, as with our reader.  To drain, it
 * puts a socket that nobody knows in the place of the listening one, since libmilter has
 * no other way to take nothing new.
 *
 * Limits, which are libmilter's: it hangs up where the MTA knows no address of the client
 * (family "U" with one); it has no ceiling for connections; what breaks the protocol it
 * passes over or tells in its own words; a draining process may still be given a
 * connection that came within 5 s before; sessions are counted once they have negotiated.
 */
#include "milters/common/milter_run.h"

#include <libmilter/mfapi.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "milters/common/milter_ending.h"
#include "milters/common/milter_handling.h"
#include "milters/common/milter_supervise.h"
#include "milters/protocol/milter_reply.h"
#include "shared/base/allocate.h"
#include "shared/service/log.h"
#include "shared/service/metrics.h"

enum {
    SILENCE_S = 7210,
    MACRO_NAME_MAX = 64,
};

struct milter_session {
    SMFICTX *context;
    struct milter_handling handling;
    sfsistat answer; /* to the end of the message */
};

const char milter_run_engine[] = "libmilter";

/* libmilter has no place for what its callbacks share. */
static const struct milter_run *serving;
static struct milter_counts *counts;
static atomic_uint last_steps; /* granted */

static void
count_session(int change)
{
    atomic_fetch_add(&counts->sessions, change);
    if (serving->gauge != NULL)
        metrics_add(serving->gauge, change);
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
    session->handling.handler = serving->handler;
    session->handling.counts = counts;
    session->handling.steps = atomic_load(&last_steps);
    session->handling.data = serving->handler->open(serving->service, session);
    count_session(1);
    (void)smfi_setpriv(context, session);
    return session;
}

static struct milter_handling *
handling_of(SMFICTX *context)
{
    return &session_of(context)->handling;
}

/* `no_reply` is the step's flag. */
static sfsistat
go_on(SMFICTX *context, uint32_t no_reply)
{
    return milter_handling_is(handling_of(context), no_reply) ? SMFIS_NOREPLY
                                                              : SMFIS_CONTINUE;
}

/* An MTA that does not offer all the actions is refused by libmilter. */
static sfsistat
on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps,
    unsigned long unused, unsigned long unused_too, unsigned long *wanted,
    unsigned long *granted, unsigned long *none, unsigned long *none_too)
{
    struct milter_handling *handling = handling_of(context);

    (void)actions;
    (void)unused;
    (void)unused_too;
    handling->steps = serving->handler->steps & (uint32_t)steps;
    atomic_store(&last_steps, handling->steps);
    *wanted = serving->handler->actions;
    *granted = handling->steps;
    *none = 0;
    *none_too = 0;
    return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *context, char *name, _SOCK_ADDR *address)
{
    int family = address == NULL ? AF_UNSPEC : address->sa_family;
    char text[INET6_ADDRSTRLEN] = "";
    struct milter_connect connect = {.name = span_of(name)};

    if (family == AF_UNIX)
        connect.family = MILTER_FAMILY_LOCAL;
    else if (family == AF_INET)
        connect.family = MILTER_FAMILY_IP4;
    else
        connect.family = family == AF_INET6 ? MILTER_FAMILY_IP6 : MILTER_FAMILY_UNKNOWN;
    if (family == AF_INET || family == AF_INET6)
        (void)getnameinfo(address,
            family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6),
            text, sizeof(text), NULL, 0, NI_NUMERICHOST);
    connect.address = span_of(text);
    milter_client_connect(&handling_of(context)->client, &connect);
    return go_on(context, MILTER_NR_CONNECT);
}

static sfsistat
on_helo(SMFICTX *context, char *name)
{
    milter_client_helo(&handling_of(context)->client, span_of(name));
    return go_on(context, MILTER_NR_HELO);
}

static sfsistat
on_mail(SMFICTX *context, char **arguments)
{
    (void)milter_handling_reset(handling_of(context));
    milter_handling_mail(handling_of(context), span_of(arguments[0]));
    return go_on(context, MILTER_NR_MAIL);
}

static sfsistat
on_recipient(SMFICTX *context, char **arguments)
{
    (void)arguments;
    milter_handling_recipient(handling_of(context));
    return go_on(context, MILTER_NR_RCPT);
}

static sfsistat
on_field(SMFICTX *context, char *name, char *value)
{
    (void)milter_handling_field(handling_of(context), span_of(name), span_of(value));
    return go_on(context, MILTER_NR_FIELD);
}

static sfsistat
on_end_of_fields(SMFICTX *context)
{
    (void)milter_handling_end_of_fields(handling_of(context));
    return go_on(context, MILTER_NR_END_FIELDS);
}

static sfsistat
on_body(SMFICTX *context, unsigned char *octets, size_t length)
{
    if (milter_handling_body(handling_of(context), span_make(octets, length)))
        return SMFIS_SKIP;
    return go_on(context, MILTER_NR_BODY);
}

static sfsistat
on_end_of_message(SMFICTX *context)
{
    struct milter_session *session = session_of(context);

    session->answer = SMFIS_TEMPFAIL;
    if (session->handling.phase != MILTER_PHASE_NONE)
        milter_handling_end_of_message(&session->handling);
    (void)milter_handling_reset(&session->handling);
    return session->answer;
}

static sfsistat
on_abort(SMFICTX *context)
{
    (void)milter_handling_reset(handling_of(context));
    return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *context)
{
    struct milter_session *session = smfi_getpriv(context);

    if (session == NULL)
        return SMFIS_CONTINUE;
    milter_handling_close(&session->handling);
    (void)smfi_setpriv(context, NULL);
    free(session);
    count_session(-1);
    return SMFIS_CONTINUE;
}

const struct milter_client *
milter_session_client(const struct milter_session *session)
{
    return &session->handling.client;
}

const char *
milter_session_macro(const struct milter_session *session, const char *name)
{
    char braced[MACRO_NAME_MAX];

    (void)snprintf(braced, sizeof(braced), name[1] == '\0' ? "%s" : "{%s}", name);
    return smfi_getsymval(session->context, braced);
}

bool
milter_session_leading_space(const struct milter_session *session)
{
    return milter_handling_is(&session->handling, MILTER_LEADING_SPACE);
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
    const struct milter_session *session = argument;
    SMFICTX *context = session->context;
    char *name = text_of(edit->name);
    struct buffer value;
    int done = MI_FAILURE;

    if (edit->kind == VERDICT_DELETE)
        return smfi_chgheader(context, name, (int)edit->number, NULL) == MI_SUCCESS;
    buffer_init(&value, MILTER_PACKET_MAX);
    buffer_append_text(&value, milter_session_leading_space(session) ? " " : "");
    buffer_append_text(&value, edit->value);
    if (buffer_ok(&value))
        done = edit->kind == VERDICT_INSERT
                   ? smfi_insheader(context, 0, name, text_of(buffer_text(&value)))
                   : smfi_addheader(context, name, text_of(buffer_text(&value)));
    buffer_clear(&value);
    return done == MI_SUCCESS;
}

static sfsistat
refuse(const struct milter_session *session, const struct verdict *verdict)
{
    struct buffer text;

    buffer_init(&text, MILTER_PACKET_MAX);
    for (const char *octet = verdict->text; octet != NULL && *octet != '\0'; octet++)
        buffer_append_text(&text, *octet == '%' ? "%%" : (char[]){*octet, '\0'});
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
    bool holds = verdict->action == VERDICT_QUARANTINE;

    if (verdict->action == VERDICT_DISCARD)
        session->answer = SMFIS_DISCARD;
    else if (verdict->action != VERDICT_ACCEPT && !holds)
        session->answer = refuse(session, verdict);
    else if (milter_reply_each_edit(verdict, make_edit, session) &&
             (!holds || smfi_quarantine(session->context, text_of(reason)) == MI_SUCCESS))
        session->answer = SMFIS_ACCEPT;
    else {
        log_say(LOG_LEVEL_ERROR, "the changes of a message can't be told: it waits");
        session->answer = SMFIS_TEMPFAIL;
        return VERDICT_TEMPFAIL;
    }
    return verdict->action;
}

/* One of its threads waits for TERM as the first of ours does: where that is quicker, it
 * ends the library, and we follow. */
static void *
run_library(void *first)
{
    (void)smfi_main();
    (void)pthread_kill(*(const pthread_t *)first, SIGTERM);
    return NULL;
}

static bool
start_library(void)
{
    static pthread_t first;
    const struct smfiDesc callbacks = {
        .xxfi_name = text_of("postshift"),
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = serving->handler->actions,
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
    char place[32];
    pthread_t thread;

    first = pthread_self();
    (void)snprintf(place, sizeof(place), "fd:%d", serving->fd);
    (void)smfi_setmaxdatasize(MILTER_PACKET_MAX);
    return smfi_settimeout(SILENCE_S) == MI_SUCCESS &&
           smfi_setconn(place) == MI_SUCCESS && smfi_register(callbacks) == MI_SUCCESS &&
           pthread_create(&thread, NULL, run_library, &first) == 0 &&
           pthread_detach(thread) == 0;
}

static void
drain(int fd)
{
    int nobody = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (nobody >= 0 && bind(nobody, &(struct sockaddr){AF_UNIX, {0}}, 2) == 0 &&
        listen(nobody, 1) == 0)
        (void)dup2(nobody, fd);
}

int
milter_run(const struct milter_run *run)
{
    struct milter_ending ending;
    bool drains = false;

    serving = run;
    counts = milter_counts_mine();
    milter_ending_init(&ending, run->control, counts);
    if (!start_library()) {
        log_say(LOG_LEVEL_ERROR, "libmilter can't be started");
        return EXIT_FAILURE;
    }
    supervise_say_ready(run->control);
    while (!milter_ending_is_over(&ending)) {
        (void)milter_ending_wait(&ending, -1);
        if (ending.draining && !drains)
            drain(run->fd);
        drains = ending.draining;
    }
    return EXIT_SUCCESS;
}
