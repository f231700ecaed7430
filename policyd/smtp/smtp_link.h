/*
 * smtp_link - one connection to a mail server: octets in and out, in clear text or under
 * TLS from some point on (libevent's bufferevents).
 *
 * Not more than a reply's ceiling is held of what comes.  Nothing here has a deadline:
 * who owns the link has.
 */
#ifndef POLICYD_SMTP_SMTP_LINK_H
#define POLICYD_SMTP_SMTP_LINK_H

#include "policyd/redis/redis_resolve.h"
#include "policyd/smtp/smtp_tls.h"
#include "shared/base/span.h"

struct smtp_link;

struct smtp_link_events {
    void (*connected)(void *argument);
    void (*came)(void *argument); /* there is more input */
    void (*secured)(void *argument);
    void (*lost)(void *argument, const char *why); /* once; nothing comes after it */
};

/* NULL: refused at once. */
struct smtp_link *smtp_link_open(struct event_base *base,
    const struct redis_target *target, const struct smtp_link_events *events,
    void *argument, struct error *error);

/* In any callback, too. */
void smtp_link_free(struct smtp_link *link);

void smtp_link_send(struct smtp_link *link, struct span octets);

/* Octets that were given to be sent and are not on their way yet. */
size_t smtp_link_unsent(const struct smtp_link *link);

/* What has come and was not used yet; borrowed until the next turn of the loop. */
struct span smtp_link_input(struct smtp_link *link);
void smtp_link_use(struct smtp_link *link, size_t count);

/* TLS begins; the session becomes the link's.  Nothing may be under way. */
void smtp_link_secure(struct smtp_link *link, SSL *session);
SSL *smtp_link_session(const struct smtp_link *link); /* NULL: clear text */

#endif
