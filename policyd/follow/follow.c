#include "policyd/follow/follow.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/follow/log_source.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum {
    LOOK_MS = 200,
    SLICE_MS = 20,
    COMMIT_MS = 1000,
    COMMIT_LINES = 100000,
    WRONG_LOG_LINES = 1000,
    TROUBLE_MAX = 400,
    POSITION_MAX = 4096,
    ZONE_SECONDS = 900,
    CALM_MS = 10000,
    SILENCE_MS = 600000,
    GAP_MS = 5,
    RETIRE_MS = 200, /* at a time, and a step at most: half as many rows then */
    RETIRE_EACH_MS = 60000,
};

struct follow {
    struct follow_options options;
    struct event *timer;
    struct books *books;
    struct books_writer *writer;
    struct log_source *source;
    bool in_transaction;
    bool is_touched; /* there is something to commit */
    bool is_over;    /* standard input has ended */
    uint64_t begun_ms;
    uint64_t pending; /* lines since the commit */
    uint64_t tried_ms;
    uint64_t retired_ms;  /* when the books were last looked through for what is old */
    bool has_old;         /* and there was more */
    unsigned retire_rows; /* of a step */
    /* The local zone, as it was about then. */
    int64_t zone_at;
    int zone_offset;
    struct follow_status status;
    struct follow_status kept; /* as it was when it was last committed */
    bool told_wrong_log;
    bool told_silence;
    uint64_t caught_up_ms;
    uint64_t heard_ms;               /* when the last line came */
    char books_trouble[TROUBLE_MAX]; /* until a commit succeeds */
    char told[TROUBLE_MAX];
    uint64_t told_ms;
};

/* --- trouble, once --- */

static const char *
trouble(const struct follow *follow)
{
    if (follow->books_trouble[0] != '\0')
        return follow->books_trouble;
    return follow->source != NULL ? log_source_trouble(follow->source) : "";
}

/* What comes and goes within a minute (a disk that is nearly full) is told once. */
static void
tell_trouble(struct follow *follow)
{
    const char *now = trouble(follow);

    if (now[0] != '\0' && strcmp(follow->told, now) != 0) {
        (void)span_copy(
            span_first(span_of(now), TROUBLE_MAX - 1), follow->told, TROUBLE_MAX);
        log_say(LOG_LEVEL_ERROR, "%s", follow->told);
    }
    if (now[0] != '\0')
        follow->told_ms = clock_now_ms();
    if (now[0] == '\0' && follow->told[0] != '\0' &&
        clock_now_ms() > follow->told_ms + CALM_MS) {
        follow->told[0] = '\0';
        log_say(LOG_LEVEL_INFO, "log and books can be used again");
    }
}

static void
set_books_trouble(struct follow *follow, const char *text)
{
    (void)span_copy(
        span_first(span_of(text), TROUBLE_MAX - 1), follow->books_trouble, TROUBLE_MAX);
}

/* A log that says nothing is not a log that says all is well. */
static void
look_whether_silent(struct follow *follow)
{
    bool is_silent = clock_now_ms() > follow->heard_ms + SILENCE_MS;

    if (is_silent && !follow->told_silence)
        log_say(LOG_LEVEL_WARNING, "no line of Postfix has come from %s for %d minutes",
            log_source_name(follow->options.log), SILENCE_MS / 60000);
    if (!is_silent && follow->told_silence)
        log_say(LOG_LEVEL_INFO, "lines of Postfix come again");
    follow->told_silence = is_silent;
    follow->status.is_silent = is_silent;
}

/* --- opening --- */

static void
close_all(struct follow *follow)
{
    if (follow->in_transaction)
        books_rollback(follow->books);
    follow->in_transaction = false;
    if (!log_source_again(follow->source)) {
        log_source_free(follow->source);
        follow->source = NULL;
    }
    books_writer_free(follow->writer);
    books_close(follow->books);
    follow->writer = NULL;
    follow->books = NULL;
    follow->pending = 0;
    follow->is_touched = false;
    follow->is_over = false;
    follow->status = follow->kept;
}

static bool
open_source(struct follow *follow, struct error *error)
{
    struct arena *arena;
    struct span position;
    bool done;

    if (follow->source != NULL)
        return true; /* standard input, which can't be opened twice */
    arena = arena_new((size_t)2 * POSITION_MAX);
    done = books_position(
        follow->books, log_source_name(follow->options.log), arena, &position, error);
    if (done)
        follow->source = log_source_new(follow->options.log, position);
    arena_free(arena);
    return done;
}

static bool
open_all(struct follow *follow)
{
    struct error error;

    follow->books = books_open(follow->options.books, BOOKS_WRITE, &error);
    if (follow->books != NULL)
        follow->writer = books_writer_new(follow->books, follow->options.rules, &error);
    if (follow->writer != NULL && open_source(follow, &error)) {
        /* What changed beside the log meanwhile; and it shows whether they can be
         * written. */
        follow->is_touched = true;
        return true;
    }
    close_all(follow);
    set_books_trouble(follow, error.text);
    return false;
}

