/*
 * ctl_client - asks policyd, by the sockets on which it serves: one question, one answer,
 * a deadline.
 */
#ifndef POLICYD_CTL_CTL_CLIENT_H
#define POLICYD_CTL_CTL_CLIENT_H

#include "shared/base/buffer.h"
#include "shared/base/error.h"
#include "shared/service/socket_address.h"

enum { CTL_CLIENT_TIMEOUT_MS = 2000 };

/*
 * GET of a path, query included, from policyd's metrics address.  False: nobody answers,
 * or what came is no answer; else *status is the HTTP status and `body` has the page.
 */
bool ctl_client_page(const struct socket_address *address, const char *path,
    struct buffer *body, int *status, struct error *error);

/* Asks a socketmap: `answer` gets "OK cutover-old:..." and so on. */
bool ctl_client_socketmap(const struct socket_address *address, struct span map,
    struct span key, struct buffer *answer, struct error *error);

/* Whether a spamd answers there. */
bool ctl_client_spamd(const struct socket_address *address, struct error *error);

/* Appends text as a query's value: %XX where it must be. */
void ctl_client_escape(struct buffer *out, struct span text);

#endif
