/*
 * maillog_event - the text of a line of Postfix or of ours: what happened to which
 * message.  Pure; all spans are borrowed from the text.
 *
 * Keys are read from the left in their fixed order; what stands in brackets at the end is
 * text from strangers and is never read for keys.  Keys that we don't know may stand
 * between those we do.
 */
#ifndef POLICYD_MAILLOG_MAILLOG_EVENT_H
#define POLICYD_MAILLOG_MAILLOG_EVENT_H

#include "policyd/maillog/maillog_line.h"

enum maillog_kind {
    MAILLOG_NOTHING, /* known, and changes no account: connect, statistics, warnings */
    MAILLOG_UNKNOWN_FORM, /* of Postfix, with a queue id, and in no form that we know */
    MAILLOG_BEGUN,        /* smtpd client=, pickup uid= */
    MAILLOG_MESSAGE_ID,   /* cleanup message-id= (not resent-message-id=) */
    MAILLOG_ACTIVE,       /* qmgr from=, size=, nrcpt= (queue active) */
    MAILLOG_ATTEMPT,      /* to=, ... status= */
    MAILLOG_GIVEN_UP,     /* qmgr from=, status=expired or force-expired */
    MAILLOG_REMOVED,
    MAILLOG_HELD, /* postsuper: placed on hold */
    MAILLOG_RELEASED,
    MAILLOG_REQUEUED,
    MAILLOG_EXPIRE_ORDER, /* postsuper -e or -f: ends by the next queue run */
    MAILLOG_ACTION,       /* hold, discard, reject, ... by smtpd or cleanup */
    MAILLOG_NOTICE,       /* bounce: ... notification: QID */
    MAILLOG_TLS,          /* TLS connection established to */
    MAILLOG_VERDICT,      /* auth: or scan: of ours */
    MAILLOG_START,        /* master: daemon started */
    MAILLOG_SESSION,      /* smtpd: a client has come or gone */
};

enum maillog_status {
    MAILLOG_SENT,
    MAILLOG_DEFERRED,
    MAILLOG_BOUNCED,
    MAILLOG_EXPIRED,
    MAILLOG_SOFTBOUNCE,  /* counts as deferred */
    MAILLOG_DELIVERABLE, /* a probe's; so the next one, whatever stands behind it */
    MAILLOG_UNDELIVERABLE,
};

enum maillog_action {
    MAILLOG_ACTION_OTHER, /* warn, info, prepend, replace, redirect, filter, bcc, ... */
    MAILLOG_ACTION_HOLD,  /* also milter-hold and quarantine */
    MAILLOG_ACTION_DISCARD,
    MAILLOG_ACTION_REJECT, /* also milter-reject */
};

enum maillog_removal {
    MAILLOG_REMOVED_DONE,     /* by qmgr: all recipients have their end */
    MAILLOG_REMOVED_DELETED,  /* by postsuper: a person */
    MAILLOG_REMOVED_CANCELED, /* by cleanup, from 3.10 */
    MAILLOG_REMOVED_DISCARDED,
};

enum maillog_notice {
    MAILLOG_NON_DELIVERY,
    MAILLOG_DELAY,
    MAILLOG_SUCCESS,
    MAILLOG_POSTMASTER
};

struct maillog_event {
    enum maillog_kind kind;
    struct span queue_id; /* "": NOQUEUE, or a kind without one */

    struct span from;    /* ACTIVE, GIVEN_UP, ACTION, pickup; as logged, without <> */
    struct span to;      /* ATTEMPT, ACTION */
    struct span orig_to; /* ATTEMPT, "" where it is the same */
    struct span client;  /* BEGUN, ACTION: name[address]; "" of pickup */
    struct span
        orig_client;        /* BEGUN: who brought it to whom we have it from (XFORWARD) */
    struct span login;      /* BEGUN: sasl_username= */
    struct span message_id; /* without <> */
    struct span other_id; /* orig_id=, orig_queue_id=, queued as, forwarded as, notice */
    bool is_forwarded;    /* ATTEMPT: "forwarded as", the recipient is replaced */

    uint64_t size;  /* ACTIVE */
    uint64_t nrcpt; /* ACTIVE */

    struct span relay;     /* ATTEMPT: "none", "host[address]:port"; TLS: the peer */
    uint64_t delay_ms;     /* ATTEMPT: delay= */
    uint64_t delays_ms[4]; /* delays=a/b/c/d */
    struct span dsn;
    enum maillog_status status;
    bool maybe_double; /* "-- message may be sent more than once" */
    struct span text;  /* ATTEMPT: in the brackets; ACTION: behind the client */

    enum maillog_action action;
    enum maillog_removal removal;
    enum maillog_notice notice;
    struct span tls_version; /* "TLSv1.3" */

    struct span verdict; /* VERDICT: all behind "auth: " or "scan: " */
};

void maillog_event_parse(const struct maillog_line *line, struct maillog_event *event);

#endif
