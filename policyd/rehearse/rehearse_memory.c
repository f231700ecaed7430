#include "policyd/rehearse/rehearse_memory.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "shared/base/allocate.h"

enum { BUSY_MS = 250, KEPT_DAYS = 8, LENGTH_MAX = 1100 };

static const char schema[] =
    "PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = OFF;"
    "PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;"
    "CREATE TABLE IF NOT EXISTS asked("
    "  domain TEXT, recipient TEXT, sender_domain TEXT, sender TEXT, size INT, asked INT,"
    "  again INT, deferred INT, answer INT, class INT, times INT, reply TEXT,"
    "  PRIMARY KEY(domain, recipient, sender_domain)) WITHOUT ROWID;";

static const char save_sql[] =
    "INSERT OR REPLACE INTO asked VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)";

static const char load_sql[] =
    "SELECT recipient, sender, size, asked, again, deferred, answer, class, times, reply "
    "FROM asked WHERE domain = ?1";

struct rehearse_memory {
    sqlite3 *file;
    sqlite3_stmt *save;
};

static bool
fail(const struct rehearse_memory *memory, struct error *error)
{
    return error_temporary(error, "[rehearsal] state: %s",
        memory->file == NULL ? "no memory" : sqlite3_errmsg(memory->file));
}

static bool
forget_old(struct rehearse_memory *memory, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    int64_t before = ((int64_t)time(NULL) - (int64_t)KEPT_DAYS * 86400) * 1000;
    bool done = sqlite3_prepare_v2(memory->file, "DELETE FROM asked WHERE asked < ?1", -1,
                    &statement, NULL) == SQLITE_OK;

    if (done) {
        (void)sqlite3_bind_int64(statement, 1, before);
        done = sqlite3_step(statement) == SQLITE_DONE;
    }
    (void)sqlite3_finalize(statement);
    return done || fail(memory, error);
}

struct rehearse_memory *
rehearse_memory_open(const char *path, struct error *error)
{
    struct rehearse_memory *memory = allocate(sizeof(*memory));
    mode_t mask = umask(S_IRWXG | S_IRWXO);
    int result = sqlite3_open_v2(path, &memory->file,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);

    if (result == SQLITE_OK) {
        (void)sqlite3_busy_timeout(memory->file, BUSY_MS);
        result = sqlite3_exec(memory->file, schema, NULL, NULL, NULL);
    }
    (void)umask(mask);
    if (result != SQLITE_OK ||
        sqlite3_prepare_v3(memory->file, save_sql, -1, SQLITE_PREPARE_PERSISTENT,
            &memory->save, NULL) != SQLITE_OK) {
        (void)fail(memory, error);
        rehearse_memory_close(memory);
        return NULL;
    }
    if (forget_old(memory, error))
        return memory;
    rehearse_memory_close(memory);
    return NULL;
}

void
rehearse_memory_close(struct rehearse_memory *memory)
{
    if (memory == NULL)
        return;
    (void)sqlite3_finalize(memory->save);
    (void)sqlite3_close(memory->file);
    free(memory);
}

static void
bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    (void)sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

/* In small letters, for it is a key. */
static void
bind_domain(sqlite3_stmt *statement, int at, const char *sender, char room[LENGTH_MAX])
{
    struct span domain = span_of(sender);
    size_t sign = span_find_last(domain, '@');

    if (sign != SPAN_NONE)
        domain = span_from(domain, sign + 1);
    if (!span_copy(domain, room, LENGTH_MAX))
        room[0] = '\0';
    span_lower(room, strlen(room));
    bind_text(statement, at, room);
}

bool
rehearse_memory_save(struct rehearse_memory *memory, const char *domain,
    const struct rehearsal_kept *kept, struct error *error)
{
    char sender_domain[LENGTH_MAX];
    bool done;

    bind_text(memory->save, 1, domain);
    bind_text(memory->save, 2, kept->recipient);
    bind_domain(memory->save, 3, kept->sender, sender_domain);
    bind_text(memory->save, 4, kept->sender);
    (void)sqlite3_bind_int64(memory->save, 5, (sqlite3_int64)kept->size);
    (void)sqlite3_bind_int64(memory->save, 6, kept->asked_ms);
    (void)sqlite3_bind_int64(memory->save, 7, kept->again_ms);
    (void)sqlite3_bind_int64(memory->save, 8, kept->deferred);
    (void)sqlite3_bind_int64(memory->save, 9, kept->answer);
    (void)sqlite3_bind_int64(memory->save, 10, kept->class);
    (void)sqlite3_bind_int64(memory->save, 11, (sqlite3_int64)kept->times);
    bind_text(memory->save, 12, kept->reply);
    done = sqlite3_step(memory->save) == SQLITE_DONE;
    (void)sqlite3_reset(memory->save);
    return done || fail(memory, error);
}

bool
rehearse_memory_forget(struct rehearse_memory *memory, const char *domain,
    const char *recipient, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    bool done = sqlite3_prepare_v2(memory->file,
                    "DELETE FROM asked WHERE domain = ?1 AND recipient = ?2", -1,
                    &statement, NULL) == SQLITE_OK;

    if (done) {
        bind_text(statement, 1, domain);
        bind_text(statement, 2, recipient);
        done = sqlite3_step(statement) == SQLITE_DONE;
    }
    (void)sqlite3_finalize(statement);
    return done || fail(memory, error);
}

static const char *
text_of(sqlite3_stmt *statement, int at)
{
    const unsigned char *text = sqlite3_column_text(statement, at);

    return text == NULL ? "" : (const char *)text;
}

/* What none of ours wrote is passed over. */
static void
restore(sqlite3_stmt *row, struct rehearsal_course *course)
{
    int answer = sqlite3_column_int(row, 6);
    int class = sqlite3_column_int(row, 7);
    const struct rehearsal_kept kept = {
        .recipient = text_of(row, 0),
        .sender = text_of(row, 1),
        .size = (uint64_t)sqlite3_column_int64(row, 2),
        .asked_ms = sqlite3_column_int64(row, 3),
        .again_ms = sqlite3_column_int64(row, 4),
        .deferred = (unsigned)sqlite3_column_int(row, 5),
        .answer = (enum rehearsal_answer)answer,
        .class = (unsigned)class,
        .times = (uint64_t)sqlite3_column_int64(row, 8),
        .reply = text_of(row, 9),
    };

    if (answer >= 0 && answer < REHEARSAL_ANSWERS && class >= 0 &&
        class < REHEARSAL_CLASSES && kept.recipient[0] != '\0')
        rehearsal_course_restore(course, &kept);
}

bool
rehearse_memory_load(struct rehearse_memory *memory, const char *domain,
    struct rehearsal_course *course, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    int step = SQLITE_ERROR;

    if (sqlite3_prepare_v2(memory->file, load_sql, -1, &statement, NULL) == SQLITE_OK) {
        bind_text(statement, 1, domain);
        while ((step = sqlite3_step(statement)) == SQLITE_ROW)
            restore(statement, course);
    }
    (void)sqlite3_finalize(statement);
    return step == SQLITE_DONE || fail(memory, error);
}
