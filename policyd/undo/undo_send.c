#include "policyd/undo/undo_send.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "policyd/copies/copies_lmtp.h"
#include "policyd/copies/copies_record.h"
#include "policyd/smtp/smtp_link.h"
#include "policyd/smtp/smtp_places.h"
#include "policyd/wire/smtp_command.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum {
    STEP_MS = 30000,
    CONTENT_MS = 300000, /* until the final dot is answered, as RFC 5321 wants twice */
    UNSENT_MAX = 256 << 10,
};

struct undo_sender {
    struct event_base *base;
    const char *route;
    const char *hello;
    struct smtp_tls *tls;
    struct smtp_places *places;
    struct smtp_link *link; /* NULL: nobody is spoken to */
    bool is_ready;          /* greeted */
    struct smtp_extensions extensions;
    struct event *late;
    /* What the loop was left for. */
    bool is_placed;
    bool has_place;
    bool is_end; /* there are no more places */
    struct smtp_place place;
    bool is_connected;
    bool is_secured;
    bool is_lost;
    bool is_late;
    char why[1200];
};

/* --- the loop --- */

static void
on_late(evutil_socket_t fd, short what, void *argument)
{
    struct undo_sender *sender = argument;

    (void)fd;
    (void)what;
    sender->is_late = true;
}

static void
on_connected(void *argument)
{
    struct undo_sender *sender = argument;

    sender->is_connected = true;
}

static void
on_came(void *argument)
{
    (void)argument; /* whoever waits looks at the input */
}

static void
on_secured(void *argument)
{
    struct undo_sender *sender = argument;

    sender->is_secured = true;
}

static void
on_lost(void *argument, const char *why)
{
    struct undo_sender *sender = argument;

    sender->is_lost = true;
    (void)snprintf(sender->why, sizeof(sender->why), "%s: %s", sender->place.shown, why);
}

static void
on_place(void *argument, const struct smtp_place *place, const char *why)
{
    struct undo_sender *sender = argument;

    sender->is_placed = true;
    sender->has_place = place != NULL;
    sender->is_end = place == NULL && why[0] == '\0';
    if (place != NULL)
        sender->place = *place;
    else if (why[0] != '\0')
        (void)snprintf(sender->why, sizeof(sender->why), "%s", why);
}

/* Turns the loop until it is true, the link is lost, or time is over. */
static bool
wait_for(struct undo_sender *sender, bool (*is_true)(struct undo_sender *), unsigned ms)
{
    const struct timeval time = clock_timeval(ms);

    sender->is_late = false;
    (void)event_add(sender->late, &time);
    while (!is_true(sender) && !sender->is_lost && !sender->is_late)
        (void)event_base_loop(sender->base, EVLOOP_ONCE);
    (void)event_del(sender->late);
    if (is_true(sender))
        return true;
    if (sender->is_late)
        (void)snprintf(sender->why, sizeof(sender->why), "%s: no answer in time",
            sender->place.shown);
    return false;
}

static bool
is_placed(struct undo_sender *sender)
{
    return sender->is_placed;
}

static bool
is_connected(struct undo_sender *sender)
{
    return sender->is_connected;
}

static bool
is_secured(struct undo_sender *sender)
{
    return sender->is_secured;
}

static bool
is_sent(struct undo_sender *sender)
{
    return smtp_link_unsent(sender->link) < UNSENT_MAX;
}

static bool
has_reply(struct undo_sender *sender)
{
    struct smtp_reply reply;
    struct error ignored;
    size_t used;

    return smtp_reply_read(smtp_link_input(sender->link), &reply, &used, &ignored) !=
           WIRE_MORE;
}

/* --- dialog --- */

static void
hang_up(struct undo_sender *sender)
{
    smtp_link_free(sender->link);
    sender->link = NULL;
    sender->is_ready = false;
}

/* What was said; `extensions`, where it is the answer to a greeting, else NULL. */
static bool
hear(struct undo_sender *sender, struct smtp_reply *reply,
    struct smtp_extensions *extensions, unsigned ms)
{
    char written[SMTP_REPLY_WRITTEN_MAX + 1];
    struct span input;
    struct error error = {.text = ""};
    size_t used = 0;