/* All since the last commit is entered again, from there. */
static void
undo(struct follow *follow, const struct error *error)
{
    close_all(follow);
    follow->options.undone(follow->options.argument);
    set_books_trouble(follow, error->text);
}

/* --- transactions --- */

static bool
begin(struct follow *follow, struct error *error)
{
    if (follow->in_transaction)
        return true;
    if (!books_begin(follow->books, error))
        return false;
    follow->in_transaction = true;
    follow->begun_ms = clock_now_ms();
    return true;
}

static bool
save_position(struct follow *follow, struct error *error)
{
    struct buffer position;
    bool done;

    buffer_init(&position, POSITION_MAX);
    log_source_position(follow->source, &position);
    done = position.length == 0 ||
           books_set_position(follow->books, log_source_name(follow->options.log),
               buffer_span(&position), error);
    buffer_clear(&position);
    return done;
}

static bool
commit(struct follow *follow, struct error *error)
{
    if (!begin(follow, error) ||
        !follow->options.save(follow->options.argument, follow->books, error) ||
        !books_flush(follow->writer, error) || !save_position(follow, error) ||
        !books_commit(follow->books, error))
        return false;
    follow->in_transaction = false;
    follow->pending = 0;
    follow->is_touched = false;
    follow->status.committed = (int64_t)time(NULL);
    follow->kept = follow->status;
    log_source_settled(follow->source);
    set_books_trouble(follow, "");
    follow->options.saved(follow->options.argument, follow->books);
    return true;
}

/* --- lines --- */

static int
zone_offset(struct follow *follow, int64_t near_ms)
{
    time_t seconds = (time_t)(near_ms / 1000);
    struct tm parts;

    if (follow->zone_at == 0 || llabs(seconds - follow->zone_at) > ZONE_SECONDS) {
        follow->zone_at = seconds;
        follow->zone_offset =
            localtime_r(&seconds, &parts) != NULL ? (int)parts.tm_gmtoff : 0;
    }
    return follow->zone_offset;
}

/* Nobody should wait for what is never to come. */
static void
look_whether_wrong(struct follow *follow)
{
    if (follow->told_wrong_log || follow->status.lines[0] > 0 ||
        follow->status.lines[1] < WRONG_LOG_LINES)
        return;
    follow->told_wrong_log = true;
    log_say(LOG_LEVEL_WARNING,
        "%d lines of %s and none of Postfix's: is it the right log ([cutover] log)?",
        WRONG_LOG_LINES, log_source_name(follow->options.log));
}

static bool
enter(struct follow *follow, struct span text, struct error *error)
{
    struct follow_status *status = &follow->status;
    struct maillog_line line;
    struct maillog_event event;
    int64_t now_ms = (int64_t)time(NULL) * 1000;
    int64_t last_ms = status->last_line_ms;
    int64_t near_ms = last_ms != 0 ? last_ms : now_ms;
    int offset;

    if (!maillog_line_parse(text, span_of(follow->options.instances), &line) ||
        line.program == MAILLOG_FOREIGN) {
        status->lines[1]++;
        look_whether_wrong(follow);
        return true;
    }
    maillog_event_parse(&line, &event);
    status->lines[0]++;
    offset = zone_offset(follow, near_ms);
    status->last_line_ms = last_ms != 0
                               ? maillog_stamp_time(&line.stamp, near_ms, offset)
                               : maillog_stamp_first_time(&line.stamp, now_ms, offset);
    status->last_line_seen = now_ms / 1000;
    follow->heard_ms = clock_now_ms();
    if (event.kind == MAILLOG_UNKNOWN_FORM) {
        status->lines[2]++;
        if (!books_enter_unknown(follow->writer, text, error))
            return false;
    }
    return books_enter(follow->writer, &line, &event, status->last_line_ms, error);
}

static bool
note_gap(struct follow *follow, struct error *error)
{
    const char *gap = log_source_take_gap(follow->source);

    if (gap[0] == '\0')
        return true;
    follow->is_touched = true;
    log_say(LOG_LEVEL_ERROR, "a gap in the log: %s", gap);
    return books_enter_gap(follow->books, follow->status.last_line_ms,
        (int64_t)time(NULL) * 1000, gap, error);
}

/* A slice; *more where there is more to read at once. */
static bool
read_lines(struct follow *follow, bool *more, struct error *error)
{
    uint64_t end = clock_now_ms() + SLICE_MS;
    struct span line;

    *more = true;
    for (unsigned i = 0; *more && (i % 64 != 0 || clock_now_ms() < end); i++) {
        enum log_source_result result = log_source_next(follow->source, &line);

        if (!note_gap(follow, error))
            return false;
        if (result != LOG_SOURCE_LINE) {
            *more = false;
            follow->is_over = result == LOG_SOURCE_END;
            break;
        }
        if (!enter(follow, line, error))
            return false;
        follow->pending++;
    }
    return true;
}

/* --- what is old --- */

