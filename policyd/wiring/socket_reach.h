/*
 * socket_reach - whether Postfix's services can reach our sockets: a chrooted one sees
 * nothing outside the queue directory.
 *
 * Each socket is judged by the services that use it: policyd's route by the rewrite
 * service, its policy and the milters by the SMTP servers.  Pure.
 */
#ifndef POLICYD_WIRING_SOCKET_REACH_H
#define POLICYD_WIRING_SOCKET_REACH_H

#include "policyd/wiring/postfix_text.h"
#include "policyd/wiring/setup_plan.h"

/* False: one can't, the error says which and what to set. */
bool socket_reach_check(const struct setup_facts *facts,
    const struct postfix_service *rewrite, struct error *error);

#endif
