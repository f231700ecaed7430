#include "policyd/redis/redis_sentinels.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "policyd/redis/redis_dial.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum { OTHERS_MS = 250, QUESTIONS = 2 };

/* To one of them. */
struct inquiry {
    struct redis_sentinels *sentinels;
    struct redis_dial *dial;
    size_t answers; /* QUESTIONS: done */
};

struct redis_sentinels {
    struct event_base *base;
    const struct redis_options *options;
    redis_sentinels_answer *callback;
    void *argument;
    struct inquiry inquiries[REDIS_SENTINELS_MAX];
    struct redis_sentinel answers[REDIS_SENTINELS_MAX];
    struct event *end; /* of the round */
    char why[300];
};

static void
hang_up(struct redis_sentinels *sentinels)
{
    for (size_t i = 0; i < REDIS_SENTINELS_MAX; i++) {
        redis_dial_free(sentinels->inquiries[i].dial);
        sentinels->inquiries[i].dial = NULL;
    }
}

static void
end_in(struct redis_sentinels *sentinels, unsigned milliseconds)
{
    struct timeval wait = clock_timeval(milliseconds);

    event_add(sentinels->end, &wait);
}

static void
one_is_done(struct inquiry *inquiry)
{
    struct redis_sentinels *sentinels = inquiry->sentinels;
    bool all = true;

    inquiry->answers = QUESTIONS;
    for (size_t i = 0; i < sentinels->options->sentinel_count; i++)
        all = all && sentinels->inquiries[i].answers >= QUESTIONS;
    if (all)
        end_in(sentinels, 0);
}

static struct redis_sentinel *
answer_of(struct inquiry *inquiry)
{
    struct redis_sentinels *sentinels = inquiry->sentinels;

    return &sentinels->answers[inquiry - sentinels->inquiries];
}

static void
address_was_told(void *argument, const struct redis_reply *reply)
{
    struct inquiry *inquiry = argument;
    struct redis_sentinel *answer = answer_of(inquiry);

    if (reply == NULL)
        return;
    redis_sentinel_take_address(answer, reply);
    if (!answer->known)
        snprintf(inquiry->sentinels->why, sizeof(inquiry->sentinels->why),
            "the sentinel knows no primary of this name");
    else if (!event_pending(inquiry->sentinels->end, EV_TIMEOUT, NULL))
        end_in(inquiry->sentinels, OTHERS_MS);
}

static void
epoch_was_told(void *argument, const struct redis_reply *reply)
{
    struct inquiry *inquiry = argument;

    if (reply == NULL)
        return;
    redis_sentinel_take_epoch(answer_of(inquiry), reply);
    one_is_done(inquiry);
}

static void
was_connected(void *argument, struct redis_link *link)
{
    struct inquiry *inquiry = argument;
    struct span name = span_of(inquiry->sentinels->options->primary);

    redis_link_send(link, address_was_told, inquiry, 3,
        REDIS_WORDS(SPAN("SENTINEL"), SPAN("get-master-addr-by-name"), name));
    redis_link_send(link, epoch_was_told, inquiry, 3,
        REDIS_WORDS(SPAN("SENTINEL"), SPAN("MASTER"), name));
}

static void
has_failed(void *argument, enum redis_trouble trouble, const char *why)
{
    struct inquiry *inquiry = argument;
    struct redis_sentinels *sentinels = inquiry->sentinels;
    size_t i = (size_t)(inquiry - sentinels->inquiries);
    char address[300];

    (void)trouble;
    socket_address_write(&sentinels->options->sentinels[i], address);
    snprintf(
        sentinels->why, sizeof(sentinels->why), "sentinel %.150s: %.100s", address, why);
    one_is_done(inquiry);
}

static void
on_end(evutil_socket_t fd, short what, void *argument)
{
    struct redis_sentinels *sentinels = argument;
    const struct redis_sentinel *best =
        redis_sentinel_best(sentinels->answers, sentinels->options->sentinel_count);
    struct socket_address primary;

    (void)fd;
    (void)what;
    hang_up(sentinels);
    if (best != NULL)
        primary = best->primary;
    sentinels->callback(
        sentinels->argument, best != NULL ? &primary : NULL, sentinels->why);
}

struct redis_sentinels *
redis_sentinels_new(struct event_base *base, const struct redis_options *options,
    redis_sentinels_answer *callback, void *argument)
{
    struct redis_sentinels *sentinels = allocate(sizeof(*sentinels));

    sentinels->base = base;
    sentinels->options = options;
    sentinels->callback = callback;
    sentinels->argument = argument;
    sentinels->end = allocated(event_new(base, -1, 0, on_end, sentinels));
    return sentinels;
}

void
redis_sentinels_free(struct redis_sentinels *sentinels)
{
    if (sentinels == NULL)
        return;
    hang_up(sentinels);
    event_free(sentinels->end);
    free(sentinels);
}

void
redis_sentinels_ask(struct redis_sentinels *sentinels)
{
    static const struct redis_dial_events events = {was_connected, has_failed, NULL};
    const struct redis_options *options = sentinels->options;

    hang_up(sentinels);
    event_del(sentinels->end);
    sentinels->why[0] = '\0';
    for (size_t i = 0; i < options->sentinel_count; i++) {
        struct inquiry *inquiry = &sentinels->inquiries[i];

        sentinels->answers[i] = (struct redis_sentinel){.known = false};
        *inquiry = (struct inquiry){.sentinels = sentinels};
        inquiry->dial = redis_dial_new(
            sentinels->base, &options->sentinels[i], options, &events, inquiry);
    }
}
