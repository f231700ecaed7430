#include "policyd/cutover/probe.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/service/clock.h"
#include "shared/service/metrics.h"

enum { TIMEOUT_LEAST_MS = 2000, TIMEOUT_MOST_MS = 30000, STEP_MOST_MS = 10000 };

struct probe {
    struct event_base *base;
    enum domain_side side;
    char *domain;
    char *hello;
    char *sender;
    char *recipient; /* whole; "": none */
    char *route;
    uint64_t interval_ms;
    struct smtp_tls *tls;
    void (*done)(void *argument, struct probe *probe);
    void *argument;

    struct event *timer;
    struct smtp_talk *talk;
    unsigned refusal; /* the code that MAIL or RCPT was answered with, where not 2xx */
    char refusal_text[PLAN_TEXT_MAX];
    char expected[SMTP_FINGERPRINT_MAX + 1];
    char fingerprint[SMTP_FINGERPRINT_MAX + 1]; /* the last one seen */
    struct plan_probe_view view;
    struct smtp_talk_result last;
    bool has_last;
};

/* --- what came of it --- */

static void
set_result(struct probe *probe, enum plan_probe result, const char *text)
{
    struct plan_probe_view *view = &probe->view;
    int64_t now = clock_wall_ms();

    if (view->result != result || view->at_ms == 0)
        view->since_ms = now;
    view->result = result;
    view->at_ms = now;
    (void)snprintf(view->text, sizeof(view->text), "%.199s", text);
}

/* A server that was asked for TLS, by what it offered. */
static void
look_at_certificate(struct probe *probe, const struct smtp_talk_result *result)
{
    const struct smtp_tls_facts *tls = &result->tls;
    bool is_known = result->duration_us[SMTP_QUIT] >= 0;

    if (tls->is_in_use) {
        memcpy(probe->fingerprint, tls->fingerprint, sizeof(probe->fingerprint));
        if (probe->expected[0] != '\0' && strcmp(probe->expected, tls->fingerprint) != 0)
            probe->view.is_changed = true;
    } else if (probe->tls != NULL && is_known && !tls->is_offered &&
               probe->expected[0] != '\0') {
        probe->view.is_changed = true;
    }
}

static void
judge(struct probe *probe, const struct smtp_talk_result *result)
{
    char text[PLAN_TEXT_MAX];

    if (result->trouble == SMTP_TROUBLE_ADDRESS) {
        set_result(probe, PLAN_PROBE_NONE, result->why);
    } else if (result->trouble != SMTP_TROUBLE_NONE) {
        (void)snprintf(text, sizeof(text), "%.80s: %.110s", result->host, result->why);
        set_result(probe, PLAN_PROBE_BAD, text);
    } else if (probe->refusal != 0) {
        set_result(probe, probe->refusal >= 500 ? PLAN_PROBE_BAD : PLAN_PROBE_NONE,
            probe->refusal_text);
    } else {
        set_result(probe, PLAN_PROBE_GOOD, "");
    }
}

static void
answered(void *argument, enum smtp_phase phase, size_t envelope, size_t recipient,
    const struct smtp_reply *reply)
{
    struct probe *probe = argument;
    char written[SMTP_REPLY_WRITTEN_MAX + 1];

    (void)envelope;
    (void)recipient;
    if (reply->code / 100 == 2)
        return;
    probe->refusal = reply->code;
    smtp_reply_write(reply, written);
    (void)snprintf(probe->refusal_text, sizeof(probe->refusal_text),
        "%.150s (in reply to %s)", written, smtp_phase_name(phase));
}

static void
ended(void *argument, const struct smtp_talk_result *result)
{
    struct probe *probe = argument;

    probe->last = *result;
    probe->has_last = true;
    look_at_certificate(probe, result);
    judge(probe, result);
    smtp_talk_free(probe->talk);
    probe->talk = NULL;
    if (probe->done != NULL)
        probe->done(probe->argument, probe);
}

/* --- when --- */

static unsigned
timeout_of(const struct probe *probe)
{
    if (probe->interval_ms < TIMEOUT_LEAST_MS)
        return TIMEOUT_LEAST_MS;
    return probe->interval_ms > TIMEOUT_MOST_MS ? TIMEOUT_MOST_MS
                                                : (unsigned)probe->interval_ms;
}

static void
start(struct probe *probe)
{
    static const struct smtp_talk_events events = {answered, ended};
    const char *const recipients[] = {probe->recipient};
    const struct smtp_envelope envelope = {
        .sender = probe->sender, .recipients = recipients, .recipient_count = 1};
    unsigned timeout_ms = timeout_of(probe);
    const struct smtp_talk_options options = {
        .route = probe->route,
        .hello = probe->hello,
        .tls = probe->tls,
        .timeout_ms = timeout_ms,
        .step_timeout_ms = timeout_ms < STEP_MOST_MS ? timeout_ms : STEP_MOST_MS,
        .envelopes = &envelope,
        .envelope_count = probe->recipient[0] != '\0',
    };
    struct error error = {.text = ""};

    probe->refusal = 0;
    probe->talk = smtp_talk_start(probe->base, &options, &events, probe, &error);
    if (probe->talk != NULL)
        return;
    set_result(probe, PLAN_PROBE_NONE, error.text);
    if (probe->done != NULL)
        probe->done(probe->argument, probe);
}

