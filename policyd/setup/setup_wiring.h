/*
 * setup_wiring - what of a Postfix tells whether it is wired: files, sockets, processes.
 */
#ifndef POLICYD_SETUP_SETUP_WIRING_H
#define POLICYD_SETUP_SETUP_WIRING_H

#include "policyd/setup/setup_site.h"
#include "policyd/wiring/wiring_check.h"

/* `user` is who policyd runs as ("": not said). */
void setup_wiring_look(
    struct wiring_facts *facts, const struct setup_site *site, const char *user);

#endif
