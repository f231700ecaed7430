#include "policyd/smtp/smtp_steps.h"

#include <stdio.h>

#include "policyd/smtp/smtp_course.h"
#include "policyd/wire/smtp_command.h"

enum { CLOSING = 421 };

/* --- what is said --- */

static void
say(struct smtp_talk *talk, enum smtp_phase phase, const char *command)
{
    smtp_course_begin(talk, phase);
    smtp_link_send(talk->link, span_of(command));
}

void
smtp_steps_hello(struct smtp_talk *talk)
{
    char command[DOMAIN_MAX + 10];

    (void)snprintf(command, sizeof(command), "%s %s\r\n",
        smtp_places_are_lmtp(talk->places) ? "LHLO" : (talk->says_helo ? "HELO" : "EHLO"),
        talk->hello);
    say(talk, SMTP_HELLO, command);
}

static void
say_quit(struct smtp_talk *talk)
{
    say(talk, SMTP_QUIT, "QUIT\r\n");
}

/* The address can't be told to this server; that is known at its turn. */
static void
say_made(struct smtp_talk *talk, enum smtp_phase phase, bool made, struct buffer *command,
    const struct error *error)
{
    if (made) {
        say(talk, phase, buffer_text(command));
    } else {
        talk->result.trouble = SMTP_TROUBLE_ADDRESS;
        (void)snprintf(talk->result.why, sizeof(talk->result.why), "%s", error->text);
        say_quit(talk);
    }
    buffer_clear(command);
}

static void
say_mail(struct smtp_talk *talk)
{
    const struct smtp_envelope *envelope =
        smtp_envelopes_at(talk->envelopes, talk->envelope);
    struct error error = {.text = ""};
    struct buffer command;
    bool made;

    if (envelope == NULL) {
        say_quit(talk);
        return;
    }
    talk->recipient = 0;
    buffer_init(&command, SMTP_COMMAND_MAX);
    made = smtp_command_mail(&command, span_of(envelope->sender), envelope->size,
        smtp_envelope_is_wide(envelope), &talk->result.extensions, &error);
    say_made(talk, SMTP_MAIL, made, &command, &error);
}

static void
next_envelope(struct smtp_talk *talk)
{
    talk->envelope++;
    if (smtp_envelopes_at(talk->envelopes, talk->envelope) == NULL && !talk->resets)
        say_quit(talk);
    else
        say(talk, SMTP_RSET, "RSET\r\n");
}

static void
say_rcpt(struct smtp_talk *talk)
{
    const struct smtp_envelope *envelope =
        smtp_envelopes_at(talk->envelopes, talk->envelope);
    struct error error = {.text = ""};
    struct buffer command;
    bool made;

    if (talk->recipient == envelope->recipient_count) {
        next_envelope(talk);
        return;
    }
    buffer_init(&command, SMTP_COMMAND_MAX);
    made = smtp_command_rcpt(&command, span_of(envelope->recipients[talk->recipient]),
        &talk->result.extensions, &error);
    say_made(talk, SMTP_RCPT, made, &command, &error);
}

/* --- what is answered --- */

static void
after_hello(struct smtp_talk *talk, struct span whole)
{
    unsigned code = talk->result.reply.code;

    if (code / 100 == 5 && !talk->says_helo && !smtp_places_are_lmtp(talk->places) &&
        smtp_link_session(talk->link) == NULL) {
        talk->says_helo = true;
        smtp_steps_hello(talk);
        return;
    }
    if (code / 100 != 2) {
        smtp_course_refused(talk);
        return;
    }
    if (talk->says_helo)
        whole = SPAN("");
    smtp_extensions_read(whole, &talk->result.extensions);
    if (smtp_link_session(talk->link) == NULL)
        talk->result.tls.is_offered = talk->result.extensions.starttls;
    if (talk->tls != NULL && talk->result.tls.is_offered && !talk->result.tls.is_in_use) {
        say(talk, SMTP_TLS, "STARTTLS\r\n");
        return;
    }
    talk->is_established = true;
    say_mail(talk);
}

static void
after_starttls(struct smtp_talk *talk)
{
    if (talk->result.reply.code == 220) {
        smtp_link_secure(talk->link, smtp_tls_session(talk->tls, talk->name));
        return;
    }
    /* Offered, and not now: clear text, as Postfix goes on where TLS is not a must. */
    talk->is_established = true;
    say_mail(talk);
}

static void
after_address(struct smtp_talk *talk)
{
    enum smtp_phase phase = talk->result.phase;

    if (talk->events.answered != NULL)
        talk->events.answered(
            talk->argument, phase, talk->envelope, talk->recipient, &talk->result.reply);
    if (talk->freed)
        return;
    if (talk->result.reply.code == CLOSING) {
        smtp_course_refused(talk);
    } else if (phase == SMTP_MAIL && talk->result.reply.code / 100 != 2) {
        next_envelope(talk);
    } else {
        talk->recipient += phase == SMTP_RCPT;
        say_rcpt(talk);
    }
}

void
smtp_steps_take(struct smtp_talk *talk, struct span whole)
{
    unsigned code = talk->result.reply.code;

    switch (talk->result.phase) {
    case SMTP_BANNER:
        if (code == 220)
            smtp_steps_hello(talk);
        else
            smtp_course_refused(talk);
        break;
    case SMTP_HELLO:
        after_hello(talk, whole);
        break;
    case SMTP_TLS:
        if (code == CLOSING)
            smtp_course_refused(talk);
        else
            after_starttls(talk);
        break;
    case SMTP_MAIL:
    case SMTP_RCPT:
        after_address(talk);
        break;
    case SMTP_RSET:
        if (code / 100 == 2)
            say_mail(talk);
        else
            smtp_course_refused(talk);
        break;
    case SMTP_QUIT:
    case SMTP_CONNECT:
    case SMTP_PHASES:
    default:
        smtp_course_finish(talk);
        break;
    }
}