    if (!wait_for(sender, has_reply, ms))
        return false;
    input = smtp_link_input(sender->link);
    if (smtp_reply_read(input, reply, &used, &error) != WIRE_DONE) {
        (void)snprintf(
            sender->why, sizeof(sender->why), "%s: %s", sender->place.shown, error.text);
        return false;
    }
    if (extensions != NULL)
        smtp_extensions_read(span_first(input, used), extensions);
    smtp_link_use(sender->link, used);
    smtp_reply_write(reply, written);
    (void)snprintf(sender->why, sizeof(sender->why), "%s said: %.300s",
        sender->place.shown, written);
    return true;
}

static bool
ask(struct undo_sender *sender, const char *command, struct smtp_reply *reply)
{
    smtp_link_send(sender->link, span_of(command));
    return hear(sender, reply, NULL, STEP_MS);
}

static bool
greet(struct undo_sender *sender)
{
    struct smtp_reply reply;
    char line[400];

    (void)snprintf(line, sizeof(line), "%s %s\r\n",
        smtp_places_are_lmtp(sender->places) ? "LHLO" : "EHLO", sender->hello);
    smtp_link_send(sender->link, span_of(line));
    return hear(sender, &reply, &sender->extensions, STEP_MS) && reply.code == 250;
}

static bool
secure(struct undo_sender *sender)
{
    struct smtp_reply reply;

    if (!sender->extensions.starttls || sender->tls == NULL)
        return true;
    if (!ask(sender, "STARTTLS\r\n", &reply) || reply.code != 220)
        return false;
    sender->is_secured = false;
    smtp_link_secure(sender->link, smtp_tls_session(sender->tls, sender->place.name));
    return wait_for(sender, is_secured, STEP_MS) && greet(sender);
}

static bool
open_place(struct undo_sender *sender)
{
    static const struct smtp_link_events events = {
        on_connected, on_came, on_secured, on_lost};
    struct smtp_reply reply;
    struct error error = {.text = ""};

    sender->is_connected = false;
    sender->link =
        smtp_link_open(sender->base, &sender->place.target, &events, sender, &error);
    if (sender->link == NULL) {
        (void)snprintf(
            sender->why, sizeof(sender->why), "%s: %s", sender->place.shown, error.text);
        return false;
    }
    if (wait_for(sender, is_connected, STEP_MS) && hear(sender, &reply, NULL, STEP_MS) &&
        reply.code == 220 && greet(sender) && secure(sender))
        return true;
    hang_up(sender);
    return false;
}

/* One host after the other, as Postfix does. */
static bool
connect_somewhere(struct undo_sender *sender, struct error *error)
{
    smtp_places_free(sender->places);
    sender->places = smtp_places_new(
        sender->base, span_of(sender->route), STEP_MS, on_place, sender, error);
    if (sender->places == NULL)
        return false;
    (void)snprintf(sender->why, sizeof(sender->why), "%s: no address", sender->route);
    for (;;) {
        sender->is_placed = false;
        sender->is_lost = false;
        smtp_places_next(sender->places);
        if (!wait_for(sender, is_placed, 2 * STEP_MS))
            return false;
        if (sender->is_end)
            return false;
        if (sender->has_place && open_place(sender)) {
            sender->is_ready = true;
            return true;
        }
    }
}

/* --- a message --- */

/* True: 2xx or 3xx.  Else *result says whether it was refused or nobody is there. */
static bool
step(struct undo_sender *sender, const char *command, enum undo_sent *result)
{
    struct smtp_reply reply;

    if (!ask(sender, command, &reply)) {
        *result = UNDO_FAILED;
        return false;
    }
    *result = reply.code == 421 ? UNDO_FAILED : UNDO_REFUSED;
    return reply.code < 400;
}

static bool
say_envelope(
    struct undo_sender *sender, const struct undo_mail *mail, enum undo_sent *result)
{
    const struct smtp_extensions *extensions = &sender->extensions;
    struct error error = {.text = ""};
    struct buffer mail_from;
    struct buffer rcpt_to;
    bool done = false;

