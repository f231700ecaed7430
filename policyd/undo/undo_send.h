/*
 * undo_send - brings messages to a backend, one after the other over one connection: for
 * undo alone, which goes past Postfix.  (policyd/smtp asks, and never sends a message.)
 *
 * SMTP, or LMTP where the route's transport is an lmtp one; STARTTLS where it is offered;
 * the route's hosts in their order until one answers.  Blocks, with a deadline a step.
 */
#ifndef POLICYD_UNDO_UNDO_SEND_H
#define POLICYD_UNDO_UNDO_SEND_H

#include "policyd/wire/smtp_reply.h"
#include "shared/base/buffer.h"

struct undo_sender;

enum undo_sent {
    UNDO_SENT,
    UNDO_REFUSED, /* this message, by the reply; nothing of it is there */
    UNDO_FAILED,  /* nobody to talk to; nothing of it is there */
    UNDO_DOUBT,   /* it was said to its end, and no answer came */
    UNDO_DAMAGED, /* its content can't be read; nothing of it is there */
};

struct undo_mail {
    struct span sender;
    struct span recipient;
    uint64_t size;
    bool eight_bit;
    bool utf8;
    size_t chunks;
    /* Appends one; false: it can't be read. */
    bool (*chunk)(void *argument, size_t at, struct buffer *out);
    void *argument;
};

/* NULL: the route can't be read. */
struct undo_sender *undo_sender_new(
    const char *route, const char *hello, struct error *error);
void undo_sender_free(struct undo_sender *sender); /* says good bye */

/* *error says why where it isn't SENT. */
enum undo_sent undo_sender_send(
    struct undo_sender *sender, const struct undo_mail *mail, struct error *error);

#endif
