/*
 * maillog_reply - what a delivery agent's text says: who spoke, in which phase, which
 * code.  Pure.
 *
 *     host H[A] said: 550 5.1.1 no such user (in reply to RCPT TO command)
 *     host H[A] refused to talk to me: 421 ...
 *     connect to H[A]:25: Connection refused
 *     lost connection with H[A] while ...
 *     conversation with H[A] timed out while ...
 *     delivery temporarily suspended: ...
 *     message size N exceeds size limit M of server H[A]
 */
#ifndef POLICYD_MAILLOG_MAILLOG_REPLY_H
#define POLICYD_MAILLOG_MAILLOG_REPLY_H

#include "shared/base/span.h"

enum maillog_phase {
    PHASE_NONE,    /* nobody was spoken to, or it isn't said */
    PHASE_CONNECT, /* connection and greeting */
    PHASE_HELLO,   /* EHLO, HELO, LHLO, XFORWARD */
    PHASE_TLS,     /* STARTTLS and its handshake */
    PHASE_AUTH,
    PHASE_MAIL,
    PHASE_RCPT,
    PHASE_DATA, /* the command */
    PHASE_END,  /* end of DATA: the content was sent */
    PHASE_COUNT
};

enum maillog_said {
    SAID_REPLY,     /* a reply with a code, in `code` */
    SAID_NOTHING,   /* no connection, no answer, or it was lost on the way */
    SAID_SUSPENDED, /* not tried: throttled after earlier failures */
    SAID_TOO_BIG,   /* not sent: above the server's limit */
    SAID_OTHER,     /* Postfix's own words: no route, resolver, local delivery */
};

struct maillog_reply {
    enum maillog_said said;
    enum maillog_phase phase;
    unsigned code;        /* 250, 450, 550; 0: none */
    struct span enhanced; /* "5.1.1", "" */
    struct span text;     /* behind the codes, without "(in reply to ...)" */
};

void maillog_reply_parse(struct span text, struct maillog_reply *reply);

/* A bare reply, "550 5.1.1 no such user", as it was said in this phase. */
void maillog_reply_read(
    struct span text, enum maillog_phase phase, struct maillog_reply *reply);

/* "rcpt" and so on, as `postshiftctl classify` takes them: none connect hello tls auth
 * mail rcpt data end. */
bool maillog_phase_parse(struct span name, enum maillog_phase *phase);

#endif
