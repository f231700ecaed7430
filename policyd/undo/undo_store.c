#include "policyd/undo/undo_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "policyd/undo/undo_file.h"
#include "policyd/undo/undo_folder.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum { PARTS_SHARE = 8, PAUSE_MS = 1000 };

struct undo_copy {
    struct undo_file *file;
    uint64_t message;
    uint64_t *chunks;
    size_t count;
    size_t room;
};

struct undo_store {
    struct undo_store_options options;
    int folder;
    struct undo_files files;      /* sizes of those that are written are not looked at */
    TAILQ_HEAD(, undo_file) open; /* the newest, and such as have a copy to finish */
    struct undo_file *current;    /* NULL: none yet */
    uint64_t failed_ms;           /* when something could last not be written; 0: never */
    uint64_t refused;             /* since the newest file was begun */
    uint64_t ended;               /* copies that wait for the disk */
    struct undo_told told;
};

static int64_t
now_s(void)
{
    return (int64_t)time(NULL);
}

/* --- room --- */

static uint64_t
sum_of(const struct undo_store *store)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < store->files.count; i++)
        sum += store->files.items[i].size;
    return sum;
}

static void
note_size(struct undo_store *store, const struct undo_file *file)
{
    for (size_t i = store->files.count; i > 0; i--) {
        struct copies_file *item = &store->files.items[i - 1];

        if (item->name.hour == file->name.hour && item->name.part == file->name.part) {
            item->size = file->place;
            return;
        }
    }
}

/* The begin of what undo covers, where it is not known. */
static void
look_at_first(struct undo_store *store)
{
    char name[COPIES_NAME_SIZE];

    store->told.since_ms = 0;
    if (store->files.count == 0)
        return;
    copies_name_write(&store->files.items[0].name, name);
    undo_told_look(&store->told, store->folder, name, store->options.key);
    if (store->told.since_ms == 0)
        store->told.since_ms = store->files.items[0].name.hour * 1000;
}

static bool
make_room(struct undo_store *store, uint64_t coming, struct error *error)
{
    const struct copies_limits limits = {
        store->options.limits.keep_s, store->options.limits.octets};
    size_t surplus = copies_name_surplus(
        store->files.items, store->files.count, &limits, coming, now_s());

    for (size_t i = 0; i < surplus; i++) {
        const struct copies_name *first = &store->files.items[i].name;
        char name[COPIES_NAME_SIZE];

        copies_name_write(first, name);
        if (unlinkat(store->folder, name, 0) != 0 && errno != ENOENT)
            return error_temporary(
                error, "undo_folder: %s can't be removed: %s", name, strerror(errno));
        if (first->hour + COPIES_HOUR_S >= now_s() - limits.keep_s)
            store->told.early++;
    }
    undo_files_drop_first(&store->files, surplus);
    if (surplus > 0)
        look_at_first(store);
    return sum_of(store) + coming <= limits.octets ||
           error_temporary(error, "undo_max is less than one message and its hour");
}

/* --- files --- */

static bool
gave_up(struct undo_store *store, const struct undo_file *file)
{
    if (store->current == file)
        store->current = NULL;
    store->failed_ms = clock_now_ms();
    return false;
}

static bool
write_record(struct undo_store *store, struct undo_file *file, enum copies_kind kind,
    uint64_t message, struct span plain, struct error *error)
{
    if (!undo_file_write(file, kind, message, plain, error))
        return gave_up(store, file);
    note_size(store, file);
    return true;
}

static void
close_file(struct undo_store *store, struct undo_file *file)
{
    const struct copies_span span = {clock_wall_ms(), store->refused};
    struct error ignored;

    if (!file->has_failed && !undo_file_end(file, &span, &ignored))
        (void)gave_up(store, file);
    note_size(store, file);
    if (store->current == file)
        store->current = NULL;
    TAILQ_REMOVE(&store->open, file, entry);
    undo_file_free(file);
}

/* Those that nobody writes to any more. */
static void
close_left(struct undo_store *store)
{
    struct undo_file *next;

    for (struct undo_file *file = TAILQ_FIRST(&store->open); file != NULL; file = next) {
        next = TAILQ_NEXT(file, entry);
        if (file != store->current && file->copies == 0 && !file->is_dirty)
            close_file(store, file);
    }
}

/* Behind the last one, also where the clock went back: names rise. */
static struct copies_name
next_name(const struct undo_store *store)
{
    const struct undo_files *files = &store->files;
    struct copies_name name = {
        .hour = now_s() / COPIES_HOUR_S * COPIES_HOUR_S, .part = 1};

    if (files->count > 0 && files->items[files->count - 1].name.hour >= name.hour) {
        name = files->items[files->count - 1].name;
        name.part++;
    }
    return name;
}

static bool
begin_file(struct undo_store *store, struct error *error)
{
    const struct copies_name name = next_name(store);
    const struct copies_span span = {clock_wall_ms(), store->refused};
    struct undo_file *file =
        undo_file_begin(store->folder, &name, store->options.key, &span, error);
    struct copies_file item;

    if (file == NULL)
        return gave_up(store, NULL);
    TAILQ_INSERT_TAIL(&store->open, file, entry);
    item = (struct copies_file){file->name, file->place};
    undo_files_add(&store->files, &item);
    store->current = file;
    store->refused = 0;
    (void)fsync(store->folder);
    if (store->files.count == 1)
        look_at_first(store);
    return true;
}

