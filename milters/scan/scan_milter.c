#include "milters/scan/scan_milter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "milters/common/milter_run.h"
#include "milters/scan/scan_session.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"
#include "shared/service/sandbox.h"

enum { PREAMBLE_MAX = 4096 };

/* A connection and what it serves. */
struct visit {
    const struct scan_service *service;
    struct milter_session *milter;
    struct scan_session *session;
};

static const struct scan_config *
config_of(const struct visit *visit)
{
    return visit->service->config;
}

static void *
on_open(void *service, struct milter_session *milter)
{
    struct visit *visit = allocate(sizeof(*visit));

    *visit = (struct visit){service, milter, scan_session_new()};
    return visit;
}

static struct span
without_brackets(struct span address)
{
    if (address.length >= 2 && address.data[0] == '<' &&
        address.data[address.length - 1] == '>')
        address = span_first(span_from(address, 1), address.length - 2);
    return address;
}

static void
on_mail(void *data, struct span sender)
{
    struct visit *visit = data;

    scan_session_begin(visit->session, without_brackets(sender), clock_now_ms());
}

static void
on_recipient(void *data)
{
    struct visit *visit = data;

    visit->session->recipients++;
}

static void
on_field(void *data, struct span name, struct span value)
{
    struct visit *visit = data;

    scan_session_field(visit->session, name, value,
        milter_session_leading_space(visit->milter),
        visit->service->pool.spamd.address.kind != SOCKET_NONE,
        config_of(visit)->max_message);
}

static void
on_end_of_fields(void *data)
{
    struct visit *visit = data;

    scan_session_end_of_header(visit->session, config_of(visit)->max_message);
}

static bool
on_body(void *data, struct span chunk)
{
    struct visit *visit = data;

    scan_session_body(visit->session, chunk, config_of(visit)->max_message);
    return !visit->session->too_big;
}

/* "" where the MTA does not say. */
static const char *
macro(const struct visit *visit, const char *name)
{
    const char *value = milter_session_macro(visit->milter, name);

    return value == NULL ? "" : value;
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
write_preamble(const struct visit *visit, struct buffer *out)
{
    const struct milter_client *client = milter_session_client(visit->milter);
    char date[64];
    struct spamd_envelope envelope = {
        .sender = span_of(visit->session->sender),
        .helo = span_of(client->helo),
        .client_name = span_of(client->name),
        .client_address = span_of(client->address),
        .host = span_of(macro(visit, "j")),
        .queue_id = span_of(macro(visit, "i")),
        .encrypted = macro(visit, "tls_version")[0] != '\0',
        .authenticated = macro(visit, "auth_type")[0] != '\0',
        .date = date_now(date),
    };

    spamd_write_preamble(&envelope, out);
}

/* Gathers the findings: from the engines, or from what already is known of the message.
 */
static void
gather(
    const struct visit *visit, struct scan_findings *findings, struct scan_timing *timing)
{
    const struct scan_service *service = visit->service;
    struct scan_session *session = visit->session;
    struct scan_message message;
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
        findings->too_large_for_spamd = true;
        return;
    }
    if (!scan_session_seal(session)) {
        findings->missing = SCAN_TROUBLE;
        return;
    }
    buffer_init(&preamble, PREAMBLE_MAX);
    if (findings->spamd != SPAMD_OFF)
        write_preamble(visit, &preamble);
    message = scan_session_message(session);
    message.client = scan_turn_client(milter_session_client(visit->milter)->address);
    scan_run(&service->pool, &message, buffer_span(&preamble), session->arena, findings,
        timing);
    buffer_clear(&preamble);
}

/* As Postfix writes it; one without an address has none to show. */
static const char *
client_text(const struct visit *visit)
{
    const struct milter_client *client = milter_session_client(visit->milter);
    const char *name = client->name[0] == '\0' ? "unknown" : client->name;

    if (client->address[0] == '\0')
        return name;
    return arena_printf(visit->session->arena, "%s[%s]", name, client->address);
}

static void
log_message(const struct visit *visit, const struct verdict *verdict,
    const struct scan_findings *findings, const struct scan_words *words,
    const struct scan_timing *timing)
{
    const struct scan_session *session = visit->session;
    bool scored = findings->spamd == SPAMD_DONE;

    log_info_for(macro(visit, "i"), "scan",
        log_text("action", scan_action_name(verdict->action)),
        log_text("client", client_text(visit)),
        log_address("from", span_of(session->sender)),
        log_number("size", (int64_t)session->size),
        log_number("nrcpt", session->recipients), log_text("clamav", words->clamav),
        log_text("virus", words->virus), log_text("ambiguous", words->ambiguous),
        log_text("spamd", words->spamd),
        scored ? log_hundredths("score", findings->spam.score / 10) : log_nothing(),
        scored ? log_hundredths("required", findings->spam.required / 10) : log_nothing(),
        timing->worker >= 0 ? log_number("worker", timing->worker) : log_nothing(),
        log_milliseconds("delay", (int64_t)(clock_now_ms() - session->began_ms)),
        log_text("dsn", verdict->enhanced),
        verdict->reason != NULL ? log_note(verdict->reason) : log_nothing(),
        words->spamd != NULL && findings->spamd == SPAMD_UNKNOWN
            ? log_note(findings->spamd_problem)
            : log_nothing());
}

static void
on_end_of_message(void *data)
{
    struct visit *visit = data;
    const struct scan_service *service = visit->service;
    struct scan_session *session = visit->session;
    struct scan_findings findings;
    struct scan_timing timing;
    struct scan_words words;
    struct verdict verdict;
    const char *scanned_by;

    gather(visit, &findings, &timing);
    scan_session_edits(session, SCAN_EDITS_MAX, &verdict);
    scanned_by = arena_printf(session->arena, "postshift-scan (ClamAV %s) at %s",
        scan_board_version(service->pool.board), service->host);
    scan_decide(
        &service->config->rules, &findings, scanned_by, session->arena, &verdict, &words);
    scan_metrics_message(service->metrics, milter_session_reply(visit->milter, &verdict));
    scan_metrics_result(service->metrics, &words, timing.clamav_ms, timing.spamd_ms);
    log_message(visit, &verdict, &findings, &words, &timing);
}

static void
on_reset(void *data)
{
    struct visit *visit = data;

    scan_session_reset(visit->session);
}

static void
on_close(void *data)
{
    struct visit *visit = data;

    scan_session_free(visit->session);
    free(visit);
}

static const struct milter_handler handler = {
    .actions = MILTER_EDITS,
    .steps = MILTER_COUNTS_LAST,
    .open = on_open,
    .mail = on_mail,
    .recipient = on_recipient,
    .field = on_field,
    .end_of_fields = on_end_of_fields,
    .body = on_body,
    .end_of_message = on_end_of_message,
    .reset = on_reset,
    .close = on_close,
};

int
scan_milter_serve(struct scan_service *service, int fd, int control)
{
    const struct milter_run run = {
        .handler = &handler,
        .service = service,
        .fd = fd,
        .control = control,
        .gauge = scan_metrics_sessions(service->metrics),
    };
    struct error error;

    if (!sandbox_enter(SANDBOX_MILTER, &error))
        log_say(LOG_LEVEL_WARNING, "%s", error.text);
    return milter_run(&run);
}
