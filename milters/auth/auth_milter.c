#include "milters/auth/auth_milter.h"

#include <stdlib.h>
#include <string.h>

#include "milters/auth/auth_checks.h"
#include "milters/auth/auth_report.h"
#include "milters/authres/authres_forged.h"
#include "milters/common/milter_run.h"
#include "milters/message/edited_field.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"
#include "shared/service/sandbox.h"

static const char results_name[] = "Authentication-Results";
static const char received_name[] = "Received-SPF";

struct auth_service {
    struct auth_engines engines;
    struct auth_metrics *metrics;
};

/* What a message's checks have found so far, in its arena. */
struct auth_message {
    struct auth_findings findings;
};

/* A connection and what it serves. */
struct visit {
    const struct auth_service *service;
    struct milter_session *milter;
    struct auth_session *session;
};

static void *
on_open(void *service, struct milter_session *milter)
{
    struct visit *visit = allocate(sizeof(*visit));

    *visit =
        (struct visit){service, milter, auth_session_new(milter_session_client(milter))};
    return visit;
}

static void
note_sender(const struct visit *visit, struct span argument)
{
    struct auth_session *session = visit->session;
    struct span raw = span_first(argument, AUTH_ADDRESS_MAX);
    const char *address = milter_session_macro(visit->milter, "mail_addr");

    session->sender_argument = arena_span(session->arena, raw);
    session->sender = (struct span){"", 0};
    /* What was cut is another address: none is told from it. */
    if (raw.length < argument.length)
        return;
    if (address != NULL)
        session->sender =
            arena_span(session->arena, span_first(span_of(address), AUTH_ADDRESS_MAX));
    else if (raw.length > 2)
        session->sender =
            span_first(span_from(session->sender_argument, 1), raw.length - 2);
}

static bool
has_macro(const struct visit *visit, const char *name)
{
    const char *value = milter_session_macro(visit->milter, name);

    return value != NULL && value[0] != '\0';
}

static void
on_mail(void *data, struct span sender)
{
    struct visit *visit = data;
    struct auth_session *session = visit->session;

    session->began_ms = clock_now_ms();
    note_sender(visit, sender);
    session->authenticated =
        has_macro(visit, "auth_authen") || has_macro(visit, "auth_type");
    session->trusted =
        session->client->local || auth_config_trusts(visit->service->engines.config,
                                      span_of(session->client->address));
    session->skipped = session->authenticated || session->trusted;
}

/* Fields that pretend to be ours are noted as they come, whatever their number. */
static void
note_forged(const struct visit *visit, struct span name, struct span value)
{
    struct auth_session *session = visit->session;
    struct header_field field = {name, value};
    struct span id = span_of(visit->service->engines.config->authserv_id);

    if (header_field_is(&field, span_of(results_name))) {
        session->results_seen++;
        if (authres_claims(value, id))
            auth_session_forged(session, results_name, session->results_seen);
    } else if (header_field_is(&field, span_of(received_name))) {
        session->received_seen++;
        if (authres_received_spf_claims(value, id))
            auth_session_forged(session, received_name, session->received_seen);
    } else if (edited_field_is_scans(name)) {
        session->scans_seen++;
    }
}

static void
on_field(void *data, struct span name, struct span value)
{
    struct visit *visit = data;

    /* What a trusted host hands on may be what we wrote ourselves, before a content
     * filter. */
    if (!visit->session->trusted)
        note_forged(visit, name, value);
    if (!visit->session->skipped)
        auth_session_field(visit->session, name, value);
}

static void
on_end_of_fields(void *data)
{
    struct visit *visit = data;
    struct auth_session *session = visit->session;

    if (session->skipped)
        return;
    session->message = arena_take(session->arena, sizeof(*session->message));
    auth_checks_begin(&visit->service->engines, session, &session->message->findings);
}

static bool
on_body(void *data, struct span chunk)
{
    struct visit *visit = data;

    auth_checks_body(visit->session, chunk);
    return auth_checks_wants_body(visit->session);
}

static struct auth_spf_fact
spf_fact(const struct spf_report *report)
{
    return (struct auth_spf_fact){report->result, report->domain, report->explanation};
}

