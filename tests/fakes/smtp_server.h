/*
 * smtp_server - a mail server on the test's own event loop that answers as it is told,
 * and remembers what it heard.
 *
 * The first rule whose verb and text are in the command answers; without one the answer
 * is good.  Certificates are its own signing, made at the start or anew.
 */
#ifndef TESTS_FAKES_SMTP_SERVER_H
#define TESTS_FAKES_SMTP_SERVER_H

#include <event2/event.h>
#include <stdbool.h>

/* In place of a reply. */
#define SMTP_SERVER_HANG "hang"   /* nothing, ever */
#define SMTP_SERVER_CLOSE "close" /* hangs up */
#define SMTP_SERVER_FLOOD                                                                \
    "flood" /* octets without a line's end, as long as they are taken */

struct smtp_rule {
    const char *verb;  /* "connect" for the greeting; NULL ends the rules */
    const char *text;  /* in the command; NULL: whatever it says */
    const char *reply; /* without the last line's end; \r\n between lines */
};

struct smtp_server;

/* `place`: a numeric address for any port, or /path of a unix socket. */
struct smtp_server *smtp_server_new(struct event_base *base, const char *place);
void smtp_server_free(struct smtp_server *server);

void smtp_server_rules(struct smtp_server *server, const struct smtp_rule *rules);
/* STARTTLS is offered and spoken, by a new certificate. */
void smtp_server_certify(struct smtp_server *server, const char *name);
const char *smtp_server_fingerprint(const struct smtp_server *server);
/* The certificate, for who is to trust it. */
bool smtp_server_write_certificate(const struct smtp_server *server, const char *path);

unsigned smtp_server_port(const struct smtp_server *server);
/* Commands, each with a bar behind it; "(tls)" where TLS began. */
const char *smtp_server_heard(const struct smtp_server *server);
void smtp_server_forget(struct smtp_server *server);
unsigned smtp_server_connections(const struct smtp_server *server); /* so far */
unsigned smtp_server_most(const struct smtp_server *server);        /* at a time */

#endif
