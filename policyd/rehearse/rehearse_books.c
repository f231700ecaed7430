#include "policyd/rehearse/rehearse_books.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "policyd/rehearsal/rehearsal_course.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum {
    POLL_MS = 2000,
    SLICE_MS = 20,
    REST_MS = 80,
    BUNCH = 200,
    SETTLED_MS = 30000,
    TELL_AGAIN_MS = 600000,
};

struct rehearse_books {
    struct event_base *base;
    struct rehearse_books_options options;
    char *path;
    struct books *books; /* NULL: not open */
    struct event *turn;
    char trouble[400];
    uint64_t told_ms;
    bool is_wanted; /* seven days */
    bool is_scanning;
    int64_t last; /* of the scan: those before it are to come */
    int64_t since_ms;
    int64_t settled; /* what comes is read from behind it */
    int64_t newest;  /* at `newest_ms`, to be settled half a minute later */
    uint64_t newest_ms;
    int64_t looked; /* unix time */
};

static void
arm(struct rehearse_books *books, uint64_t milliseconds)
{
    const struct timeval wait = clock_timeval(milliseconds);

    (void)event_add(books->turn, &wait);
}

/* Another process has them: whatever it is, they are opened anew. */
static void
fail(struct rehearse_books *books, const struct error *error)
{
    uint64_t now = clock_now_ms();

    (void)snprintf(books->trouble, sizeof(books->trouble), "%s", error->text);
    if (books->told_ms == 0 || now >= books->told_ms + TELL_AGAIN_MS) {
        log_say(LOG_LEVEL_WARNING, "%s (postshift-cutover keeps the books)", error->text);
        books->told_ms = now;
    }
    books_close(books->books);
    books->books = NULL;
    if (books->is_scanning)
        books->is_wanted = true;
    books->is_scanning = false;
}

static bool
begin_scan(struct rehearse_books *books, struct error *error)
{
    int64_t newest = 0;

    if (!books_mail_newest(books->books, &newest, error))
        return false;
    books->is_wanted = false;
    books->is_scanning = true;
    books->last = newest + 1;
    books->since_ms = ((int64_t)time(NULL) - (int64_t)REHEARSAL_DAYS * 86400) * 1000;
    books->options.begins(books->options.argument, newest);
    if (books->settled == 0) {
        books->settled = newest;
        books->newest = newest;
        books->newest_ms = clock_now_ms();
    }
    return true;
}

static bool
scan(struct rehearse_books *books, uint64_t end, struct error *error)
{
    while (books->last > 0 && clock_now_ms() < end) {
        if (!books_mail_before(books->books, books->since_ms, &books->last, BUNCH,
                books->options.mail, books->options.argument, error))
            return false;
    }
    if (books->last > 0)
        return true;
    books->is_scanning = false;
    books->trouble[0] = '\0';
    books->options.ends(books->options.argument);
    return true;
}

static bool
poll(struct rehearse_books *books, struct error *error)
{
    uint64_t now = clock_now_ms();
    int64_t newest = 0;

    if (!books_mail_newest(books->books, &newest, error))
        return false;
    for (int64_t first = books->settled + 1; first <= newest; first += BUNCH) {
        int64_t end = first + BUNCH <= newest ? first + BUNCH : newest + 1;

        if (!books_mail_between(books->books, first, end, books->options.mail,
                books->options.argument, error))
            return false;
    }
    if (now >= books->newest_ms + SETTLED_MS) {
        books->settled = books->newest;
        books->newest = newest;
        books->newest_ms = now;
    }
    return true;
}

static bool
work(struct rehearse_books *books, struct error *error)
{
    if (books->books == NULL)
        books->books = books_open(books->path, BOOKS_READ, error);
    if (books->books == NULL)
        return false;
    if (books->is_wanted && !books->is_scanning && !begin_scan(books, error))
        return false;
    if (books->is_scanning)
        return scan(books, clock_now_ms() + SLICE_MS, error);
    return books->settled == 0 || poll(books, error);
}

static void
on_turn(evutil_socket_t fd, short what, void *argument)
{
    struct rehearse_books *books = argument;
    struct error error = {.text = ""};

    (void)fd;
    (void)what;
    if (work(books, &error))
        books->looked = (int64_t)time(NULL);
    else
        fail(books, &error);
    arm(books, books->is_scanning || books->is_wanted ? REST_MS : POLL_MS);
    if (books->books == NULL)
        arm(books, POLL_MS);
}

struct rehearse_books *
rehearse_books_new(struct event_base *base, const struct rehearse_books_options *options)
{
    struct rehearse_books *books = allocate(sizeof(*books));

    books->base = base;
    books->options = *options;
    books->path = allocate_text(span_of(options->path));
    (void)snprintf(books->trouble, sizeof(books->trouble), "the books are being read");
    books->turn = allocated(evtimer_new(base, on_turn, books));
    arm(books, POLL_MS);
    return books;
}

void
rehearse_books_free(struct rehearse_books *books)
{
    if (books == NULL)
        return;
    event_free(books->turn);
    books_close(books->books);
    free(books->path);
    free(books);
}

void
rehearse_books_again(struct rehearse_books *books)
{
    books->is_wanted = true;
    arm(books, REST_MS);
}

const char *
rehearse_books_trouble(const struct rehearse_books *books)
{
    return books->trouble;
}

int64_t
rehearse_books_looked(const struct rehearse_books *books)
{
    return books->looked;
}