static void
arm(struct probe *probe, uint64_t wait_ms)
{
    const struct timeval wait = {
        (time_t)(wait_ms / 1000), (suseconds_t)(wait_ms % 1000) * 1000};

    (void)event_add(probe->timer, &wait);
}

static void
on_timer(evutil_socket_t fd, short what, void *argument)
{
    struct probe *probe = argument;

    (void)fd;
    (void)what;
    arm(probe, probe->interval_ms);
    if (probe->talk == NULL)
        start(probe);
}

/* --- public --- */

/* A local part alone is of this domain; an address of another is not asked here. */
static char *
recipient_for(const char *domain, struct span recipient)
{
    size_t at = span_find_last(recipient, '@');
    char whole[1400];

    if (recipient.length > 0 && at == SPAN_NONE) {
        (void)snprintf(whole, sizeof(whole), "%.*s@%s",
            recipient.length > 1000 ? 1000 : (int)recipient.length, recipient.data,
            domain);
        return allocate_text(span_of(whole));
    }
    return allocate_text(
        at != SPAN_NONE && span_is_nocase(span_from(recipient, at + 1), domain)
            ? recipient
            : SPAN(""));
}

struct probe *
probe_new(struct event_base *base, const struct probe_options *options)
{
    struct probe *probe = allocate(sizeof(*probe));

    probe->base = base;
    probe->side = options->side;
    probe->domain = allocate_text(span_of(options->domain));
    probe->hello = allocate_text(span_of(options->hello));
    probe->sender = allocate_text(span_of(options->sender));
    probe->recipient = recipient_for(options->domain, span_of(options->recipient));
    probe->route = allocate_text(SPAN(""));
    probe->interval_ms = options->interval_ms;
    probe->tls = options->tls;
    probe->done = options->done;
    probe->argument = options->argument;
    probe->view.interval_ms = (int64_t)options->interval_ms;
    probe->timer = allocated(event_new(base, -1, 0, on_timer, probe));
    return probe;
}

void
probe_free(struct probe *probe)
{
    if (probe == NULL)
        return;
    smtp_talk_free(probe->talk);
    event_free(probe->timer);
    free(probe->domain);
    free(probe->hello);
    free(probe->sender);
    free(probe->recipient);
    free(probe->route);
    free(probe);
}

void
probe_set_route(struct probe *probe, const char *route)
{
    bool is_changed = probe->view.is_changed;

    if (strcmp(probe->route, route) == 0)
        return;
    free(probe->route);
    probe->route = allocate_text(span_of(route));
    smtp_talk_free(probe->talk);
    probe->talk = NULL;
    probe->has_last = false;
    (void)event_del(probe->timer);
    probe->view = (struct plan_probe_view){
        .is_asked = route[0] != '\0',
        .interval_ms = (int64_t)probe->interval_ms,
        .is_changed = is_changed && route[0] != '\0',
    };
    if (probe->view.is_asked)
        arm(probe, 0);
}

void
probe_expect(struct probe *probe, const char *fingerprint)
{
    if (strcmp(probe->expected, fingerprint) != 0)
        probe_accept(probe, fingerprint);
}

void
probe_accept(struct probe *probe, const char *fingerprint)
{
    (void)snprintf(probe->expected, sizeof(probe->expected), "%s", fingerprint);
    probe->view.is_changed = probe->expected[0] != '\0' &&
                             probe->fingerprint[0] != '\0' &&
                             strcmp(probe->expected, probe->fingerprint) != 0;
}

const struct plan_probe_view *
probe_view(const struct probe *probe)
{
    return &probe->view;
}

const char *
probe_fingerprint(const struct probe *probe)
{
    return probe->fingerprint;
}

const struct smtp_talk_result *
probe_last(const struct probe *probe)
{
    return probe->has_last ? &probe->last : NULL;
}

enum domain_side
probe_side(const struct probe *probe)
{
    return probe->side;
}

const char *
probe_domain(const struct probe *probe)
{
    return probe->domain;
}

/* --- metrics --- */

static const enum smtp_phase measured[] = {
    SMTP_CONNECT, SMTP_BANNER, SMTP_HELLO, SMTP_TLS, SMTP_RCPT};

static const char *
side_name(const struct probe *probe)
{
    return probe->side == SIDE_OLD ? "old" : "new";
}

void
probe_measure(const struct probe *probe, struct metrics *metrics)
{
    const char *labels[3] = {probe->domain, side_name(probe), NULL};

    if (!probe->has_last)
        return;
    metrics_set(metrics_series(metrics, "cutover_probe_success", labels),
        probe->view.result == PLAN_PROBE_GOOD);
    for (size_t i = 0; i < ARRAY_LENGTH(measured); i++) {
        int64_t duration = probe->last.duration_us[measured[i]];

        labels[2] = smtp_phase_name(measured[i]);
        if (duration >= 0)
            metrics_set(metrics_series(metrics, "cutover_probe_duration_seconds", labels),
                (double)duration / 1e6);
        else
            metrics_forget(metrics, "cutover_probe_duration_seconds", labels);
    }
}

void
probe_forget_metrics(const struct probe *probe, struct metrics *metrics)
{
    const char *labels[3] = {probe->domain, side_name(probe), NULL};

    metrics_forget(metrics, "cutover_probe_success", labels);
    for (size_t i = 0; i < ARRAY_LENGTH(measured); i++) {
        labels[2] = smtp_phase_name(measured[i]);
        metrics_forget(metrics, "cutover_probe_duration_seconds", labels);
    }
}
