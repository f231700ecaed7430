/*
 * scan_message - a message that is complete, as it goes to a worker and to spamd.
 */
#ifndef MILTERS_SCAN_SCAN_MESSAGE_H
#define MILTERS_SCAN_SCAN_MESSAGE_H

#include "shared/base/span.h"

/* What libclamav knows a mail by, at the head of each message; not for spamd. */
#define SCAN_MARK SPAN("Received: by postshift-scan\r\n")

/* A message and the mark: in memory up to SCAN_INLINE_MAX, larger in a sealed memfd;
 * borrowed. */
struct scan_message {
    uint64_t size;
    struct span octets; /* empty where there is a descriptor */
    int fd;             /* -1: none */
    uint64_t client;    /* of scan_turn; 0: not known */
};

/* Its octets, mapped where they are in a descriptor; empty: no memory.  Most messages are
 * never looked at in the serving process: only spamd and one that kills need them. */
struct span scan_message_map(const struct scan_message *message);
void scan_message_unmap(const struct scan_message *message, struct span mapped);

uint64_t scan_message_digest(const struct scan_message *message);

#endif
