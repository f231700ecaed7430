/*
 * probe - asks one backend of one domain every so often whether it would take mail, and
 * keeps what came of it last.
 *
 * Connect, greeting, EHLO, STARTTLS where offered, RCPT of the probe address where there
 * is one, QUIT; one connection at a time.  An answer of 4xx to MAIL or RCPT (greylisting)
 * says nothing of the backend: neither good nor bad.
 *
 * A certificate that is another than the expected one is remembered until the owner
 * expects the new one (`probe accept`); so is STARTTLS that is no longer offered.  Which
 * one is expected is the owner's to keep (the first one seen, in Redis).
 */
#ifndef POLICYD_CUTOVER_PROBE_H
#define POLICYD_CUTOVER_PROBE_H

#include "policyd/plan/plan_probe.h"
#include "policyd/smtp/smtp_talk.h"
#include "policyd/state/domain_state.h"

struct metrics;
struct probe;

struct probe_options {
    const char *domain; /* copied, as are all texts */
    enum domain_side side;
    const char *hello;     /* our name */
    const char *sender;    /* "" is the null sender */
    const char *recipient; /* "": no RCPT; without @: of this domain; of another: none */
    uint64_t interval_ms;
    struct smtp_tls *tls; /* NULL: without TLS; outlives the probe */
    /* After each one, from the event loop; the probe may be freed in it. */
    void (*done)(void *argument, struct probe *probe);
    void *argument;
};

/* Nothing is asked until there is a route. */
struct probe *probe_new(struct event_base *base, const struct probe_options *options);
void probe_free(struct probe *probe);

/* Asked at once where it is another one than before; "" (old = site): nobody is asked,
 * and what was known is forgotten, but not what certificate is expected. */
void probe_set_route(struct probe *probe, const char *route);

/* The fingerprint that is expected: hexadecimal; "": any, the first that comes is told as
 * seen.  The same as before changes nothing, so it may be said again and again. */
void probe_expect(struct probe *probe, const char *fingerprint);

/* A person's word: this one from now on, and what was seen before is forgiven. */
void probe_accept(struct probe *probe, const char *fingerprint);

/* What is known, for the gate; valid until the probe is changed or done again. */
const struct plan_probe_view *probe_view(const struct probe *probe);

/* Of the last certificate that was seen; "": none yet. */
const char *probe_fingerprint(const struct probe *probe);

/* NULL: none yet. */
const struct smtp_talk_result *probe_last(const struct probe *probe);

enum domain_side probe_side(const struct probe *probe);
const char *probe_domain(const struct probe *probe);

/* cutover_probe_success and cutover_probe_duration_seconds. */
void probe_measure(const struct probe *probe, struct metrics *metrics);
void probe_forget_metrics(const struct probe *probe, struct metrics *metrics);

#endif
