#include "policyd/cutover/queue_watch.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/cutover/queue_child.h"
#include "shared/base/allocate.h"
#include "shared/base/buffer.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum {
    EACH_MS = 60000,
    LOOK_MS = 250,
    SLICE_MS = 20,
    ROWS = 200,          /* of a step */
    READ_MORE_MS = 1000, /* a logger takes its time */
    PATIENCE_MS = 20000, /* so long it may take to come to its end */
    TROUBLE_MAX = 500,
    NAMED = 5, /* ids of each side in a line */
    LINE_MAX_OCTETS = 2000,
};

enum stage { STAGE_IDLE, STAGE_ASKED, STAGE_LISTED, STAGE_COMPARING };

struct queue_watch {
    struct queue_watch_source source;
    struct event_base *base;
    struct event *timer;
    struct queue_child *child; /* NULL: nobody is asked */
    enum stage stage;
    uint64_t begun_ms;  /* when it was last asked; 0: to be asked now */
    uint64_t listed_ms; /* when the listing was through */
    struct queue_listed listed;
    struct arena *arena; /* of the comparison in hand */
    struct queue_compare compare;
    struct queue_watch_status status;
    bool was_different; /* and has been told */
    char trouble[TROUBLE_MAX];
    char told[TROUBLE_MAX];
};

/* --- what is told --- */

static void
add_names(struct buffer *line, const char *where, const struct audit_names *names)
{
    buffer_printf(line, "%s%" PRIu64, where, names->total);
    for (size_t i = 0; i < names->count && i < NAMED; i++)
        buffer_printf(line, "%s%s", i == 0 ? " (" : " ", names->ids[i]);
    if (names->count > 0)
        buffer_printf(line, "%s)", names->total > NAMED ? " ..." : "");
}

static void
tell_difference(struct queue_watch *watch)
{
    const struct queue_compare *compare = &watch->compare;
    bool is_different = compare->queue_only.total + compare->books_only.total > 0;
    struct buffer line;

    if (is_different && !watch->was_different) {
        buffer_init(&line, LINE_MAX_OCTETS);
        add_names(&line, "in the queue alone ", &compare->queue_only);
        add_names(&line, ", waiting in the books alone ", &compare->books_only);
        log_say(LOG_LEVEL_WARNING,
            "Postfix's queue and the books disagree: %s (postshiftctl audit names them)",
            buffer_text(&line));
        buffer_clear(&line);
    }
    if (!is_different && watch->was_different)
        log_say(LOG_LEVEL_INFO, "Postfix's queue and the books agree again");
    watch->was_different = is_different;
}

static void
set_unknown(struct queue_watch *watch, const char *why, bool is_told)
{
    (void)span_copy(
        span_first(span_of(why), TROUBLE_MAX - 1), watch->trouble, TROUBLE_MAX);
    watch->status.is_known = false;
    if (!is_told || strcmp(watch->told, watch->trouble) == 0)
        return;
    memcpy(watch->told, watch->trouble, sizeof(watch->told));
    log_say(LOG_LEVEL_WARNING, "Postfix's queue is not compared with the books: %s",
        watch->told);
}

static void
set_known(struct queue_watch *watch)
{
    watch->status = (struct queue_watch_status){
        .is_known = true,
        .queue_only = watch->compare.queue_only.total,
        .books_only = watch->compare.books_only.total,
        .compared = (int64_t)time(NULL),
    };
    watch->trouble[0] = '\0';
    if (watch->told[0] != '\0')
        log_say(LOG_LEVEL_INFO, "Postfix's queue is compared with the books again");
    watch->told[0] = '\0';
    tell_difference(watch);
}

/* --- the comparison --- */

static void
end_round(struct queue_watch *watch)
{
    arena_free(watch->arena);
    watch->arena = NULL;
    watch->stage = STAGE_IDLE;
}

