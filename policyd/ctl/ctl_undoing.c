#include "policyd/ctl/ctl_undoing.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policyd/copies/copies_record.h"
#include "policyd/undo/undo_send.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum {
    RECIPIENTS_MAX = 50000, /* of one story */
    EVERY_MS = 50,          /* 20 a second */
    ARENA_MAX = 64 << 20,
    NS_A_MS = 1000000,
    SHOWN_EVERY_MS = 200,
};

static volatile sig_atomic_t is_told_to_stop;

static void
on_signal(int number)
{
    (void)number;
    is_told_to_stop = 1;
}

/* Ctrl-C ends it behind the message at hand. */
static void
listen_to_signals(void)
{
    const struct sigaction action = {.sa_handler = on_signal};

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* --- names --- */

static void
name(struct undoing *undoing, struct undoing_names *names, const struct landed *landed,
    const char *why)
{
    struct arena *arena = undoing->ctl->arena;

    names->total++;
    if (names->items == NULL)
        names->items = arena_take(arena, UNDOING_NAMED_MAX * sizeof(*names->items));
    if (names->count == UNDOING_NAMED_MAX)
        return;
    names->items[names->count++] = (struct undoing_name){
        arena_text(arena, landed->queue_id), arena_text(arena, landed->recipient), why};
}

/* Why one could not be sent, as far as this run knows. */
struct reason {
    struct copies_digest digest;
    const char *text;
};

/* --- sending --- */

struct run {
    struct undoing *undoing;
    struct undo_sender *sender;
    const struct copies_entry *entry;
    struct reason *reasons; /* UNDOING_NAMED_MAX of them */
    size_t reason_count;
    uint64_t next_ms; /* not before then */
    uint64_t shown_ms;
};

static void
keep_reason(struct run *run, const struct copies_digest *digest, const char *text)
{
    if (run->reason_count == UNDOING_NAMED_MAX)
        return;
    run->reasons[run->reason_count++] =
        (struct reason){*digest, arena_text(run->undoing->ctl->arena, span_of(text))};
}

static const char *
reason_of(const struct run *run, const struct copies_digest *digest)
{
    for (size_t i = 0; i < run->reason_count; i++) {
        if (memcmp(&run->reasons[i].digest, digest, sizeof(*digest)) == 0)
            return run->reasons[i].text;
    }
    return NULL;
}

static void
keep_pace(struct run *run)
{
    uint64_t now = clock_now_ms();

    while (now < run->next_ms && !is_told_to_stop) {
        const struct timespec time = {.tv_nsec = (long)(run->next_ms - now) * NS_A_MS};

        (void)nanosleep(&time, NULL);
        now = clock_now_ms();
    }
    run->next_ms = now + EVERY_MS;
}

static void
show(struct run *run, bool is_last)
{
    uint64_t now = clock_now_ms();

    if (isatty(STDERR_FILENO) != 1 || (!is_last && now < run->shown_ms + SHOWN_EVERY_MS))
        return;
    run->shown_ms = now;
    (void)fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 "%s", run->undoing->now,
        run->undoing->landed, is_last ? "\n" : " ");
}

static bool
give_chunk(void *argument, size_t at, struct buffer *out)
{
    const struct run *run = argument;

    return undo_reader_chunk(run->undoing->reader, run->entry, at, out);
}

/* What is authentic is known before anything is said. */
static bool
is_whole(struct run *run)
{
    bool done = true;
    struct buffer plain;

    buffer_init(&plain, COPIES_PLAIN_MAX);
    for (size_t i = 0; done && i < run->entry->chunk_count; i++) {
        buffer_reset(&plain);
        done = give_chunk(run, i, &plain);
    }
    buffer_clear(&plain);
    return done;
}

static enum undo_sent
send_one(struct run *run, const struct landed *landed, struct error *error)
{
    const struct copies_entry *entry = run->entry;
    const struct undo_mail mail = {
        .sender = entry->sender,
        .recipient = landed->recipient,
        .size = entry->size,
        .eight_bit = entry->eight_bit,
        .utf8 = entry->utf8,
        .chunks = entry->chunk_count,
        .chunk = give_chunk,
        .argument = run,
    };

    if (!is_whole(run)) {
        (void)error_permanent(error, "its copy is damaged");
        return UNDO_DAMAGED;
    }
    return undo_sender_send(run->sender, &mail, error);
}

/* The word is on the disk before a message goes, and again when it is there. */
static bool
undo_one(struct run *run, const struct landed *landed, const struct copies_digest *digest,
    bool was_begun, struct error *error)
{
    struct undoing *undoing = run->undoing;
    struct undo_progress *progress = &undoing->progress;
    enum undo_sent result;

    keep_pace(run);
    if (is_told_to_stop)
        return error_temporary(error, "it was told to stop");
    if (!undo_progress_note(progress, digest, COPIES_BEGUN, error))
        return false;
    result = send_one(run, landed, error);
    if (result == UNDO_SENT) {
        undoing->now++;
        show(run, false);
        return undo_progress_note(
            progress, digest, was_begun ? COPIES_TWICE : COPIES_SENT, error);
    }
    keep_reason(run, digest, error->text);
    /* In doubt it stays begun, and so it does where an earlier run may have sent it. */
    if (result == UNDO_DOUBT || was_begun)
        return result != UNDO_FAILED;
    return undo_progress_note(progress, digest, COPIES_REFUSED, error) &&
           result != UNDO_FAILED;
}

