/*
 * preflight_fetch - what a web server or a mailbox has (libcurl).
 *
 * Nothing is followed elsewhere, no proxy is asked, no file of the user's is read.  Where
 * it was built without libcurl, all that is said is that.
 */
#ifndef POLICYD_PREFLIGHT_PREFLIGHT_FETCH_H
#define POLICYD_PREFLIGHT_PREFLIGHT_FETCH_H

#include "policyd/checks/check_dns.h"

/* By HTTPS from port 443, verified for that name. */
struct preflight_request {
    const char *host;
    const char *path;
    const char *addresses; /* of it, parted by commas */
    uint64_t timeout_ms;
    size_t most; /* octets */
};
void preflight_fetch(const struct preflight_request *request,
    struct check_document *document, struct arena *arena);

/* A mailbox to be looked into. */
struct preflight_mailbox {
    const char *url; /* "imaps://HOST:PORT" or "imap://...", which goes over to TLS but on
                        loopback */
    const char *user;
    const char *password;
    uint64_t timeout_ms;
};
/* Whether INBOX has a message of that Message-ID; false: `*trouble` says why that isn't
 * known. */
bool preflight_mailbox_has(const struct preflight_mailbox *mailbox,
    const char *message_id, bool *found, const char **trouble, struct arena *arena);

#endif