    buffer_init(&mail_from, SMTP_COMMAND_MAX);
    buffer_init(&rcpt_to, SMTP_COMMAND_MAX);
    *result = UNDO_REFUSED;
    if (!smtp_command_mail(
            &mail_from, mail->sender, mail->size, mail->utf8, extensions, &error) ||
        !smtp_command_rcpt(&rcpt_to, mail->recipient, extensions, &error)) {
        (void)snprintf(sender->why, sizeof(sender->why), "%s", error.text);
    } else {
        if (mail->eight_bit && extensions->eight_bit_mime) {
            mail_from.length -= 2; /* the line's end */
            buffer_append_text(&mail_from, " BODY=8BITMIME\r\n");
        }
        done = step(sender, buffer_text(&mail_from), result) &&
               step(sender, buffer_text(&rcpt_to), result) &&
               step(sender, "DATA\r\n", result);
    }
    buffer_clear(&mail_from);
    buffer_clear(&rcpt_to);
    return done;
}

static enum undo_sent
say_content(struct undo_sender *sender, const struct undo_mail *mail)
{
    struct buffer plain;
    struct buffer stuffed;
    struct smtp_reply reply;
    enum undo_sent result = UNDO_SENT;
    bool at_start = true;

    buffer_init(&plain, COPIES_PLAIN_MAX);
    buffer_init(&stuffed, (size_t)2 * COPIES_PLAIN_MAX);
    for (size_t i = 0; i < mail->chunks && result == UNDO_SENT; i++) {
        buffer_reset(&plain);
        buffer_reset(&stuffed);
        if (!mail->chunk(mail->argument, i, &plain)) {
            result = UNDO_DAMAGED;
            break;
        }
        copies_content_stuff(&stuffed, buffer_span(&plain), &at_start);
        smtp_link_send(sender->link, buffer_span(&stuffed));
        if (!wait_for(sender, is_sent, CONTENT_MS))
            result = UNDO_FAILED;
    }
    buffer_clear(&plain);
    buffer_clear(&stuffed);
    if (result != UNDO_SENT)
        return result;
    smtp_link_send(sender->link, at_start ? SPAN(".\r\n") : SPAN("\r\n.\r\n"));
    if (!hear(sender, &reply, NULL, CONTENT_MS))
        return UNDO_DOUBT;
    if (reply.code == 421)
        return UNDO_FAILED;
    return reply.code < 300 ? UNDO_SENT : UNDO_REFUSED;
}

static enum undo_sent
try_once(struct undo_sender *sender, const struct undo_mail *mail, struct error *error)
{
    enum undo_sent result;

    if (sender->is_lost)
        hang_up(sender);
    if (!sender->is_ready && !connect_somewhere(sender, error))
        return UNDO_FAILED;
    if (say_envelope(sender, mail, &result))
        result = say_content(sender, mail);
    return result;
}

enum undo_sent
undo_sender_send(
    struct undo_sender *sender, const struct undo_mail *mail, struct error *error)
{
    bool is_used = sender->is_ready;
    enum undo_sent result = try_once(sender, mail, error);

    /* A server may be tired of a connection: nothing of the message is there. */
    if (result == UNDO_FAILED && is_used) {
        hang_up(sender);
        result = try_once(sender, mail, error);
    }
    if (result != UNDO_SENT)
        (void)error_temporary(
            error, "%s", result == UNDO_DAMAGED ? "its copy is damaged" : sender->why);
    if (result == UNDO_REFUSED) {
        enum undo_sent ignored;

        if (!step(sender, "RSET\r\n", &ignored))
            hang_up(sender);
    } else if (result != UNDO_SENT) {
        hang_up(sender);
    }
    return result;
}

/* --- life --- */

struct undo_sender *
undo_sender_new(const char *route, const char *hello, struct error *error)
{
    struct undo_sender *sender = allocate(sizeof(*sender));

    sender->route = route;
    sender->hello = hello;
    sender->base = allocated(event_base_new());
    sender->late = allocated(event_new(sender->base, -1, 0, on_late, sender));
    sender->tls = smtp_tls_new(error);
    /* It begins anew with each connection; here it is only read. */
    sender->places =
        smtp_places_new(sender->base, span_of(route), STEP_MS, on_place, sender, error);
    if (sender->tls != NULL && sender->places != NULL)
        return sender;
    undo_sender_free(sender);
    return NULL;
}

void
undo_sender_free(struct undo_sender *sender)
{
    struct smtp_reply ignored;

    if (sender == NULL)
        return;
    if (sender->is_ready && sender->link != NULL && !sender->is_lost)
        (void)ask(sender, "QUIT\r\n", &ignored);
    smtp_link_free(sender->link);
    smtp_places_free(sender->places);
    smtp_tls_free(sender->tls);
    event_free(sender->late);
    event_base_free(sender->base);
    free(sender);
}
