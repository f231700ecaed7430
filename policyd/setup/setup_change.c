#include "policyd/setup/setup_change.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "policyd/setup/setup_file.h"
#include "shared/base/number.h"
#include "shared/base/octet.h"

#define RECORD "postshift-setup.record"
#define COPY ".postshift-"

enum { TEXT_MAX = 4 << 20, RECORD_MAX = 65536, COPIES_KEPT = 3, COPIES_A_SECOND = 100 };

static const char *
path_of(const struct setup_change *change, const char *name, const char *suffix)
{
    return arena_printf(
        change->site->arena, "%s/%s%s", change->site->directory, name, suffix);
}

static bool
read_text(const struct setup_change *change, const char *name, size_t most,
    struct span *text, struct error *error)
{
    struct buffer buffer;
    bool done;

    buffer_init(&buffer, most);
    done = setup_file_read(path_of(change, name, ""), &buffer, error);
    if (done)
        *text = arena_span(change->site->arena, buffer_span(&buffer));
    buffer_clear(&buffer);
    return done;
}

static void
read_record(struct setup_change *change)
{
    struct error ignored;

    if (!read_text(change, RECORD, RECORD_MAX, &change->record_text, &ignored))
        change->record_text = span_of("");
    setup_record_parse(&change->record, change->record_text);
}

bool
setup_change_lock(
    struct setup_change *change, struct setup_site *site, struct error *error)
{
    *change = (struct setup_change){.site = site, .record_text = SPAN("")};
    change->lock = open(site->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (change->lock < 0)
        return error_permanent(error, "%s: %s", site->directory, strerror(errno));
    if (flock(change->lock, LOCK_EX | LOCK_NB) != 0)
        return error_temporary(error, "%s: %s", site->directory,
            errno == EWOULDBLOCK ? "another postfix-setup is at work there"
                                 : strerror(errno));
    if (!setup_site_read_again(site, error))
        return false;
    read_record(change);
    change->before[0] = change->now[0] = site->facts.main_cf;
    change->before[1] = change->now[1] = site->master_cf;
    return true;
}

/* What is remembered of a file still holds where the file and its copy are as they were
 * left. */
static bool
still_holds(const struct setup_change *change, size_t file)
{
    const struct setup_remembered *known = &change->record.files[file];
    struct error ignored;
    struct span copy;

    return known->known && setup_record_has(known, change->before[file]) &&
           read_text(change, known->copy, TEXT_MAX, &copy, &ignored) &&
           setup_record_is_original(known, copy);
}

/* A second run within the same second has copies of its own. */
static void
choose_suffix(struct setup_change *change)
{
    struct arena *arena = change->site->arena;
    char when[21];

    number_rfc3339_write((int64_t)time(NULL), when);
    change->suffix = arena_printf(arena, COPY "%s", when);
    for (int i = 2; i < COPIES_A_SECOND &&
                    access(path_of(change, "main.cf", change->suffix), F_OK) == 0;
         i++)
        change->suffix = arena_printf(arena, COPY "%s-%02d", when, i);
}

static void
remember(struct setup_change *change, size_t file, bool clean)
{
    struct setup_remembered *known = &change->record.files[file];

    if (!clean) {
        known->known = still_holds(change, file);
        return;
    }
    known->known =
        span_copy(span_of(change->copies[file]), known->copy, sizeof(known->copy));
    digest_sha256(change->before[file], known->original);
    memcpy(known->ours[0], known->original, sizeof(known->ours[0]));
    memcpy(known->ours[1], known->original, sizeof(known->ours[1]));
}

bool
setup_change_prepare(struct setup_change *change, bool clean, struct error *error)
{
    for (size_t i = 0; i < SETUP_FILES; i++) {
        if (!setup_file_may_change(path_of(change, setup_file_names[i], ""), error))
            return false;
        setup_pending_sweep(path_of(change, setup_file_names[i], ""));
    }
    choose_suffix(change);
    for (size_t i = 0; i < SETUP_FILES; i++) {
        const char *name = setup_file_names[i];

        if (!setup_file_copy(
                path_of(change, name, ""), path_of(change, name, change->suffix), error))
            return false;
        change->copies[i] =
            arena_printf(change->site->arena, "%s%s", name, change->suffix);
        remember(change, i, clean);
    }
    return true;
}

static bool
save_record(const struct setup_change *change, struct span text, struct error *error)
{
    const char *path = path_of(change, RECORD, "");

    if (text.length > 0)
        return setup_file_replace(path, text, error);
    return unlink(path) == 0 || errno == ENOENT ||
           error_permanent(error, "%s: %s", path, strerror(errno));
}

static bool
write_record(struct setup_change *change, const struct span texts[SETUP_FILES],
    struct error *error)
{
    struct buffer out;
    bool any = false;
    bool done;

