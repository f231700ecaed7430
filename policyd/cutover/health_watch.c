#include "policyd/cutover/health_watch.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "policyd/cutover/policyd_ask.h"
#include "policyd/gateways/health.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

/* A look takes no longer, so that two of them and what is between are within 2 s. */
enum { LOOK_MS = 400, WHY_MAX = 200 };

struct health_watch {
    struct event_base *base;
    struct socket_address policyd;
    struct health health;
    struct event *next;
    struct event *late;
    struct policyd_ask *ask; /* NULL: none is under way */
    uint64_t flipped_ms;
    char why[WHY_MAX]; /* of the last look that was not good */
};

static void
took(struct health_watch *watch, enum health_look look, const char *why)
{
    struct timeval pause;

    watch->ask = NULL;
    (void)event_del(watch->late);
    if (look != HEALTH_GOOD)
        (void)snprintf(watch->why, sizeof(watch->why), "%s", why);
    if (health_take(&watch->health, clock_now_ms(), look)) {
        bool is_up = watch->health.is_up;

        if (watch->flipped_ms != 0 || !is_up)
            log_write(is_up ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, NULL, "healthy",
                LOG_FIELDS(log_text("state", is_up ? "up" : "down"),
                    is_up ? log_nothing() : log_note(watch->why)));
        watch->flipped_ms = clock_now_ms();
    }
    pause = clock_timeval(health_pause_ms(&watch->health));
    (void)event_add(watch->next, &pause);
}

static void
was_answered(void *argument, struct span body, const char *why)
{
    enum health_look look = why == NULL                           ? HEALTH_GOOD
                            : span_starts(body, SPAN("stopping")) ? HEALTH_LEAVING
                                                                  : HEALTH_BAD;

    took(argument, look, look == HEALTH_LEAVING ? "it stops" : why);
}

static void
on_late(evutil_socket_t fd, short what, void *argument)
{
    struct health_watch *watch = argument;

    (void)fd;
    (void)what;
    policyd_ask_free(watch->ask);
    took(watch, HEALTH_BAD, "no answer within 0.4 s");
}

static void
look(evutil_socket_t fd, short what, void *argument)
{
    struct health_watch *watch = argument;
    struct timeval late = clock_timeval(LOOK_MS);

    (void)fd;
    (void)what;
    if (watch->policyd.kind == SOCKET_NONE) {
        took(watch, HEALTH_GOOD, "");
        return;
    }
    watch->ask =
        policyd_ask_start(watch->base, &watch->policyd, "/healthy", was_answered, watch);
    (void)event_add(watch->late, &late);
}

struct health_watch *
health_watch_new(struct event_base *base, const struct socket_address *policyd)
{
    struct health_watch *watch = allocate(sizeof(*watch));
    static const struct timeval now = {0, 0};

    watch->base = base;
    watch->policyd = *policyd;
    watch->next = allocated(evtimer_new(base, look, watch));
    watch->late = allocated(evtimer_new(base, on_late, watch));
    (void)event_add(watch->next, &now);
    return watch;
}

void
health_watch_free(struct health_watch *watch)
{
    if (watch == NULL)
        return;
    policyd_ask_free(watch->ask);
    event_free(watch->next);
    event_free(watch->late);
    free(watch);
}

void
health_watch_configure(struct health_watch *watch, const struct socket_address *policyd)
{
    watch->policyd = *policyd;
}

bool
health_watch_is_up(const struct health_watch *watch, struct buffer *why)
{
    uint64_t since_s = (clock_now_ms() - watch->flipped_ms) / 1000;

    if (!watch->health.is_known)
        buffer_append_text(why, "down: not looked at yet");
    else if (watch->policyd.kind == SOCKET_NONE)
        buffer_append_text(why, "up: policyd can't be asked ([policyd] metrics = none)");
    else if (watch->health.is_up)
        buffer_append_text(why, "up: policyd answers");
    else
        buffer_printf(
            why, "down: policyd: %s (since %" PRIu64 " s)", watch->why, since_s);
    return watch->health.is_up;
}
