#include "policyd/books/books_audit.h"

#include <string.h>

#include "policyd/books/books_memory.h"
#include "policyd/books/books_routes.h"

enum { WAIT_FOR_QUEUE_MS = 86400000 }; /* between the first line and being accepted */

/* One audit. */
struct auditing {
    struct books *books;
    struct arena *arena;
    struct audit *audit;
    struct books_routes *routes; /* NULL: not looked at */
    sqlite3_stmt *recipients;
    int64_t next_message; /* of the recipient that was read last */
    bool has_row;
    struct error *error;
};

static void
name(struct auditing *auditing, struct audit_names *names, const char *queue_id)
{
    names->total++;
    if (names->count > 0 && strcmp(names->ids[names->count - 1], queue_id) == 0)
        return;
    if (names->count == AUDIT_NAMED_MAX)
        return;
    if (names->ids == NULL)
        names->ids = arena_take(auditing->arena, AUDIT_NAMED_MAX * sizeof(*names->ids));
    names->ids[names->count++] = arena_text(auditing->arena, span_of(queue_id));
}

/* --- where to begin --- */

/* The first message that began then or later: ids are given in that order. */
static bool
find_first(struct auditing *auditing, int64_t since_ms, int64_t *first)
{
    static const char ends[] =
        "SELECT coalesce(min(id), 1), coalesce(max(id), 0) FROM message";
    static const char probe[] =
        "SELECT id, begun FROM message WHERE id >= ? ORDER BY id LIMIT 1";
    struct books *books = auditing->books;
    sqlite3_stmt *row = books_prepare(books, ends, auditing->error);
    int64_t low;
    int64_t high;

    if (row == NULL || books_step(books, row, auditing->error) != 1)
        return false;
    low = sqlite3_column_int64(row, 0);
    high = sqlite3_column_int64(row, 1) + 1;
    (void)sqlite3_reset(row);
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int result;

        row = books_prepare(books, probe, auditing->error);
        if (row == NULL)
            return false;
        (void)sqlite3_bind_int64(row, 1, middle);
        result = books_step(books, row, auditing->error);
        if (result < 0)
            return false;
        if (result == 1 && sqlite3_column_int64(row, 1) < since_ms)
            low = sqlite3_column_int64(row, 0) + 1;
        else
            high = middle;
        if (result == 1)
            (void)sqlite3_reset(row);
    }
    *first = low;
    return true;
}

/* --- recipients, beside the messages --- */

static bool
read_next(struct auditing *auditing)
{
    int result = books_step(auditing->books, auditing->recipients, auditing->error);

    auditing->has_row = result == 1;
    if (auditing->has_row)
        auditing->next_message = sqlite3_column_int64(auditing->recipients, 0);
    return result >= 0;
}

static void
check_route(struct auditing *auditing, const char *queue_id, int64_t begun)
{
    sqlite3_stmt *row = auditing->recipients;
    const char *address = (const char *)sqlite3_column_text(row, 6);

    if (auditing->routes != NULL && sqlite3_column_int(row, 1) == END_DELIVERED &&
        sqlite3_column_bytes(row, 5) > 0)
        books_routes_add(auditing->routes, queue_id, span_of(address),
            (enum books_backend)sqlite3_column_int(row, 2), begun,
            sqlite3_column_int64(row, 4));
}

static bool
count_recipients(struct auditing *auditing, sqlite3_stmt *message)
{
    struct audit *audit = auditing->audit;
    int64_t id = sqlite3_column_int64(message, 0);
    const char *queue_id = (const char *)sqlite3_column_text(message, 7);
    uint64_t nrcpt = (uint64_t)sqlite3_column_int64(message, 5);
    int64_t accepted = sqlite3_column_int64(message, 1);
    uint64_t count = 0;
    uint64_t copies = 0;
    uint64_t waiting = 0;

    while (auditing->has_row && auditing->next_message < id) {
        if (!read_next(auditing))
            return false;
    }
    for (; auditing->has_row && auditing->next_message == id; count++) {
        sqlite3_stmt *row = auditing->recipients;
        int end = sqlite3_column_int(row, 1);
        int backend = sqlite3_column_int(row, 2);

        if (end >= 0 && end < END_COUNT)
            audit->ends[end]++;
        copies += end == END_COPY;
        waiting += end == END_WAITING;
        if (end == END_DELIVERED && backend >= 0 && backend < BACKEND_COUNT)
            audit->backends[backend]++;
        if (end == END_LOST)
            name(auditing, &audit->lost, queue_id);
        if (sqlite3_column_int(row, 3) != 0)
            name(auditing, &audit->twice, queue_id);
        check_route(auditing, queue_id, sqlite3_column_int64(message, 6));
        if (!read_next(auditing))
            return false;
    }
    if (nrcpt > count) {
        audit->ends[END_WAITING] += nrcpt - count;
        waiting += nrcpt - count;
    }
    audit->accepted += (nrcpt > count ? nrcpt : count) - copies;
    if (waiting > 0 &&
        (audit->oldest_waiting_ms == 0 || accepted < audit->oldest_waiting_ms))
        audit->oldest_waiting_ms = accepted;
    return true;
}