static void
was_listed(void *argument, struct queue_listed *listed)
{
    struct queue_watch *watch = argument;

    watch->listed = *listed;
    watch->listed_ms = clock_now_ms();
    watch->stage = STAGE_LISTED;
    if (listed->wrong == NULL)
        return;
    set_unknown(watch, listed->wrong, true);
    end_round(watch);
}

/* NULL: they are behind the log; what keeps them is told by who reads it. */
static struct books *
books_now(struct queue_watch *watch)
{
    struct books *books =
        watch->source.books(watch->source.argument, watch->listed_ms + READ_MORE_MS);

    if (books == NULL && clock_now_ms() >= watch->listed_ms + PATIENCE_MS) {
        set_unknown(watch, "the log has not been read to its end", false);
        end_round(watch);
    }
    return books;
}

static void
begin_comparing(struct queue_watch *watch)
{
    if (books_now(watch) == NULL)
        return;
    watch->arena = arena_new(64 << 20);
    queue_compare_begin(&watch->compare, watch->arena, watch->listed.entries,
        watch->listed.count, watch->listed.asked_ms);
    watch->stage = STAGE_COMPARING;
}

static void
go_on_comparing(struct queue_watch *watch)
{
    uint64_t end = clock_now_ms() + SLICE_MS;
    struct books *books = books_now(watch);
    bool done = false;
    struct error error;

    if (books == NULL)
        return;
    while (!done && clock_now_ms() < end) {
        if (!queue_compare_step(&watch->compare, books, ROWS, &done, &error)) {
            set_unknown(watch, error.text, false);
            end_round(watch);
            return;
        }
    }
    if (!done)
        return;
    set_known(watch);
    end_round(watch);
}

static void
turn(evutil_socket_t fd, short what, void *argument)
{
    struct queue_watch *watch = argument;
    struct timeval pause = {0, LOOK_MS * 1000};

    (void)fd;
    (void)what;
    if (watch->child == NULL)
        return;
    switch (watch->stage) {
    case STAGE_IDLE:
        if (watch->begun_ms != 0 && clock_now_ms() < watch->begun_ms + EACH_MS)
            break;
        watch->begun_ms = clock_now_ms();
        watch->stage = STAGE_ASKED;
        queue_child_start(watch->child);
        break;
    case STAGE_ASKED:
        break;
    case STAGE_LISTED:
        begin_comparing(watch);
        break;
    case STAGE_COMPARING:
        go_on_comparing(watch);
        pause.tv_usec = SLICE_MS * 1000;
        break;
    }
    (void)event_add(watch->timer, &pause);
}

struct queue_watch *
queue_watch_new(struct event_base *base, const struct queue_watch_source *source)
{
    struct queue_watch *watch = allocate(sizeof(*watch));

    watch->base = base;
    watch->source = *source;
    watch->timer = allocated(evtimer_new(base, turn, watch));
    return watch;
}

void
queue_watch_free(struct queue_watch *watch)
{
    if (watch == NULL)
        return;
    end_round(watch);
    queue_child_free(watch->child);
    event_free(watch->timer);
    free(watch);
}

void
queue_watch_configure(struct queue_watch *watch, const char *postfix)
{
    static const struct timeval at_once = {0, 0};

    end_round(watch);
    queue_child_free(watch->child);
    watch->child = NULL;
    watch->begun_ms = 0;
    if (postfix == NULL) {
        set_unknown(watch, "[cutover] queue = no", false);
        return;
    }
    if (watch->status.compared == 0 ||
        strcmp(watch->trouble, "[cutover] queue = no") == 0)
        set_unknown(watch, "not compared yet", false);
    watch->child = queue_child_new(watch->base, postfix, was_listed, watch);
    (void)event_add(watch->timer, &at_once);
}

void
queue_watch_status(const struct queue_watch *watch, struct queue_watch_status *status)
{
    *status = watch->status;
    status->trouble = watch->trouble;
}
