/*
 * smtp_steps - what is said to a mail server, and what follows from its answers: inside
 * smtp_talk.
 */
#ifndef POLICYD_SMTP_SMTP_STEPS_H
#define POLICYD_SMTP_SMTP_STEPS_H

#include "policyd/smtp/smtp_talk.h"
#include "shared/base/span.h"

/* EHLO, LHLO, or HELO to a server that knows no other: at the greeting, and again under
 * TLS. */
void smtp_steps_hello(struct smtp_talk *talk);

/* The answer to what was said last (result.reply); `whole` is it as it came. */
void smtp_steps_take(struct smtp_talk *talk, struct span whole);

#endif