/* The hour is over, or the file is large enough. */
static bool
is_over(const struct undo_store *store, const struct undo_file *file)
{
    return now_s() / COPIES_HOUR_S * COPIES_HOUR_S > file->name.hour ||
           file->place >= store->options.limits.octets / PARTS_SHARE;
}

/* --- copies --- */

struct undo_copy *
undo_store_begin(struct undo_store *store, struct error *error)
{
    struct undo_copy *copy;

    if (store->failed_ms != 0 && clock_now_ms() - store->failed_ms < PAUSE_MS) {
        (void)error_temporary(error, "the journal could not be written a moment ago");
        return NULL;
    }
    if (store->current != NULL && is_over(store, store->current))
        store->current = NULL;
    if (!make_room(store, 0, error) ||
        (store->current == NULL && !begin_file(store, error)))
        return NULL;
    close_left(store);
    copy = allocate(sizeof(*copy));
    copy->file = store->current;
    copy->message = ++copy->file->messages;
    copy->file->copies++;
    return copy;
}

bool
undo_store_chunk(struct undo_store *store, struct undo_copy *copy, struct span octets,
    struct error *error)
{
    struct undo_file *file = copy->file;

    if (file->has_failed)
        return error_temporary(error, "the journal could not be written");
    if (copy->count == COPIES_CHUNKS_MAX)
        return error_permanent(error, "the message is larger than a copy may be");
    if (!make_room(store, octets.length + COPIES_HEAD_SIZE + COPIES_TAG_SIZE, error))
        return false;
    copy->chunks =
        allocate_more(copy->chunks, copy->count, &copy->room, sizeof(*copy->chunks));
    copy->chunks[copy->count++] = file->place;
    return write_record(store, file, COPIES_CHUNK, copy->message, octets, error);
}

void
undo_store_drop(struct undo_store *store, struct undo_copy *copy)
{
    if (copy == NULL)
        return;
    copy->file->copies--;
    free(copy->chunks);
    free(copy);
    close_left(store);
}

bool
undo_store_end(struct undo_store *store, struct undo_copy *copy,
    struct copies_entry *entry, struct error *error)
{
    struct buffer plain;
    bool done;

    entry->time_ms = clock_wall_ms();
    entry->chunks = copy->chunks;
    entry->chunk_count = copy->count;
    buffer_init(&plain, COPIES_PLAIN_MAX);
    copies_entry_write(&plain, entry);
    done = !copy->file->has_failed ||
           error_temporary(error, "the journal could not be written");
    done = done && write_record(store, copy->file, COPIES_ENTRY, copy->message,
                       buffer_span(&plain), error);
    buffer_clear(&plain);
    store->ended += done ? 1 : 0;
    undo_store_drop(store, copy);
    return done;
}

bool
undo_store_sync(struct undo_store *store, struct error *error)
{
    bool done = true;
    struct undo_file *file;

    TAILQ_FOREACH(file, &store->open, entry)
    {
        if (!undo_file_sync(file, error))
            done = gave_up(store, file);
    }
    if (done && store->ended > 0) {
        store->told.copies += store->ended;
        store->told.is_refusing = false;
    }
    store->ended = 0;
    close_left(store);
    return done;
}

void
undo_store_refused(struct undo_store *store)
{
    store->refused++;
    store->told.refused++;
    store->told.refused_ms = clock_wall_ms();
    store->told.is_refusing = true;
}

const struct undo_told *
undo_store_told(const struct undo_store *store)
{
    return &store->told;
}

void
undo_store_turn(struct undo_store *store)
{
    struct error ignored;

    if (store->current != NULL && is_over(store, store->current))
        store->current = NULL;
    close_left(store);
    (void)make_room(store, 0, &ignored);
    store->told.files = store->files.count;
    store->told.octets = sum_of(store);
    store->told.now_ms = clock_wall_ms();
    undo_told_write(&store->told, store->folder);
}

/* --- life --- */

void
undo_store_set_limits(struct undo_store *store, uint64_t octets, int64_t keep_s)
{
    store->options.limits.octets = octets;
    store->options.limits.keep_s = keep_s;
}

struct undo_store *
undo_store_open(const struct undo_store_options *options, struct error *error)
{
    int folder = open(options->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    struct undo_store *store;

    if (folder < 0) {
        (void)error_temporary(
            error, "undo_folder %s: %s", options->folder, strerror(errno));
        return NULL;
    }
    if (faccessat(folder, ".", W_OK | X_OK, AT_EACCESS) != 0) {
        (void)error_temporary(
            error, "undo_folder %s: %s", options->folder, strerror(errno));
        (void)close(folder);
        return NULL;
    }
    store = allocate(sizeof(*store));
    store->options = *options;
    store->folder = folder;
    TAILQ_INIT(&store->open);
    if (!undo_files_read(folder, &store->files, error)) {
        undo_store_close(store);
        return NULL;
    }
    look_at_first(store);
    undo_told_prepare(&store->told, folder);
    undo_store_turn(store);
    return store;
}

void
undo_store_close(struct undo_store *store)
{
    struct undo_file *file;

    if (store == NULL)
        return;
    store->current = NULL;
    while ((file = TAILQ_FIRST(&store->open)) != NULL)
        close_file(store, file);
    undo_files_clear(&store->files);
    explicit_bzero(store->options.key, sizeof(store->options.key));
    undo_told_close(&store->told);
    (void)close(store->folder);
    free(store);
}
