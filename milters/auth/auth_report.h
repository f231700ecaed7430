/*
 * auth_report - what a message's findings look like: header fields, log line, numbers.
 */
#ifndef MILTERS_AUTH_AUTH_REPORT_H
#define MILTERS_AUTH_AUTH_REPORT_H

#include "milters/auth/auth_checks.h"
#include "milters/auth/auth_metrics.h"

/*
 * Gives `verdict` its edits: forged fields go, ours come on top (Authentication-Results
 * above Received-SPF). `findings` NULL: the message was not checked, nothing comes.
 */
void auth_report_fields(const struct auth_config *config, struct auth_session *session,
    const struct auth_findings *findings, struct verdict *verdict);

/* One line a message. */
void auth_report_log(const char *queue_id, const struct auth_session *session,
    const struct auth_findings *findings, const struct verdict *verdict,
    int64_t milliseconds);

void auth_report_count(struct auth_metrics *metrics, const struct auth_session *session,
    const struct auth_findings *findings, const struct verdict *verdict,
    int64_t milliseconds);

#endif