static bool
count_message(struct auditing *auditing, sqlite3_stmt *row)
{
    struct audit *audit = auditing->audit;
    int64_t accepted = sqlite3_column_int64(row, 1);
    int64_t begun = sqlite3_column_int64(row, 6);
    int64_t when = accepted != 0 ? accepted : begun;
    int kind = sqlite3_column_int(row, 3);

    if (when < audit->since_ms || when >= audit->until_ms)
        return true;
    if (kind == KIND_PROBE) {
        audit->probes++;
    } else if (kind == KIND_NOTICE) {
        audit->notices++;
    } else if (accepted == 0) {
        audit->begun++;
    } else {
        audit->messages++;
        audit->stories += sqlite3_column_int64(row, 8) == sqlite3_column_int64(row, 0);
        return count_recipients(auditing, row);
    }
    return true;
}

static bool
count_all(struct auditing *auditing, int64_t first)
{
    static const char messages[] =
        "SELECT id, accepted, ended, kind, state, nrcpt, begun, queue_id, story"
        " FROM message WHERE id >= ? ORDER BY id";
    static const char recipients[] =
        "SELECT message, end, backend, maybe, at, domain, addr FROM recipient"
        " WHERE message >= ? ORDER BY message, n";
    struct books *books = auditing->books;
    sqlite3_stmt *row = books_prepare(books, messages, auditing->error);
    int result = -1;

    auditing->recipients = books_prepare(books, recipients, auditing->error);
    if (row == NULL || auditing->recipients == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, first);
    (void)sqlite3_bind_int64(auditing->recipients, 1, first);
    if (!read_next(auditing))
        return false;
    while ((result = books_step(books, row, auditing->error)) == 1) {
        if (!count_message(auditing, row))
            break;
    }
    (void)sqlite3_reset(row);
    (void)sqlite3_reset(auditing->recipients);
    return result == 0;
}

/* --- beside the accounts --- */

static bool
read_gaps(struct auditing *auditing)
{
    static const char count[] =
        "SELECT count(*) FROM gap WHERE to_at >= ?1 AND from_at < ?2";
    static const char sql[] = "SELECT from_at, to_at, why FROM gap WHERE to_at >= ?1 AND"
                              " from_at < ?2 ORDER BY id LIMIT 10000";
    struct audit *audit = auditing->audit;
    sqlite3_stmt *row = books_prepare(auditing->books, count, auditing->error);
    int64_t most = 0;
    int result;

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, audit->since_ms);
    (void)sqlite3_bind_int64(row, 2, audit->until_ms);
    if (books_step(auditing->books, row, auditing->error) != 1)
        return false;
    most = sqlite3_column_int64(row, 0);
    (void)sqlite3_reset(row);
    audit->gaps = arena_take(auditing->arena, ((size_t)most + 1) * sizeof(*audit->gaps));
    row = books_prepare(auditing->books, sql, auditing->error);
    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, audit->since_ms);
    (void)sqlite3_bind_int64(row, 2, audit->until_ms);
    while ((result = books_step(auditing->books, row, auditing->error)) == 1 &&
           audit->gap_count < (size_t)most)
        audit->gaps[audit->gap_count++] = (struct audit_gap){sqlite3_column_int64(row, 0),
            sqlite3_column_int64(row, 1), books_column(row, 2, auditing->arena).data};
    (void)sqlite3_reset(row);
    return result >= 0;
}

static bool
read_unknown(struct auditing *auditing)
{
    sqlite3_stmt *row = books_prepare(auditing->books,
        "SELECT value FROM meta WHERE name = 'unknown_forms'", auditing->error);
    int result = row == NULL ? -1 : books_step(auditing->books, row, auditing->error);

    if (result == 1) {
        auditing->audit->unknown_forms = (uint64_t)sqlite3_column_int64(row, 0);
        (void)sqlite3_reset(row);
    }
    return result >= 0;
}

static void
name_misrouted(struct auditing *auditing)
{
    const char *queue_id;

    while (auditing->routes != NULL &&
           (queue_id = books_routes_next_wrong(auditing->routes)) != NULL)
        name(auditing, &auditing->audit->misrouted, queue_id);
}

bool
books_audit(struct books *books, struct arena *arena, int64_t since_ms, int64_t until_ms,
    const struct route_rules *rules, const struct domain_state_rules *state_rules,
    struct audit *audit, struct error *error)
{
    struct auditing auditing = {
        .books = books, .arena = arena, .audit = audit, .error = error};
    int64_t first = 0;
    bool done;

    *audit = (struct audit){.since_ms = since_ms, .until_ms = until_ms};
    if (rules != NULL) {
        auditing.routes = books_routes_new(books, rules, state_rules, error);
        if (auditing.routes == NULL)
            return false;
    }
    done =
        (since_ms <= 0 || find_first(&auditing, since_ms - WAIT_FOR_QUEUE_MS, &first)) &&
        count_all(&auditing, first) && read_gaps(&auditing) && read_unknown(&auditing);
    if (done)
        name_misrouted(&auditing);
    books_routes_free(auditing.routes);
    audit->balanced =
        audit->lost.total == 0 && audit->misrouted.total == 0 && audit->gap_count == 0;
    return done;
}

bool
books_unknown_forms(struct books *books, struct arena *arena, const char ***lines,
    size_t *count, struct error *error)
{
    enum { MOST = 100 };
    sqlite3_stmt *row = books_prepare(
        books, "SELECT line FROM unknown_form ORDER BY id LIMIT 100", error);
    int result = -1;

    *lines = arena_take(arena, MOST * sizeof(**lines));
    *count = 0;
    while (row != NULL && *count < MOST && (result = books_step(books, row, error)) == 1)
        (*lines)[(*count)++] = books_column(row, 0, arena).data;
    return row != NULL && result >= 0;
}
