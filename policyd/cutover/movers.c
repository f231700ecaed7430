#include "policyd/cutover/movers.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/books/books_domain.h"
#include "policyd/plan/plan_mover.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum { SLICE_MS = 20, BUNCH = 100 };

enum phase { MEMBERS, PEOPLE_OF_MEMBERS, SEEN };

struct movers {
    struct movers_options options;
    struct plan_stage stage;
    char domain[256];
    struct event *turn;
    enum phase phase;
    bool has_departments; /* members that are no address */
    uint64_t cursor;      /* of the list, then of units */
    int64_t last;         /* of the books */
    int64_t since_ms;
    char **items;
    size_t count;
    size_t room;
};

void
movers_free(struct movers *movers)
{
    if (movers == NULL)
        return;
    for (size_t i = 0; i < movers->count; i++)
        free(movers->items[i]);
    free(movers->items);
    event_free(movers->turn);
    free(movers);
}

static void
take(void *argument, struct span recipient)
{
    struct movers *movers = argument;
    const struct replica *replica = movers->options.replica(movers->options.argument);
    struct route route;

    route_decide(movers->options.rules(movers->options.argument), replica, recipient,
        (int64_t)time(NULL), &route);
    if (!span_is(route.domain, movers->domain) || movers->count == MOVERS_MAX ||
        !plan_mover_is(&movers->stage, replica, &route))
        return;
    movers->items =
        allocate_more(movers->items, movers->count, &movers->room, sizeof(char *));
    movers->items[movers->count++] =
        allocate_text(span_make(route.recipient.text, route.recipient.length));
}

static int
compare(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void
finish(struct movers *movers, const char *problem)
{
    struct movers_options options = movers->options;
    struct buffer lines;

    buffer_init(&lines, MOVERS_OCTETS);
    if (movers->count > 0)
        qsort(movers->items, movers->count, sizeof(char *), compare);
    for (size_t i = 0; i < movers->count; i++) {
        if (i == 0 || strcmp(movers->items[i], movers->items[i - 1]) != 0)
            buffer_printf(&lines, "%s\n", movers->items[i]);
    }
    movers_free(movers);
    options.done(options.argument, buffer_span(&lines), problem);
    buffer_clear(&lines);
}

/* False: all members were taken. */
static bool
take_members(struct movers *movers)
{
    const struct replica *replica = movers->options.replica(movers->options.argument);
    struct span unit;

    for (int i = 0; i < BUNCH; i++) {
        if (!replica_next_member(
                replica, span_of(movers->domain), SPAN("known"), &movers->cursor, &unit))
            return false;
        if (span_find(unit, '@') == SPAN_NONE)
            movers->has_departments = true;
        else
            take(movers, unit);
    }
    return true;
}

/* Who belongs to one of them. */
static bool
take_people(struct movers *movers)
{
    const struct replica *replica = movers->options.replica(movers->options.argument);
    struct span person;
    struct span unit;

    for (int i = 0; i < BUNCH; i++) {
        if (!replica_next(replica, REPLICA_UNIT, &movers->cursor, &person, &unit))
            return false;
        if (span_find(unit, '@') == SPAN_NONE &&
            replica_list_has(replica, span_of(movers->domain), SPAN("known"), unit))
            take(movers, person);
    }
    return true;
}

static bool
take_seen(struct movers *movers, struct error *error)
{
    struct books *books = movers->options.books(movers->options.argument);

    if (books == NULL)
        return error_temporary(error, "the books can't be used");
    return books_domain_recipients(books, span_of(movers->domain), movers->since_ms,
        &movers->last, BUNCH, take, movers, error);
}

/* A bunch; false: nobody is left. */
static bool
take_some(struct movers *movers, struct error *error)
{
    switch (movers->phase) {
    case MEMBERS:
        if (take_members(movers))
            return true;
        movers->phase = PEOPLE_OF_MEMBERS;
        movers->cursor = 0;
        return movers->has_departments;
    case PEOPLE_OF_MEMBERS:
        return take_people(movers);
    case SEEN:
    default:
        return take_seen(movers, error) && movers->last != 0;
    }
}

static void
again(struct movers *movers)
{
    static const struct timeval at_once = {0, 0};

    (void)event_add(movers->turn, &at_once);
}

static void
on_turn(evutil_socket_t fd, short what, void *argument)
{
    struct movers *movers = argument;
    uint64_t end = clock_now_ms() + SLICE_MS;
    struct error error = {.kind = ERROR_NONE};

    (void)fd;
    (void)what;
    do {
        if (!take_some(movers, &error)) {
            finish(movers, error.kind == ERROR_NONE ? NULL : error.text);
            return;
        }
    } while (clock_now_ms() < end);
    again(movers);
}

struct movers *
movers_start(struct event_base *base, const struct movers_options *options)
{
    struct movers *movers = allocate(sizeof(*movers));
    const struct replica *replica = options->replica(options->argument);

    *movers = (struct movers){.options = *options, .stage = *options->stage};
    (void)span_copy(span_of(options->domain), movers->domain, sizeof(movers->domain));
    if (replica_list_count(replica, span_of(options->domain), SPAN("known")) == 0)
        movers->phase = SEEN;
    movers->since_ms = ((int64_t)time(NULL) - (int64_t)MOVERS_DAYS * 86400) * 1000;
    movers->turn = allocated(evtimer_new(base, on_turn, movers));
    again(movers);
    return movers;
}
