#include "milters/auth/auth_milter.h"

#include <libmilter/mfapi.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "milters/auth/auth_checks.h"
#include "milters/auth/auth_report.h"
#include "milters/auth/authres_forged.h"
#include "milters/common/milter_client.h"
#include "milters/common/milter_reply.h"
#include "milters/common/milter_run.h"
#include "shared/service/log.h"
#include "shared/service/sandbox.h"

static const char results_name[] = "Authentication-Results";
static const char received_name[] = "Received-SPF";

/* libmilter gives its callbacks no argument: one service a process. */
static struct auth_engines engines;
static struct auth_metrics *numbers;

/* What a message's checks have found so far, in its arena. */
struct auth_message {
    struct auth_findings findings;
};

static const struct milter_wanted wanted = {
    .actions = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE,
    .steps = SMFIP_NORCPT | SMFIP_NODATA | SMFIP_NOUNKNOWN | SMFIP_NR_CONN |
             SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY |
             SMFIP_SKIP | SMFIP_HDR_LEADSPC,
};

static struct auth_session *
session_of(SMFICTX *context)
{
    return smfi_getpriv(context);
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
end_message(struct auth_session *session)
{
    if (session->in_message)
        milter_message_ended();
    session->in_message = false;
    auth_session_reset(session);
}

static sfsistat on_close(SMFICTX *context);

static sfsistat
on_negotiate(SMFICTX *context, unsigned long offered_actions, unsigned long offered_steps,
    unsigned long unused_one, unsigned long unused_two, unsigned long *actions,
    unsigned long *steps, unsigned long *other_one, unsigned long *other_two)
{
    struct auth_session *session = auth_session_new();
    sfsistat answer = milter_negotiate(
        &wanted, offered_actions, offered_steps, actions, steps, &session->granted);

    (void)unused_one;
    (void)unused_two;
    *other_one = 0;
    *other_two = 0;
    /* One negotiation a connection: what was begun before it is over. */
    (void)on_close(context);
    if (answer != SMFIS_CONTINUE || smfi_setpriv(context, session) != MI_SUCCESS) {
        auth_session_free(session);
        return SMFIS_REJECT;
    }
    milter_session_began();
    return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *context, char *name, _SOCK_ADDR *address)
{
    struct auth_session *session = session_of(context);

    if (session == NULL)
        return no_session();
    milter_client_connect(&session->client, name, address);
    return milter_continue(session->granted, SMFIP_NR_CONN);
}

static sfsistat
on_helo(SMFICTX *context, char *name)
{
    struct auth_session *session = session_of(context);

    if (session == NULL)
        return no_session();
    milter_client_helo(&session->client, name);
    return milter_continue(session->granted, SMFIP_NR_HELO);
}

static void
note_sender(SMFICTX *context, struct auth_session *session, const char *argument)
{
    struct span raw = span_first(span_of(argument), AUTH_ADDRESS_MAX);
    const char *address = milter_macro(context, "{mail_addr}");

    session->sender_argument = arena_span(session->arena, raw);
    /* What was cut is another address: none is told from it. */
    if (raw.length < strlen(argument))
        session->sender = (struct span){"", 0};
    else if (address != NULL)
        session->sender =
            arena_span(session->arena, span_first(span_of(address), AUTH_ADDRESS_MAX));
    else if (!auth_checks_sender(session->sender_argument,
                 span_first(span_from(session->sender_argument, 1),
                     raw.length < 2 ? 0 : raw.length - 2),
                 &session->sender))
        session->sender = (struct span){"", 0};
}

static sfsistat
on_mail(SMFICTX *context, char **arguments)
{
    struct auth_session *session = session_of(context);
    const char *login = milter_macro(context, "{auth_authen}");
    const char *mechanism = milter_macro(context, "{auth_type}");

    if (session == NULL)
        return no_session();
    end_message(session);
    session->in_message = true;
    milter_message_began();
    session->began_ms = milter_now_ms();
    note_sender(context, session, arguments[0]);
    session->authenticated = (login != NULL && login[0] != '\0') ||
                             (mechanism != NULL && mechanism[0] != '\0');
    session->trusted = session->client.local || auth_config_trusts(engines.config,
                                                    span_of(session->client.address));
    session->skipped = session->authenticated || session->trusted;
    return milter_continue(session->granted, SMFIP_NR_MAIL);
}

/* Fields that pretend to be ours are noted as they come, whatever their number. */
static void
note_forged(struct auth_session *session, struct span name, struct span value)
{
    struct header_field field = {name, value};
    struct span id = span_of(engines.config->authserv_id);

    if (header_field_is(&field, span_of(results_name))) {
        session->results_seen++;
        if (authres_claims(value, id))
            auth_session_forged(session, results_name, session->results_seen);
    } else if (header_field_is(&field, span_of(received_name))) {
        session->received_seen++;
        if (authres_received_spf_claims(value, id))
            auth_session_forged(session, received_name, session->received_seen);
    }
}

static sfsistat
on_header(SMFICTX *context, char *name, char *value)
{
    struct auth_session *session = session_of(context);

    if (session == NULL)
        return no_session();
    /* What a trusted host hands on may be what we wrote ourselves, before a content
     * filter. */
    if (!session->trusted)
        note_forged(session, span_of(name), span_of(value));
    if (!session->skipped)
        auth_session_field(session, span_of(name), span_of(value));
    return milter_continue(session->granted, SMFIP_NR_HDR);
}

static sfsistat
on_end_of_header(SMFICTX *context)
{
    struct auth_session *session = session_of(context);

    if (session == NULL)
        return no_session();
    if (!session->skipped) {
        session->message = arena_take(session->arena, sizeof(*session->message));
        auth_checks_begin(&engines, session, &session->message->findings);
    }
    return milter_continue(session->granted, SMFIP_NR_EOH);
}

static sfsistat
on_body(SMFICTX *context, unsigned char *chunk, size_t length)
{
    struct auth_session *session = session_of(context);

    if (session == NULL)
        return no_session();
    if (!auth_checks_wants_body(session) && (session->granted & SMFIP_SKIP) != 0 &&
        (session->granted & SMFIP_NR_BODY) == 0)
        return SMFIS_SKIP;
    auth_checks_body(session, span_make(chunk, length));
    return milter_continue(session->granted, SMFIP_NR_BODY);
}

static void
decide(struct auth_session *session, const struct auth_findings *findings,
    struct verdict *verdict)
{
    struct auth_spf_fact spf[2];
    struct auth_facts facts = {
        .client_address = span_of(session->client.address),
        .spf = spf,
        .dkim = findings->dkim,
        .author = engines.config->dmarc ? &findings->author : NULL,
        .dmarc = findings->dmarc,
        .dmarc_count = findings->dmarc_count,
        .dmarc_exempt = findings->exempt,
    };

    if (findings->has_spf)
        spf[facts.spf_count++] = (struct auth_spf_fact){
            findings->spf.result, findings->spf.domain, findings->spf.explanation};
    if (findings->has_helo)
        spf[facts.spf_count++] = (struct auth_spf_fact){
            findings->helo.result, findings->helo.domain, findings->helo.explanation};
    auth_decide(&engines.config->wishes, &facts, session->arena, verdict);
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

static sfsistat
on_end_of_message(SMFICTX *context)
{
    struct auth_session *session = session_of(context);
    struct auth_findings *findings = NULL;
    struct verdict verdict = {.action = VERDICT_ACCEPT};
    const char *queue_id = milter_macro(context, "i");
    int64_t took;
    sfsistat answer;

    if (session == NULL)
        return no_session();
    if (session->message != NULL) {
        findings = &session->message->findings;
        auth_checks_end(&engines, session, findings);
        decide(session, findings, &verdict);
    }
    if (session->forged_count > AUTH_FORGED_MAX)
        refuse_forger(&verdict);
    else
        auth_report_fields(engines.config, session, findings, &verdict);
    answer = milter_reply_apply(
        context, &verdict, (session->granted & SMFIP_HDR_LEADSPC) != 0);
    took = milter_now_ms() - session->began_ms;
    auth_report_count(numbers, session, findings, &verdict, took);
    auth_report_log(queue_id, session, findings, &verdict, took);
    end_message(session);
    return answer;
}

static sfsistat
on_abort(SMFICTX *context)
{
    struct auth_session *session = session_of(context);

    if (session != NULL)
        end_message(session);
    return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *context)
{
    struct auth_session *session = session_of(context);

    if (session == NULL)
        return SMFIS_CONTINUE;
    end_message(session);
    (void)smfi_setpriv(context, NULL);
    auth_session_free(session);
    milter_session_ended();
    return SMFIS_CONTINUE;
}

static void
on_dns_done(void *context, enum dns_status status, uint64_t microseconds)
{
    auth_metrics_dns(context, status, microseconds);
}

static bool
start_engines(
    const struct auth_config *config, struct auth_metrics *metrics, struct error *error)
{
    const struct dns_observer observer = {on_dns_done, metrics};

    engines.config = config;
    spf_check_init();
    engines.dns = dns_new(&config->dns, &observer, error);
    if (engines.dns == NULL)
        return false;
    engines.dkim = dkim_library_new(error);
    if (engines.dkim == NULL)
        return false;
    if (config->org_domain == AUTH_ORG_PSL)
        engines.suffixes = dmarc_suffixes_new(error);
    return config->org_domain != AUTH_ORG_PSL || engines.suffixes != NULL;
}

int
auth_milter_serve(
    const struct auth_config *config, struct auth_metrics *metrics, int fd, int control)
{
    static char name[] = "postshift-auth";
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
        .sessions = auth_metrics_sessions(metrics),
    };
    struct error error;

    numbers = metrics;
    if (!start_engines(config, metrics, &error)) {
        log_say(LOG_LEVEL_ERROR, "%s", error.text);
        return EXIT_FAILURE;
    }
    if (!sandbox_enter(SANDBOX_MILTER, &error))
        log_say(LOG_LEVEL_WARNING, "%s", error.text);
    return milter_run(&run);
}
