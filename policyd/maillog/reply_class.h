/*
 * reply_class - what a refusing reply is about, by its phase, codes and words.  Pure.
 *
 * A table of phrases (reply_phrases.h), linear in the text, of which the first 8 KiB are
 * read: a reply of 100 kB takes below a millisecond.
 * For reports, rehearsal and for "new judges us"; nothing that moves mail depends on it
 * alone.
 */
#ifndef POLICYD_MAILLOG_REPLY_CLASS_H
#define POLICYD_MAILLOG_REPLY_CLASS_H

#include "policyd/maillog/maillog_reply.h"

enum reply_class {
    REPLY_UNKNOWN,  /* no such mailbox */
    REPLY_DISABLED, /* the mailbox is there and closed: disabled, suspended, moved */
    REPLY_QUOTA,    /* full */
    REPLY_SIZE,     /* the message is too big */
    REPLY_POLICY,   /* spam, blocklists, authentication, relaying, content */
    REPLY_RATE,     /* too much, too fast, greylisting */
    REPLY_OUTAGE,   /* the server's own trouble */
    REPLY_OTHER,
    REPLY_CLASS_COUNT
};

enum reply_class reply_class_of(const struct maillog_reply *reply);

/* "unknown" and so on, lower case. */
const char *reply_class_name(enum reply_class class);

#endif