/* On a slow disk a step is a small one. */
static void
set_step(struct follow *follow, uint64_t took_ms)
{
    if (took_ms > RETIRE_MS && follow->retire_rows > BOOKS_RETIRE_ROWS_MIN)
        follow->retire_rows /= 2;
    else if (took_ms < RETIRE_MS / 2 && follow->retire_rows < BOOKS_RETIRE_ROWS_MAX)
        follow->retire_rows *= 2;
}

/* A few steps where nothing is in hand; the log's own time counts, so that one that was
 * fed late is kept, too. */
static bool
retire(struct follow *follow, struct error *error)
{
    uint64_t end = clock_now_ms() + RETIRE_MS;
    int64_t now_ms = (int64_t)time(NULL) * 1000;

    if (follow->in_transaction || follow->status.last_line_ms == 0 ||
        (!follow->has_old && clock_now_ms() < follow->retired_ms + RETIRE_EACH_MS))
        return true;
    if (now_ms > follow->status.last_line_ms)
        now_ms = follow->status.last_line_ms;
    follow->retired_ms = clock_now_ms();
    do {
        uint64_t began = clock_now_ms();

        if (!books_retire(follow->books, &follow->options.keeping, now_ms,
                follow->retire_rows, &follow->has_old, error))
            return false;
        set_step(follow, clock_now_ms() - began);
    } while (follow->has_old && clock_now_ms() < end);
    return true;
}

/* --- the loop --- */

static bool
is_due(const struct follow *follow)
{
    if (follow->pending == 0 && !follow->is_touched)
        return false;
    return follow->is_over || follow->pending >= COMMIT_LINES ||
           clock_now_ms() >= follow->begun_ms + COMMIT_MS;
}

/* Nobody is kept waiting by a transaction in which there is nothing. */
static void
leave_empty(struct follow *follow)
{
    if (!follow->in_transaction || follow->pending > 0 || follow->is_touched)
        return;
    books_rollback(follow->books);
    follow->in_transaction = false;
}

/* False: all since the last commit was undone. */
static bool
read_and_commit(struct follow *follow, bool *more)
{
    struct error error;

    if (begin(follow, &error) && read_lines(follow, more, &error) &&
        (!is_due(follow) || commit(follow, &error))) {
        leave_empty(follow);
        if (retire(follow, &error))
            return true;
    }
    undo(follow, &error);
    *more = false;
    return false;
}

static void
turn(evutil_socket_t fd, short what, void *argument)
{
    struct follow *follow = argument;
    struct timeval pause = {0, LOOK_MS * 1000L};
    bool more = false;

    (void)fd;
    (void)what;
    if (!follow->options.may_read(follow->options.argument) ||
        (follow->books == NULL && follow->tried_ms != 0 &&
            clock_now_ms() < follow->tried_ms + COMMIT_MS)) {
        (void)event_add(follow->timer, &pause);
        return;
    }
    follow->tried_ms = clock_now_ms();
    if ((follow->books != NULL || open_all(follow)) && read_and_commit(follow, &more)) {
        follow->status.is_up_to_date = !more && trouble(follow)[0] == '\0';
        if (follow->status.is_up_to_date && follow->pending == 0)
            follow->caught_up_ms = follow->tried_ms;
        if (follow->is_over && follow->pending == 0 && !follow->is_touched)
            follow->options.ended(follow->options.argument);
    }
    look_whether_silent(follow);
    tell_trouble(follow);
    /* Between two transactions another writer may come by (erase). */
    if (more)
        pause.tv_usec = follow->pending == 0 ? GAP_MS * 1000 : 0;
    (void)event_add(follow->timer, &pause);
}

struct follow *
follow_new(struct event_base *base, const struct follow_options *options)
{
    static const struct timeval at_once = {0, 0};
    struct follow *follow = allocate(sizeof(*follow));

    follow->options = *options;
    follow->heard_ms = clock_now_ms();
    follow->retire_rows = BOOKS_RETIRE_ROWS_MIN;
    follow->timer = allocated(evtimer_new(base, turn, follow));
    (void)event_add(follow->timer, &at_once);
    return follow;
}

void
follow_free(struct follow *follow)
{
    struct error error;

    if (follow == NULL)
        return;
    if (follow->books != NULL && (follow->pending > 0 || follow->is_touched) &&
        !commit(follow, &error))
        log_say(LOG_LEVEL_ERROR, "the last second is entered again at the next start: %s",
            error.text);
    close_all(follow);
    log_source_free(follow->source);
    event_free(follow->timer);
    free(follow);
}

void
follow_touch(struct follow *follow)
{
    if (!follow->is_touched && !follow->in_transaction)
        follow->begun_ms = clock_now_ms();
    follow->is_touched = true;
}

void
follow_status(const struct follow *follow, struct follow_status *status)
{
    *status = follow->status;
    memcpy(status->lines, follow->kept.lines, sizeof(status->lines));
    status->trouble = trouble(follow);
    status->caught_up_ms = follow->caught_up_ms;
}

struct books *
follow_books(struct follow *follow)
{
    return follow->books;
}
