#include "policyd/follow/follow.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/follow/follow_told.h"
#include "policyd/follow/log_source.h"
#include "policyd/follow/retire_turn.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum {
    LOOK_MS = 200,
    SLICE_MS = 20,
    COMMIT_MS = 1000,      /* after the last one */
    COMMIT_LATE_MS = 1500, /* while there is more to read: what has come belongs to it */
    SPARE_MS = 400,        /* of the time until the next one, for what is old */
    TRY_AGAIN_MS = 1000,
    COMMIT_LINES = 100000,
    POSITION_MAX = 4096,
    ZONE_SECONDS = 900,
    GAP_MS = 5,
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
    uint64_t committed_ms;
    uint64_t pending; /* lines since the commit */
    uint64_t tried_ms;
    struct retire_pace retiring;
    /* The local zone, as it was about then. */
    int64_t zone_at;
    int zone_offset;
    struct follow_status status;
    struct follow_status kept; /* as it was when it was last committed */
    uint64_t caught_up_ms;
    uint64_t heard_ms;                      /* when the last line came */
    char books_trouble[FOLLOW_TROUBLE_MAX]; /* until a commit succeeds */
    struct follow_told told;
};

/* --- trouble --- */

static const char *
trouble(const struct follow *follow)
{
    if (follow->books_trouble[0] != '\0')
        return follow->books_trouble;
    return follow->source != NULL ? log_source_trouble(follow->source) : "";
}

static void
set_books_trouble(struct follow *follow, const char *text)
{
    (void)span_copy(span_first(span_of(text), FOLLOW_TROUBLE_MAX - 1),
        follow->books_trouble, FOLLOW_TROUBLE_MAX);
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
    follow->committed_ms = clock_now_ms();
    follow->options.saved(follow->options.argument, follow->books);
    books_settle(follow->books);
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
        follow_told_wrong(
            &follow->told, status->lines, log_source_name(follow->options.log));
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

/* Where nothing is in hand.  Right after a commit, there is time until the next one,
 * unless the disk has had it. */
static bool
retire(struct follow *follow, bool is_all_read, bool is_after_commit, struct error *error)
{
    struct retire_turn turn = {.began_ms = clock_now_ms()};

    turn.is_all_read =
        is_all_read &&
        (!is_after_commit || turn.began_ms < follow->committed_ms + SPARE_MS);
    if (follow->in_transaction || follow->status.last_line_ms == 0 ||
        !retire_pace_is_due(&follow->retiring, turn.began_ms, turn.is_all_read))
        return true;
    if (!retire_turn_run(&turn, &follow->retiring, follow->books,
            &follow->options.keeping, follow->status.last_line_ms, error))
        return false;
    /* Else the next commit is followed by it. */
    if (!is_after_commit)
        books_settle(follow->books);
    turn.now_ms = clock_now_ms();
    retire_pace_rest(&follow->retiring, &turn);
    return true;
}

/* --- the loop --- */

/* By the last commit, not by the first line since: what retention or the disk took
 * meanwhile is no further delay. */
static bool
is_due(const struct follow *follow, bool more)
{
    if (follow->pending == 0 && !follow->is_touched)
        return false;
    return follow->is_over || follow->pending >= COMMIT_LINES ||
           clock_now_ms() >= follow->committed_ms + (more ? COMMIT_LATE_MS : COMMIT_MS);
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
    bool is_committed = false;

    if (begin(follow, &error) && read_lines(follow, more, &error)) {
        is_committed = is_due(follow, *more);
        if (!is_committed || commit(follow, &error)) {
            leave_empty(follow);
            if (retire(follow, !*more, is_committed, &error))
                return true;
        }
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
            clock_now_ms() < follow->tried_ms + TRY_AGAIN_MS)) {
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
    follow->status.is_silent = follow_told_silence(
        &follow->told, follow->heard_ms, log_source_name(follow->options.log));
    follow_told_trouble(&follow->told, trouble(follow));
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
    follow->retiring.rows = BOOKS_RETIRE_ROWS_MIN;
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
