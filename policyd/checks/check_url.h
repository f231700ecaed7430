/*
 * check_url - whether a URL names this machine, where mail servers may be asked without
 * TLS.  Pure.
 */
#ifndef POLICYD_CHECKS_CHECK_URL_H
#define POLICYD_CHECKS_CHECK_URL_H

#include "shared/base/span.h"

/* "imap://127.x.y.z", "[::1]" or "localhost", with a port and a path or none: the whole
 * host, so not "localhost.example.com"; one behind a user's name is none. */
bool check_url_is_loopback(struct span url);

#endif
