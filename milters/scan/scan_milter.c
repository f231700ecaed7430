#include "milters/scan/scan_milter.h"

#include <libmilter/mfapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "milters/common/milter_client.h"
#include "milters/common/milter_reply.h"
#include "milters/common/milter_run.h"
#include "milters/scan/scan_session.h"
#include "shared/service/log.h"
#include "shared/service/sandbox.h"

enum { PREAMBLE_MAX = 4096 };

/* libmilter gives its callbacks no argument: one service a process. */
static const struct scan_service *service;

static const struct milter_wanted wanted = {
    .actions = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE,
    .steps = SMFIP_NORCPT | SMFIP_NODATA | SMFIP_NOUNKNOWN | SMFIP_NR_CONN |
             SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY |
             SMFIP_SKIP | SMFIP_HDR_LEADSPC,
};

static struct scan_session *
session_of(SMFICTX *context)
{
    return smfi_getpriv(context);
}

/* "" where the MTA does not say. */
static const char *
macro(SMFICTX *context, const char *name)
{
    const char *value = milter_macro(context, name);

    return value == NULL ? "" : value;
}

/*
 * A peer may begin anew on its connection (QUIT_NC) without negotiating, which Postfix
 * never does: there is nothing to go by.
 */
static sfsistat
no_session(void)
{
    return SMFIS_TEMPFAIL;
}

static void
end_message(struct scan_session *session)
{
    if (session->in_message)
        milter_message_ended();
    session->in_message = false;
    scan_session_reset(session);
}

static sfsistat on_close(SMFICTX *context);

static sfsistat
on_negotiate(SMFICTX *context, unsigned long offered_actions, unsigned long offered_steps,
    unsigned long unused_one, unsigned long unused_two, unsigned long *actions,
    unsigned long *steps, unsigned long *other_one, unsigned long *other_two)
{
    struct scan_session *session = scan_session_new();
    sfsistat answer = milter_negotiate(
        &wanted, offered_actions, offered_steps, actions, steps, &session->granted);

    (void)unused_one;
    (void)unused_two;
    *other_one = 0;
    *other_two = 0;
    /* One negotiation a connection: what was begun before it is over. */
    (void)on_close(context);
    if (answer != SMFIS_CONTINUE || smfi_setpriv(context, session) != MI_SUCCESS) {
        scan_session_free(session);
        return SMFIS_REJECT;
    }
    session->counted = true;
    milter_session_began();
    return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *context, char *name, _SOCK_ADDR *address)
{
    struct scan_session *session = session_of(context);

    if (session == NULL)
        return no_session();
    milter_client_connect(&session->client, name, address);
    return milter_continue(session->granted, SMFIP_NR_CONN);
}

static sfsistat
on_helo(SMFICTX *context, char *name)
{
    struct scan_session *session = session_of(context);

    if (session == NULL)
        return no_session();
    milter_client_helo(&session->client, name);
    return milter_continue(session->granted, SMFIP_NR_HELO);
}

static struct span
without_brackets(const char *address)
{
    struct span text = span_of(address);

    if (text.length >= 2 && text.data[0] == '<' && text.data[text.length - 1] == '>')
        text = span_first(span_from(text, 1), text.length - 2);
    return text;
}

static sfsistat
on_mail(SMFICTX *context, char **arguments)
{
    struct scan_session *session = session_of(context);

    if (session == NULL)
        return no_session();
    end_message(session);
    session->in_message = true;
    milter_message_began();
    scan_session_begin(session, without_brackets(arguments[0]), milter_now_ms());
    return milter_continue(session->granted, SMFIP_NR_MAIL);
}

static sfsistat
on_header(SMFICTX *context, char *name, char *value)
{
    struct scan_session *session = session_of(context);

    if (session == NULL)
        return no_session();
    scan_session_field(session, span_of(name), span_of(value),
        (session->granted & SMFIP_HDR_LEADSPC) != 0,
        service->pool.spamd.address.kind != SOCKET_NONE, service->config->max_message);
    return milter_continue(session->granted, SMFIP_NR_HDR);
}

static sfsistat
on_end_of_header(SMFICTX *context)
{
    struct scan_session *session = session_of(context);

    if (session == NULL)
        return no_session();
    scan_session_end_of_header(session, service->config->max_message);
    return milter_continue(session->granted, SMFIP_NR_EOH);
}

static sfsistat
on_body(SMFICTX *context, unsigned char *chunk, size_t length)
{
    struct scan_session *session = session_of(context);

    if (session == NULL)
        return no_session();
    scan_session_body(session, span_make(chunk, length), service->config->max_message);
    return milter_continue(session->granted, SMFIP_NR_BODY);
}

static const char *
date_now(char out[64])
{
    time_t now = time(NULL);
    struct tm local;

    if (localtime_r(&now, &local) == NULL ||
        strftime(out, 64, "%a, %d %b %Y %H:%M:%S %z", &local) == 0)
        out[0] = '\0';
    return out;
}

static void
write_preamble(SMFICTX *context, const struct scan_session *session, struct buffer *out)
{
    char date[64];
    struct spamd_envelope envelope = {
        .sender = span_of(session->sender),
        .helo = span_of(session->client.helo),
        .client_name = span_of(session->client.name),
        .client_address = span_of(session->client.address),
        .host = span_of(macro(context, "j")),
        .queue_id = span_of(macro(context, "i")),
        .encrypted = macro(context, "{tls_version}")[0] != '\0',
        .authenticated = macro(context, "{auth_type}")[0] != '\0',
        .date = date_now(date),
    };

    spamd_write_preamble(&envelope, out);
}