static void
decide(const struct visit *visit, const struct auth_findings *findings,
    struct verdict *verdict)
{
    const struct auth_config *config = visit->service->engines.config;
    struct auth_session *session = visit->session;
    struct auth_spf_fact spf[3];
    struct auth_facts facts = {
        .client_address = span_of(session->client->address),
        .spf = spf,
        .dkim = findings->dkim,
        .author = config->dmarc ? &findings->author : NULL,
        .dmarc = findings->dmarc,
        .dmarc_count = findings->dmarc_count,
        .dmarc_exempt = findings->exempt,
        .judged = &findings->judged,
    };

    if (findings->has_spf)
        spf[facts.spf_count++] = spf_fact(&findings->spf);
    if (findings->has_odd)
        spf[facts.spf_count++] = spf_fact(&findings->odd);
    if (findings->has_helo)
        spf[facts.spf_count++] = spf_fact(&findings->helo);
    auth_decide(&config->wishes, &facts, session->arena, verdict);
}

/* Fewer deletions than there should be would leave a forged result in place, and Postfix
 * takes the longer for each the more there are. */
static void
refuse_forger(struct verdict *verdict)
{
    *verdict = (struct verdict){.action = VERDICT_REJECT,
        .code = "550",
        .enhanced = "5.7.1",
        .text = "too many header fields that claim to be ours",
        .reason = "too many forged fields"};
}

static void
on_end_of_message(void *data)
{
    struct visit *visit = data;
    const struct auth_service *service = visit->service;
    struct auth_session *session = visit->session;
    struct auth_findings *findings = NULL;
    struct verdict verdict = {.action = VERDICT_ACCEPT};
    int64_t took;

    if (session->message != NULL) {
        findings = &session->message->findings;
        auth_checks_end(&service->engines, session, findings);
        decide(visit, findings, &verdict);
    }
    if (auth_session_has_too_many_forged(session))
        refuse_forger(&verdict);
    else
        auth_report_fields(service->engines.config, session, findings, &verdict);
    (void)milter_session_reply(visit->milter, &verdict);
    took = (int64_t)(clock_now_ms() - session->began_ms);
    auth_report_count(service->metrics, session, findings, &verdict, took);
    auth_report_log(
        milter_session_macro(visit->milter, "i"), session, findings, &verdict, took);
}

static void
on_reset(void *data)
{
    struct visit *visit = data;

    auth_session_reset(visit->session);
}

static void
on_close(void *data)
{
    struct visit *visit = data;

    auth_session_free(visit->session);
    free(visit);
}

static const struct milter_handler handler = {
    .actions = MILTER_EDITS,
    .steps = MILTER_ANSWERS_LAST,
    .open = on_open,
    .mail = on_mail,
    .field = on_field,
    .end_of_fields = on_end_of_fields,
    .body = on_body,
    .end_of_message = on_end_of_message,
    .reset = on_reset,
    .close = on_close,
};

static void
on_dns_done(void *context, enum dns_status status, uint64_t microseconds)
{
    auth_metrics_dns(context, status, microseconds);
}

static bool
start_engines(
    struct auth_service *service, const struct auth_config *config, struct error *error)
{
    const struct dns_observer observer = {on_dns_done, service->metrics};
    struct auth_engines *engines = &service->engines;

    engines->config = config;
    spf_check_init();
    engines->dns = dns_new(&config->dns, &observer, error);
    if (engines->dns == NULL)
        return false;
    engines->dkim = dkim_library_new(error);
    if (engines->dkim == NULL)
        return false;
    if (config->org_domain == AUTH_ORG_PSL)
        engines->suffixes = dmarc_suffixes_new(error);
    return config->org_domain != AUTH_ORG_PSL || engines->suffixes != NULL;
}

int
auth_milter_serve(
    const struct auth_config *config, struct auth_metrics *metrics, int fd, int control)
{
    static struct auth_service service;
    const struct milter_run run = {
        .handler = &handler,
        .service = &service,
        .fd = fd,
        .control = control,
        .gauge = auth_metrics_sessions(metrics),
    };
    struct error error;

    service.metrics = metrics;
    if (!start_engines(&service, config, &error)) {
        log_say(LOG_LEVEL_ERROR, "%s", error.text);
        return EXIT_FAILURE;
    }
    if (!sandbox_enter(SANDBOX_MILTER, &error))
        log_say(LOG_LEVEL_WARNING, "%s", error.text);
    return milter_run(&run);
}
