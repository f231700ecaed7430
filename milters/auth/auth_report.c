#include "milters/auth/auth_report.h"

#include "milters/authres/authres_write.h"
#include "milters/spf/spf_received.h"
#include "shared/service/log.h"

enum { FIELDS_OF_OURS = 3 }; /* at most: see auth_report_fields */

static const char results_name[] = "Authentication-Results";
static const char received_name[] = "Received-SPF";

static void
add_received_spf(struct auth_session *session, const struct auth_findings *findings,
    const struct spf_report *report, struct verdict *verdict)
{
    struct buffer value;

    buffer_init(&value, SPF_RECEIVED_MAX);
    spf_received_write(report, &findings->client, findings->mailbox, &value);
    verdict_insert(
        verdict, received_name, arena_text(session->arena, buffer_span(&value)));
    buffer_clear(&value);
}

/* smtp.mailfrom is what MAIL FROM named; for the null sender it is HELO that was checked.
 */
static struct authres_spf
spf_of(const struct auth_session *session, const struct auth_findings *findings)
{
    struct authres_spf spf = {
        .result = findings->spf.result, .helo = span_of(session->client->helo)};

    if (findings->mailbox.length > 0)
        spf.mail_from = findings->spf.domain;
    return spf;
}

static void
add_results(const struct auth_config *config, struct auth_session *session,
    const struct auth_findings *findings, struct verdict *verdict)
{
    struct authres_spf spf = spf_of(session, findings);
    struct authres results = {
        .authserv_id = span_of(config->authserv_id),
        .spf = findings->has_spf ? &spf : NULL,
        .dkim = findings->dkim,
        .author = &findings->author,
        .dmarc = findings->author.kind == AUTHOR_ONE && findings->dmarc_count == 1
                     ? &findings->dmarc[0]
                     : NULL,
        .wants_dmarc = config->dmarc,
    };
    struct buffer value;

    buffer_init(&value, AUTHRES_MAX);
    if (authres_write(&results, &value))
        verdict_insert(
            verdict, results_name, arena_text(session->arena, buffer_span(&value)));
    buffer_clear(&value);
}

void
auth_report_fields(const struct auth_config *config, struct auth_session *session,
    const struct auth_findings *findings, struct verdict *verdict)
{
    verdict_room(verdict, session->arena, session->forged_count + FIELDS_OF_OURS);
    for (const struct auth_forged *forged = session->forged; forged != NULL;
         forged = forged->next)
        verdict_delete(verdict, forged->name, forged->number);
    if (findings == NULL)
        return;
    if (findings->has_helo)
        add_received_spf(session, findings, &findings->helo, verdict);
    /* A Received-SPF that can't name the client says nothing. */
    if (findings->has_spf && findings->client.address_length > 0)
        add_received_spf(session, findings, &findings->spf, verdict);
    add_results(config, session, findings, verdict);
}

/* Several signatures in one word: the best of them. */
static enum auth_result
dkim_word(const struct dkim_plan *plan)
{
    enum auth_result best = AUTH_NONE;

    for (size_t i = 0; i < plan->count; i++) {
        enum auth_result result = plan->candidates[i].signature.result;

        if (best == AUTH_NONE || result == AUTH_PASS)
            best = result;
    }
    return best;
}

static const char *
dmarc_word(const struct auth_findings *findings)
{
    if (!findings->has_dmarc)
        return NULL;
    if (findings->author.kind != AUTHOR_ONE)
        return auth_result_name(AUTH_PERMERROR);
    return findings->dmarc_count == 1 ? auth_result_name(findings->dmarc[0].result)
                                      : NULL;
}

static const char *
policy_word(const struct auth_findings *findings)
{
    if (findings->author.kind != AUTHOR_ONE || findings->dmarc_count != 1 ||
        findings->dmarc[0].result != AUTH_FAIL)
        return NULL;
    return dmarc_policy_name(findings->dmarc[0].policy);
}

/* Why it came to this, or what is odd; NULL where there is nothing to tell. */
static const char *
note_of(const struct auth_session *session, const struct auth_findings *findings,
    const struct verdict *verdict)
{
    const struct dmarc_verdict *dmarc = &findings->dmarc[0];

    if (verdict->reason != NULL)
        return verdict->reason;
    if (findings->has_dmarc && findings->author.reason != NULL)
        return findings->author.reason;
    if (findings->dmarc_count == 1 && dmarc->repeats)
        return arena_printf(session->arena,
            "a tag stands twice in the dmarc record of %.*s, the first counts",
            (int)dmarc->policy_domain.length, dmarc->policy_domain.data);
    return NULL;
}

/* As Postfix writes it; one without an address has none to show. */
static const char *
client_text(const struct auth_session *session)
{
    const struct milter_client *client = session->client;
    const char *name = client->name[0] == '\0' ? "unknown" : client->name;

    if (client->address[0] == '\0')
        return name;
    return arena_printf(session->arena, "%s[%s]", name, client->address);
}

void
auth_report_log(const char *queue_id, const struct auth_session *session,
    const struct auth_findings *findings, const struct verdict *verdict,
    int64_t milliseconds)
{
    static const struct auth_findings nothing;
    const struct auth_findings *found = findings == NULL ? &nothing : findings;
    const char *note = note_of(session, found, verdict);
    bool checked = findings != NULL;

    log_info_for(queue_id, "auth", log_text("action", auth_action_name(verdict->action)),
        log_text("client", client_text(session)),
        log_address("helo", span_of(session->client->helo)),
        log_address("from", session->sender),
        checked && found->author.count > 0
            ? log_text("header_from", found->author.domains[0])
            : log_nothing(),
        checked && found->has_spf ? log_text("spf", auth_result_name(found->spf.result))
                                  : log_nothing(),
        found->dkim != NULL ? log_text("dkim", auth_result_name(dkim_word(found->dkim)))
                            : log_nothing(),
        checked ? log_text("dmarc", dmarc_word(found))
                : log_text("skipped", session->trusted ? "trusted" : "authenticated"),
        checked ? log_text("policy", policy_word(found)) : log_nothing(),
        session->forged_count > 0 ? log_number("forged", session->forged_count)
                                  : log_nothing(),
        log_milliseconds("delay", milliseconds), log_text("dsn", verdict->enhanced),
        note != NULL ? log_note(note) : log_nothing());
}

void
auth_report_count(struct auth_metrics *metrics, const struct auth_session *session,
    const struct auth_findings *findings, const struct verdict *verdict,
    int64_t milliseconds)
{
    auth_metrics_message(metrics, verdict->action, session->forged_count, milliseconds);
    if (findings == NULL)
        return;
    if (findings->has_spf)
        auth_metrics_result(metrics, AUTH_METHOD_SPF, findings->spf.result);
    for (size_t i = 0; findings->dkim != NULL && i < findings->dkim->count; i++)
        auth_metrics_result(
            metrics, AUTH_METHOD_DKIM, findings->dkim->candidates[i].signature.result);
    if (findings->dkim != NULL && findings->dkim->count == 0)
        auth_metrics_result(metrics, AUTH_METHOD_DKIM, AUTH_NONE);
    if (!findings->has_dmarc)
        return;
    if (findings->author.kind != AUTHOR_ONE)
        auth_metrics_result(metrics, AUTH_METHOD_DMARC, AUTH_PERMERROR);
    else if (findings->dmarc_count == 1)
        auth_metrics_result(metrics, AUTH_METHOD_DMARC, findings->dmarc[0].result);
}
