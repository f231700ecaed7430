/*
 * login_decide - where a proxy sends a login, or hands mail over by LMTP, once the route
 * of the mailbox is known.
 *
 * Each protocol has its own address where the domain names one (`pop3_old`), else the
 * host of `imap_old` at its usual port.  LMTP heeds no refusal of a login and takes "not
 * found" for good: whatever has no backend just now is a failure for the moment there.
 * Pure.
 */
#ifndef POLICYD_ROUTING_LOGIN_DECIDE_H
#define POLICYD_ROUTING_LOGIN_DECIDE_H

#include "policyd/routing/route_decide.h"

enum login_answer {
    LOGIN_TO_OLD,
    LOGIN_TO_NEW,
    LOGIN_HELD,
    LOGIN_ON_STANDBY,
    LOGIN_NOT_FOUND,
    LOGIN_LATER, /* `why` says why */
};

struct login {
    enum login_answer answer;
    struct span host; /* borrowed from the state of the domain */
    unsigned port;
    char why[80];
};

/* The rest of a key: USER, or PROTOCOL/USER. */
void login_key_parse(struct span key, enum domain_login *protocol, struct span *user);

/* Mail goes where mail goes, whatever logins follow. */
bool login_follows_route(enum domain_login protocol);

void login_decide(
    const struct route *route, enum domain_login protocol, struct login *login);

#endif