static bool
look_at(struct run *run, const struct landed *landed, struct error *error)
{
    struct undoing *undoing = run->undoing;
    struct copies_digest digest;
    enum copies_step step = COPIES_FOUND;

    copies_digest_make(landed->queue_id, landed->recipient, &digest);
    if (copies_progress_find(undoing->progress.known, &digest, &step) &&
        (step == COPIES_SENT || step == COPIES_TWICE || reason_of(run, &digest) != NULL))
        return true;
    if (undoing->is_dry) {
        copies_progress_put(undoing->progress.known, &digest, COPIES_FOUND);
        return true;
    }
    return undo_one(run, landed, &digest, step == COPIES_BEGUN, error);
}

/* Brackets are none of what the books have. */
static struct span
bare(struct span id)
{
    if (id.length > 2 && id.data[0] == '<' && id.data[id.length - 1] == '>')
        return span_first(span_from(id, 1), id.length - 2);
    return id;
}

/* By its own id; one that came through a content filter may have that filter's first. */
static bool
find_landed(struct run *run, struct arena *arena, struct landed *rows, size_t *count,
    struct error *error)
{
    const struct copies_entry *entry = run->entry;
    struct undoing *undoing = run->undoing;
    struct landed_mail mail = {
        entry->queue_id.length > 0 ? entry->queue_id : entry->ident,
        bare(entry->message_id), entry->time_ms};

    return books_landed_of(undoing->books, &undoing->query, &mail, arena, rows,
        RECIPIENTS_MAX, count, error);
}

/* False with undoing->stopped NULL: the books can't be read. */
static bool
go_through(struct run *run, struct error *error)
{
    struct undoing *undoing = run->undoing;
    struct landed *rows = allocate_array(RECIPIENTS_MAX, sizeof(*rows));
    struct arena *arena = arena_new(ARENA_MAX);
    struct copies_entry entry;
    bool done = true;

    while (done && undo_reader_next(undoing->reader, &entry)) {
        size_t count;

        run->entry = &entry;
        arena_reset(arena);
        done = find_landed(run, arena, rows, &count, error);
        for (size_t i = 0; done && i < count; i++) {
            done = look_at(run, &rows[i], error);
            if (!done)
                undoing->stopped = arena_text(undoing->ctl->arena, span_of(error->text));
        }
    }
    run->entry = NULL;
    arena_free(arena);
    free(rows);
    return done || undoing->stopped != NULL;
}

/* --- the account --- */

static bool
account(void *argument, const struct landed *landed)
{
    struct run *run = argument;
    struct undoing *undoing = run->undoing;
    struct copies_digest digest;
    enum copies_step step;
    const char *why;

    copies_digest_make(landed->queue_id, landed->recipient, &digest);
    if (!copies_progress_find(undoing->progress.known, &digest, &step)) {
        name(undoing, &undoing->left, landed,
            undoing->stopped != NULL ? "not reached" : "no copy of it");
        return true;
    }
    if (step == COPIES_SENT || step == COPIES_TWICE) {
        undoing->sent++;
        if (step == COPIES_TWICE)
            name(undoing, &undoing->twice, landed, "");
    } else if (step == COPIES_FOUND) {
        undoing->ready++;
    } else {
        why = reason_of(run, &digest);
        if (why == NULL)
            why = step == COPIES_BEGUN ? "sent by an earlier run, perhaps"
                                       : "refused by old, see an earlier run";
        name(undoing, &undoing->left, landed, why);
    }
    return true;
}

bool
ctl_undoing_run(struct undoing *undoing, struct error *error)
{
    struct run run = {.undoing = undoing};
    bool done;

    listen_to_signals();
    run.reasons = allocate_array(UNDOING_NAMED_MAX, sizeof(*run.reasons));
    if (!undoing->is_dry) {
        run.sender = undo_sender_new(undoing->route, undoing->ctl->host, error);
        if (run.sender == NULL) {
            free(run.reasons);
            return false;
        }
    }
    done = go_through(&run, error);
    if (undoing->now > 0)
        show(&run, true);
    undo_sender_free(run.sender);
    done =
        done && books_landed_all(undoing->books, &undoing->query, account, &run, error);
    free(run.reasons);
    return done;
}

/* --- before --- */

struct counting {
    uint64_t count;
    int64_t from_ms;
};

static bool
count_one(void *argument, const struct landed *landed)
{
    struct counting *counting = argument;

    counting->count++;
    if (counting->from_ms == 0 || landed->begun_ms < counting->from_ms)
        counting->from_ms = landed->begun_ms;
    return true;
}

bool
ctl_undoing_count(struct undoing *undoing, int64_t *from_ms, struct error *error)
{
    struct counting counting = {0};
    bool done =
        books_landed_all(undoing->books, &undoing->query, count_one, &counting, error);

    undoing->landed = counting.count;
    *from_ms = counting.from_ms;
    return done;
}
