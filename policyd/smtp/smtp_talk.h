/*
 * smtp_talk - one dialog with a backend by SMTP or LMTP, on the event loop: would it take
 * this mail?  Nothing is ever sent: there is no DATA here.
 *
 * Connects to what a route names, one host after the other as Postfix does until one has
 * greeted us and answered EHLO (LHLO where the transport is an lmtp one); STARTTLS where
 * it is offered; then for each envelope MAIL FROM and its recipients, with RSET between
 * envelopes; QUIT.  Each step has a deadline and so has all of it; names are resolved
 * without blocking.  A 421 or a reply that can't be read ends the dialog.
 *
 * Limits: a server whose handshake fails is not asked again in clear text.
 */
#ifndef POLICYD_SMTP_SMTP_TALK_H
#define POLICYD_SMTP_SMTP_TALK_H

#include "policyd/smtp/smtp_tls.h"
#include "policyd/wire/smtp_reply.h"

struct event_base;
struct smtp_talk;

enum smtp_phase {
    SMTP_CONNECT, /* names are resolved in it, too */
    SMTP_BANNER,
    SMTP_HELLO, /* again after STARTTLS */
    SMTP_TLS,   /* STARTTLS and the handshake */
    SMTP_MAIL,
    SMTP_RCPT,
    SMTP_RSET,
    SMTP_QUIT,
    SMTP_PHASES
};

const char *smtp_phase_name(enum smtp_phase phase); /* "connect" "banner" "ehlo" "tls"
                                                        "mail" "rcpt" "rset" "quit" */

struct smtp_envelope {
    const char *sender; /* "" is the null sender */
    const char *const *recipients;
    size_t recipient_count;
    uint64_t size; /* SIZE= where the server offers it; 0: not told */
};

struct smtp_talk_options {
    const char *route; /* transport:nexthop, as in domain_route */
    const char *hello; /* our name */
    /* Numeric addresses to connect from, by family; NULL or "": any. */
    const char *source4;
    const char *source6;
    /* What the certificate must be for; NULL: each host's name in the route. */
    const char *tls_name;
    struct smtp_tls *tls;     /* NULL: STARTTLS is not begun; outlives the dialog */
    unsigned timeout_ms;      /* of all */
    unsigned step_timeout_ms; /* of each step */
    const struct smtp_envelope *envelopes; /* copied, with their texts */
    size_t envelope_count;                 /* 0: no MAIL, no RCPT */
    bool resets;                           /* RSET behind the last one, too */
};

enum smtp_trouble {
    SMTP_TROUBLE_NONE,
    SMTP_TROUBLE_RESOLVE, /* no address for the name */
    SMTP_TROUBLE_CONNECT, /* refused, unreachable */
    SMTP_TROUBLE_TIMEOUT,
    SMTP_TROUBLE_LOST,     /* closed in the middle */
    SMTP_TROUBLE_REFUSED,  /* `reply` says so: to us, not to an address */
    SMTP_TROUBLE_PROTOCOL, /* what came is no reply */
    SMTP_TROUBLE_TLS,      /* the handshake failed */
    SMTP_TROUBLE_ADDRESS,  /* this server can't be told that address */
};

struct smtp_talk_result {
    enum smtp_trouble trouble; /* NONE: all was asked and answered */
    enum smtp_phase phase;     /* the last one that was begun */
    char why[400];             /* one line; "" without trouble */
    char host[320];            /* "[name]:port" or "unix:path", the one spoken to last */
    struct smtp_reply reply;   /* the last one; code 0: none */
    struct smtp_extensions extensions; /* of the last EHLO */
    struct smtp_tls_facts tls;
    int64_t duration_us[SMTP_PHASES]; /* with that host; -1: not begun */
    int64_t total_us;                 /* since the start */
};

struct smtp_talk_events {
    /* To MAIL (recipient 0; when it is refused the envelope's recipients are not asked)
     * and to each RCPT, by their place in the options.  May be NULL. */
    void (*answered)(void *argument, enum smtp_phase phase, size_t envelope,
        size_t recipient, const struct smtp_reply *reply);
    /* Once, never before smtp_talk_start has returned; the talk may be freed in it. */
    void (*ended)(void *argument, const struct smtp_talk_result *result);
};

/* NULL: the route or an address can't be used; *error says which and why. */
struct smtp_talk *smtp_talk_start(struct event_base *base,
    const struct smtp_talk_options *options, const struct smtp_talk_events *events,
    void *argument, struct error *error);

/* At any time: nothing is called afterwards. */
void smtp_talk_free(struct smtp_talk *talk);

#endif