    for (size_t i = 0; i < SETUP_FILES; i++) {
        struct setup_remembered *known = &change->record.files[i];

        digest_sha256(texts[i], known->ours[0]);
        digest_sha256(change->now[i], known->ours[1]);
        any = any || known->known;
    }
    buffer_init(&out, RECORD_MAX);
    if (any)
        setup_record_write(&out, &change->record);
    done = save_record(change, buffer_span(&out), error);
    change->is_record_written = done;
    buffer_clear(&out);
    return done;
}

static bool
is_unchanged(const struct setup_change *change, size_t file, struct error *error)
{
    struct span text;

    if (!read_text(change, setup_file_names[file], TEXT_MAX, &text, error))
        return false;
    return span_equal(text, change->now[file]) ||
           error_temporary(error, "somebody else has just changed %s: try again",
               setup_file_names[file]);
}

/* All that needs room on the disk comes first, then a rename each. */
static bool
write_files(struct setup_change *change, const struct span texts[SETUP_FILES],
    bool with_record, struct error *error)
{
    struct setup_pending pending[SETUP_FILES] = {{.temporary = ""}, {.temporary = ""}};
    bool done = true;

    for (size_t i = 0; i < SETUP_FILES && done; i++) {
        if (!span_equal(texts[i], change->now[i]))
            done = is_unchanged(change, i, error) &&
                   setup_pending_write(&pending[i],
                       path_of(change, setup_file_names[i], ""), texts[i], error);
    }
    done = done && (!with_record || write_record(change, texts, error));
    for (size_t i = 0; i < SETUP_FILES && done; i++) {
        if (pending[i].temporary[0] == '\0')
            continue;
        done = setup_pending_commit(&pending[i], error);
        if (done)
            change->now[i] = texts[i];
    }
    for (size_t i = 0; i < SETUP_FILES; i++)
        setup_pending_drop(&pending[i]);
    return done;
}

bool
setup_change_write(struct setup_change *change, const struct span texts[SETUP_FILES],
    struct error *error)
{
    return write_files(change, texts, true, error);
}

bool
setup_change_original(const struct setup_change *change, size_t file, struct span *text)
{
    struct error ignored;

    return change->record.files[file].known &&
           read_text(change, change->record.files[file].copy, TEXT_MAX, text, &ignored) &&
           setup_record_is_original(&change->record.files[file], *text);
}

bool
setup_change_undo(struct setup_change *change, struct error *error)
{
    if (!write_files(change, change->before, false, error) ||
        (change->is_record_written && !save_record(change, change->record_text, error)))
        return false;
    for (size_t i = 0; i < SETUP_FILES; i++) {
        if (change->copies[i] != NULL)
            (void)unlink(path_of(change, change->copies[i], ""));
    }
    return true;
}

static int
compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* "main.cf.postshift-2026-11-24T10:00:00Z" */
static bool
is_copy(const char *name, const char *file)
{
    size_t length = strlen(file);

    return strncmp(name, file, length) == 0 &&
           strncmp(name + length, COPY, strlen(COPY)) == 0 &&
           octet_is_digit(name[length + strlen(COPY)]);
}

/* Names of the copies of a file, the oldest first. */
static size_t
list_copies(
    const struct setup_change *change, const char *file, const char **names, size_t most)
{
    DIR *entries = opendir(change->site->directory);
    struct dirent *entry;
    size_t count = 0;

    while (entries != NULL && count < most && (entry = readdir(entries)) != NULL) {
        if (is_copy(entry->d_name, file))
            names[count++] = arena_text(change->site->arena, span_of(entry->d_name));
    }
    if (entries != NULL)
        (void)closedir(entries);
    qsort(names, count, sizeof(*names), compare_names);
    return count;
}

static void
prune(const struct setup_change *change, size_t file)
{
    enum { MOST = 1000 };
    const char *names[MOST];
    size_t count = list_copies(change, setup_file_names[file], names, MOST);
    size_t left = count;

    for (size_t i = 0; i < count && left > COPIES_KEPT; i++) {
        if (change->record.files[file].known &&
            strcmp(names[i], change->record.files[file].copy) == 0)
            continue;
        if (unlink(path_of(change, names[i], "")) == 0)
            left--;
    }
}

void
setup_change_finish(struct setup_change *change, bool clean)
{
    struct error ignored;

    if (clean) {
        change->record = (struct setup_record){0};
        (void)save_record(change, SPAN(""), &ignored);
    }
    for (size_t i = 0; i < SETUP_FILES; i++)
        prune(change, i);
}

void
setup_change_clear(struct setup_change *change)
{
    if (change->lock >= 0)
        (void)close(change->lock);
    change->lock = -1;
}

bool
setup_change_is_recorded(const struct setup_site *site)
{
    return access(arena_printf(site->arena, "%s/" RECORD, site->directory), F_OK) == 0;
}
