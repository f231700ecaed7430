/*
 * policyd_ask - a page of the policyd on this machine, without waiting for it: over its
 * metrics address, within a deadline.
 */
#ifndef POLICYD_CUTOVER_POLICYD_ASK_H
#define POLICYD_CUTOVER_POLICYD_ASK_H

#include "shared/base/span.h"
#include "shared/service/socket_address.h"

struct event_base;
struct policyd_ask;

enum { POLICYD_ASK_MS = 3000, POLICYD_ASK_MAX = 64 << 20 };

/* `why` is NULL where it answered 200; else what was wrong.  With its body, where it gave
 * one. */
typedef void policyd_ask_done(void *argument, struct span body, const char *why);

/* `done` is called once, from the loop; the question is gone by then.  A name is not
 * resolved: a numeric address, or localhost. */
struct policyd_ask *policyd_ask_start(struct event_base *base,
    const struct socket_address *address, const char *path, policyd_ask_done *done,
    void *argument);

/* `done` is not called. */
void policyd_ask_free(struct policyd_ask *ask);

#endif
