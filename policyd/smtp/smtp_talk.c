#include "policyd/smtp/smtp_talk.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/smtp/smtp_course.h"
#include "policyd/smtp/smtp_steps.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

/* --- life --- */

static void
release(struct smtp_talk *talk)
{
    smtp_link_free(talk->link);
    smtp_places_free(talk->places);
    smtp_envelopes_free(talk->envelopes);
    if (talk->turn != NULL)
        event_free(talk->turn);
    if (talk->step != NULL)
        event_free(talk->step);
    if (talk->all != NULL)
        event_free(talk->all);
    free(talk);
}

static void
leave(struct smtp_talk *talk)
{
    if (--talk->busy == 0 && talk->freed)
        release(talk);
}

/* --- the connection --- */

static void
came(void *argument)
{
    struct smtp_talk *talk = argument;
    struct span input = smtp_link_input(talk->link);
    struct error error = {.text = ""};
    struct smtp_reply reply;
    enum wire_result result;
    size_t used;

    if (talk->is_over || talk->has_failed || input.length == 0)
        return;
    result = smtp_reply_read(input, &reply, &used, &error);
    if (result == WIRE_MORE)
        return;
    talk->busy++;
    talk->result.reply = reply;
    if (result == WIRE_BAD) {
        smtp_course_fail(talk, SMTP_TROUBLE_PROTOCOL, error.text);
    } else if (used < input.length && talk->result.phase != SMTP_QUIT) {
        /* Before TLS it would pass for an answer under TLS; elsewhere answers would get
         * out of step. */
        smtp_course_fail(
            talk, SMTP_TROUBLE_PROTOCOL, "the server says more than it was asked");
    } else {
        struct span whole = span_first(input, used);
        char *copy = allocate_text(whole);

        smtp_link_use(talk->link, used);
        smtp_steps_take(talk, span_make(copy, whole.length));
        free(copy);
    }
    leave(talk);
}

static void
connected(void *argument)
{
    smtp_course_begin(argument, SMTP_BANNER);
}

static void
secured(void *argument)
{
    struct smtp_talk *talk = argument;

    smtp_tls_look(smtp_link_session(talk->link), &talk->result.tls);
    smtp_steps_hello(talk);
}

static void
lost(void *argument, const char *why)
{
    struct smtp_talk *talk = argument;
    enum smtp_phase phase = talk->result.phase;
    bool in_handshake =
        smtp_link_session(talk->link) != NULL && !talk->result.tls.is_in_use;

    /* All was asked by then. */
    if (phase == SMTP_QUIT)
        smtp_course_finish(talk);
    else
        smtp_course_fail(talk,
            phase == SMTP_CONNECT ? SMTP_TROUBLE_CONNECT
                                  : (in_handshake ? SMTP_TROUBLE_TLS : SMTP_TROUBLE_LOST),
            why);
}

/* Where it is told, a connection comes from an address of the same family. */
static struct redis_target
target_of(const struct smtp_talk *talk, const struct smtp_place *place)
{
    struct redis_target target = place->target;
    int family = target.address.ss_family;

    target.source_length = 0;
    if (family == AF_INET && talk->source4.sin_family == AF_INET) {
        memcpy(&target.source, &talk->source4, sizeof(talk->source4));
        target.source_length = sizeof(talk->source4);
    } else if (family == AF_INET6 && talk->source6.sin6_family == AF_INET6) {
        memcpy(&target.source, &talk->source6, sizeof(talk->source6));
        target.source_length = sizeof(talk->source6);
    }
    return target;
}

static void
open_place(void *argument, const struct smtp_place *place, const char *why)
{
    static const struct smtp_link_events events = {connected, came, secured, lost};
    struct smtp_talk *talk = argument;
    struct error error = {.text = ""};
    struct redis_target target;

    if (talk->is_over)
        return;
    if (place == NULL && why[0] == '\0') {
        smtp_course_finish(talk);
        return;
    }
    smtp_course_reset(talk);
    if (place == NULL) {
        smtp_course_fail(talk, SMTP_TROUBLE_RESOLVE, why);
        return;
    }
    (void)snprintf(talk->result.host, sizeof(talk->result.host), "%s", place->shown);
    if (!talk->has_name)
        memcpy(talk->name, place->name, sizeof(talk->name));
    target = target_of(talk, place);
    talk->link = smtp_link_open(talk->base, &target, &events, talk, &error);
    if (talk->link == NULL)
        smtp_course_fail(talk, SMTP_TROUBLE_CONNECT, error.text);
    else
        smtp_course_begin(talk, SMTP_CONNECT);
}