/* Gathers the findings: from the engines, or from what already is known of the message.
 */
static void
gather(SMFICTX *context, struct scan_session *session, struct scan_findings *findings,
    struct scan_timing *timing)
{
    struct buffer preamble;

    *findings = (struct scan_findings){.spamd = SPAMD_OFF};
    *timing = (struct scan_timing){.worker = -1, .spamd_ms = -1};
    if (service->pool.spamd.address.kind != SOCKET_NONE) {
        findings->spamd = SPAMD_UNKNOWN;
        findings->spamd_problem = "message not shown to spamd";
    }
    if (session->forged) {
        findings->missing = SCAN_FORGED;
        return;
    }
    if (session->too_big) {
        findings->missing = SCAN_TOO_BIG;
        return;
    }
    if (!scan_session_seal(session)) {
        findings->missing = SCAN_TROUBLE;
        return;
    }
    buffer_init(&preamble, PREAMBLE_MAX);
    if (findings->spamd != SPAMD_OFF)
        write_preamble(context, session, &preamble);
    scan_run(&service->pool, session->fd, session->size, buffer_span(&preamble),
        session->arena, findings, timing);
    buffer_clear(&preamble);
}

static void
log_message(SMFICTX *context, const struct scan_session *session,
    const struct verdict *verdict, const struct scan_findings *findings,
    const struct scan_words *words, const struct scan_timing *timing)
{
    bool infected = findings->missing == SCAN_DONE && findings->result.virus[0] != '\0';
    bool scored = findings->spamd == SPAMD_DONE;

    log_info_for(macro(context, "i"), "scan",
        log_text("action", scan_action_name(verdict->action)),
        log_address("from", span_of(session->sender)),
        log_number("size", (int64_t)session->size), log_text("clamav", words->clamav),
        log_text("virus", infected ? findings->result.virus : NULL),
        log_text("spamd", words->spamd),
        scored ? log_hundredths("score", findings->spam.score / 10) : log_nothing(),
        scored ? log_hundredths("required", findings->spam.required / 10) : log_nothing(),
        timing->worker >= 0 ? log_number("worker", timing->worker) : log_nothing(),
        log_milliseconds("delay", milter_now_ms() - session->began_ms),
        log_text("dsn", verdict->enhanced),
        verdict->reason != NULL ? log_note(verdict->reason) : log_nothing(),
        words->spamd != NULL && findings->spamd == SPAMD_UNKNOWN
            ? log_note(findings->spamd_problem)
            : log_nothing());
}

static sfsistat
on_end_of_message(SMFICTX *context)
{
    struct scan_session *session = session_of(context);
    struct scan_findings findings;
    struct scan_timing timing;
    struct scan_words words;
    struct verdict verdict;
    const char *scanned_by;
    sfsistat answer;

    if (session == NULL)
        return no_session();
    gather(context, session, &findings, &timing);
    scan_session_edits(session, SCAN_EDITS_MAX, &verdict);
    scanned_by = arena_printf(session->arena, "postshift-scan (ClamAV %s) at %s",
        scan_board_version(service->pool.board), service->host);
    scan_decide(
        &service->config->rules, &findings, scanned_by, session->arena, &verdict, &words);
    answer = milter_reply_apply(
        context, &verdict, (session->granted & SMFIP_HDR_LEADSPC) != 0);
    scan_metrics_message(
        service->metrics, answer == SMFIS_TEMPFAIL ? VERDICT_TEMPFAIL : verdict.action);
    scan_metrics_result(service->metrics, &words, timing.clamav_ms, timing.spamd_ms);
    log_message(context, session, &verdict, &findings, &words, &timing);
    end_message(session);
    return answer;
}

static sfsistat
on_abort(SMFICTX *context)
{
    struct scan_session *session = session_of(context);

    if (session != NULL)
        end_message(session);
    return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *context)
{
    struct scan_session *session = session_of(context);

    if (session == NULL)
        return SMFIS_CONTINUE;
    end_message(session);
    (void)smfi_setpriv(context, NULL);
    scan_session_free(session);
    milter_session_ended();
    return SMFIS_CONTINUE;
}

int
scan_milter_serve(const struct scan_service *with, int fd, int control)
{
    static char name[] = "postshift-scan";
    const struct smfiDesc callbacks = {
        .xxfi_name = name,
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = wanted.actions,
        .xxfi_connect = on_connect,
        .xxfi_helo = on_helo,
        .xxfi_envfrom = on_mail,
        .xxfi_header = on_header,
        .xxfi_eoh = on_end_of_header,
        .xxfi_body = on_body,
        .xxfi_eom = on_end_of_message,
        .xxfi_abort = on_abort,
        .xxfi_close = on_close,
        .xxfi_negotiate = on_negotiate,
    };
    struct milter_run run = {
        .callbacks = &callbacks,
        .fd = fd,
        .control = control,
        .sessions = scan_metrics_sessions(with->metrics),
    };
    struct error error;

    service = with;
    if (!sandbox_enter(SANDBOX_MILTER, &error))
        log_say(LOG_LEVEL_WARNING, "%s", error.text);
    return milter_run(&run);
}
