/*
 * init_text - the configuration file of a new site: what it has otherwise than by
 * default, each key with a comment that says why.  Pure.
 */
#ifndef POLICYD_TERMINAL_INIT_TEXT_H
#define POLICYD_TERMINAL_INIT_TEXT_H

#include "policyd/state/domain_route.h"
#include "shared/base/buffer.h"

enum { INIT_TEXT_MAX = 1 << 20, INIT_ROUTES = 2 };

/* Texts are borrowed; NULL: as by default. */
struct init_text {
    const char *domain;
    const char *routes[INIT_ROUTES];     /* of old and new; `site` names no host */
    const char *transports[INIT_ROUTES]; /* beyond the six that are allowed anyway */
    bool loopback;                       /* one of them leads to this host */
    const char *carried;   /* "relay:[192.0.2.10]:25 (relay_domains)": today; a comment */
    const char *delimiter; /* recipient_delimiter of main.cf; "" is none */
    const char *queue;     /* queue_directory where sockets go */
    const char *postfix;   /* configuration directory */
    const char *log;       /* Postfix's log file */
    const char *redis;     /* "unix:/run/redis/redis-server.sock" */
    bool redis_locked;     /* it wants a password */
    const char *spamd;     /* "inet:127.0.0.1:783" */
};

/* False: one of the texts can't stand in a file, or there are too many; `out` is of no
 * use. */
bool init_text_write(struct buffer *out, const struct init_text *text);

#endif