/* --- turns and deadlines --- */

static void
on_turn(evutil_socket_t fd, short what, void *argument)
{
    struct smtp_talk *talk = argument;
    struct smtp_link *link = talk->link;

    (void)fd;
    (void)what;
    talk->link = NULL;
    smtp_link_free(link);
    if (!talk->is_over) {
        talk->phase_us = clock_now_us();
        smtp_places_next(talk->places);
        return;
    }
    (void)event_del(talk->all);
    talk->result.total_us = (int64_t)(clock_now_us() - talk->started_us);
    talk->busy++;
    talk->events.ended(talk->argument, &talk->result);
    leave(talk);
}

static void
time_is_up(struct smtp_talk *talk)
{
    char why[100];

    /* All was asked by then. */
    if (talk->result.phase == SMTP_QUIT) {
        smtp_course_finish(talk);
        return;
    }
    (void)snprintf(
        why, sizeof(why), "no answer in time (%s)", smtp_phase_name(talk->result.phase));
    smtp_course_fail(talk, SMTP_TROUBLE_TIMEOUT, why);
}

static void
on_step(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    time_is_up(argument);
}

/* No other place is tried. */
static void
on_all(evutil_socket_t fd, short what, void *argument)
{
    struct smtp_talk *talk = argument;

    (void)fd;
    (void)what;
    talk->is_established = true;
    if (!talk->has_failed)
        time_is_up(talk);
    smtp_course_finish(talk);
}

/* --- public --- */

static void
find_hello(struct smtp_talk *talk, const char *hello)
{
    struct span name = span_of(hello);

    (void)span_copy(domain_is_valid(name) ? name : SPAN("localhost"), talk->hello,
        sizeof(talk->hello));
}

/* False: one of them is no address. */
static bool
find_sources(
    struct smtp_talk *talk, const struct smtp_talk_options *options, struct error *error)
{
    bool has4 = options->source4 != NULL && options->source4[0] != '\0';
    bool has6 = options->source6 != NULL && options->source6[0] != '\0';

    talk->source4.sin_family = has4 ? AF_INET : AF_UNSPEC;
    talk->source6.sin6_family = has6 ? AF_INET6 : AF_UNSPEC;
    if (has4 && inet_pton(AF_INET, options->source4, &talk->source4.sin_addr) != 1)
        return error_permanent(
            error, "\"%.60s\" is no IPv4 address to connect from", options->source4);
    if (has6 && inet_pton(AF_INET6, options->source6, &talk->source6.sin6_addr) != 1)
        return error_permanent(
            error, "\"%.60s\" is no IPv6 address to connect from", options->source6);
    return true;
}

struct smtp_talk *
smtp_talk_start(struct event_base *base, const struct smtp_talk_options *options,
    const struct smtp_talk_events *events, void *argument, struct error *error)
{
    static const struct timeval at_once = {0, 0};
    const struct timeval all = {
        options->timeout_ms / 1000, (suseconds_t)(options->timeout_ms % 1000) * 1000};
    struct smtp_talk *talk = allocate(sizeof(*talk));

    talk->base = base;
    talk->places = smtp_places_new(
        base, span_of(options->route), options->step_timeout_ms, open_place, talk, error);
    talk->envelopes = talk->places == NULL ? NULL
                                           : smtp_envelopes_new(options->envelopes,
                                                 options->envelope_count, error);
    if (talk->envelopes == NULL || !find_sources(talk, options, error)) {
        release(talk);
        return NULL;
    }
    talk->tls = options->tls;
    talk->resets = options->resets;
    talk->step_timeout_ms = options->step_timeout_ms;
    talk->has_name = options->tls_name != NULL;
    if (talk->has_name)
        (void)snprintf(talk->name, sizeof(talk->name), "%s", options->tls_name);
    find_hello(talk, options->hello);
    talk->events = *events;
    talk->argument = argument;
    talk->started_us = clock_now_us();
    smtp_course_reset(talk);
    talk->turn = allocated(event_new(base, -1, 0, on_turn, talk));
    talk->step = allocated(event_new(base, -1, 0, on_step, talk));
    talk->all = allocated(event_new(base, -1, 0, on_all, talk));
    (void)event_add(talk->all, &all);
    (void)event_add(talk->turn, &at_once);
    return talk;
}

void
smtp_talk_free(struct smtp_talk *talk)
{
    if (talk == NULL)
        return;
    talk->freed = true;
    if (talk->busy == 0)
        release(talk);
}
