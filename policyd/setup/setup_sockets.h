/*
 * setup_sockets - where policyd and the milters listen, as Postfix is to be told.
 *
 * A socket below the queue directory is named relative to it, which is right with and
 * without chroot, whatever the path to it is written like.  Of several the one in this
 * instance's queue directory is taken.
 */
#ifndef POLICYD_SETUP_SETUP_SOCKETS_H
#define POLICYD_SETUP_SETUP_SOCKETS_H

#include "policyd/setup/setup_site.h"

/* Fills in the facts that come from our own configuration file. */
void setup_sockets_read(struct setup_site *site, const struct setup_sockets *sockets);

#endif
