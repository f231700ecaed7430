#include "policyd/cutover/figures.h"

#include <event2/event.h>
#include <stdlib.h>

#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum {
    EACH_MS = 5000,
    LOOK_MS = 500,
    SLICE_MS = 20,
    MESSAGES = 50, /* of a step */
    OLD_MS = 30000,
};

struct figures {
    struct figures_source source;
    struct event *timer;
    bool is_gathering;
    struct books_waiting next; /* in the making */
    struct books_waiting waiting;
    uint64_t difference;
    uint64_t gaps;
    uint64_t known_ms; /* when they were whole; 0: never */
};

/* False: they can't be read now. */
static bool
gather(struct figures *figures, struct books *books)
{
    uint64_t end = clock_now_ms() + SLICE_MS;
    struct books_waiting last;
    bool done = false;
    struct error error;

    if (!figures->is_gathering)
        books_waiting_begin(&figures->next);
    figures->is_gathering = true;
    while (!done && clock_now_ms() < end) {
        if (!books_waiting_step(
                &figures->next, books, figures->source.rules, MESSAGES, &done, &error))
            return false;
    }
    if (!done)
        return true;
    figures->is_gathering = false;
    if (!books_difference(books, &figures->difference, &figures->gaps, &error))
        return false;
    last = figures->waiting;
    figures->waiting = figures->next;
    figures->next = last;
    figures->known_ms = clock_now_ms();
    return true;
}

static void
turn(evutil_socket_t fd, short what, void *argument)
{
    struct figures *figures = argument;
    struct books *books = figures->source.books(figures->source.argument);
    uint64_t pause_ms = LOOK_MS;
    struct timeval pause;

    (void)fd;
    (void)what;
    if (books == NULL || !gather(figures, books))
        figures->is_gathering = false;
    else
        pause_ms = figures->is_gathering ? SLICE_MS : EACH_MS;
    pause = clock_timeval(pause_ms);
    (void)event_add(figures->timer, &pause);
}

struct figures *
figures_new(struct event_base *base, const struct figures_source *source)
{
    struct timeval soon = clock_timeval(LOOK_MS);
    struct figures *figures = allocate(sizeof(*figures));

    figures->source = *source;
    figures->timer = allocated(evtimer_new(base, turn, figures));
    (void)event_add(figures->timer, &soon);
    return figures;
}

void
figures_free(struct figures *figures)
{
    if (figures == NULL)
        return;
    event_free(figures->timer);
    books_waiting_clear(&figures->waiting);
    books_waiting_clear(&figures->next);
    free(figures);
}

void
figures_status(const struct figures *figures, struct figures_status *status)
{
    *status = (struct figures_status){
        .is_known = figures->known_ms != 0 && clock_now_ms() < figures->known_ms + OLD_MS,
        .difference = figures->difference,
        .gaps = figures->gaps,
        .waiting = &figures->waiting,
    };
}
