/*
 * auth_metrics - the numbers of postshift-auth: all series made before the first fork.
 */
#ifndef MILTERS_AUTH_AUTH_METRICS_H
#define MILTERS_AUTH_AUTH_METRICS_H

#include "milters/message/auth_result.h"
#include "milters/protocol/verdict.h"
#include "shared/dns/dns_lookup.h"
#include "shared/service/metrics.h"

struct auth_metrics;

enum auth_method { AUTH_METHOD_SPF, AUTH_METHOD_DKIM, AUTH_METHOD_DMARC, AUTH_METHODS };

struct auth_metrics *auth_metrics_new(void);
struct metrics *auth_metrics_registry(struct auth_metrics *metrics);
struct metrics_series *auth_metrics_sessions(struct auth_metrics *metrics);

void auth_metrics_message(struct auth_metrics *metrics, enum verdict_action action,
    unsigned forged, int64_t milliseconds);
void auth_metrics_result(
    struct auth_metrics *metrics, enum auth_method method, enum auth_result result);
void auth_metrics_dns(
    struct auth_metrics *metrics, enum dns_status status, uint64_t microseconds);
void auth_metrics_died(struct auth_metrics *metrics, const char *process);

/* The word of the log line: accept tempfail reject hold discard. */
const char *auth_action_name(enum verdict_action action);

#endif
