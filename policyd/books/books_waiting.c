#include "policyd/books/books_waiting.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/books/books_memory.h"
#include "shared/base/allocate.h"

static const char other[] = "other";

/* One step. */
struct stepping {
    struct books_waiting *waiting;
    struct books *books;
    const struct books_rules *rules;
    struct error *error;
    /* Of the message in hand. */
    int64_t id;
    int64_t accepted;
    uint64_t nrcpt;
    bool is_held;
};

const char *
waiting_reason_name(enum waiting_reason reason)
{
    if (reason == WAITING_HOLD)
        return "hold";
    return reason == WAITING_UNTRIED ? "untried"
                                     : reply_class_name((enum reply_class)reason);
}

void
books_waiting_begin(struct books_waiting *waiting)
{
    waiting->count = 0;
    waiting->recipients = 0;
    waiting->oldest_ms = 0;
    waiting->last_id = 0;
}

void
books_waiting_clear(struct books_waiting *waiting)
{
    free(waiting->rows);
    *waiting = (struct books_waiting){.rows = NULL};
}

/* --- a row --- */

static struct waiting_row *
find_row(struct books_waiting *waiting, struct span domain, enum waiting_reason reason)
{
    struct waiting_row *row;

    for (size_t i = waiting->count; i > 0; i--) {
        row = &waiting->rows[i - 1];
        if (row->reason == reason && span_is(domain, row->domain))
            return row;
    }
    if (waiting->count >= WAITING_ROWS_MAX && !span_is(domain, other))
        return find_row(waiting, span_of(other), reason);
    waiting->rows = allocate_more(
        waiting->rows, waiting->count, &waiting->room, sizeof(*waiting->rows));
    row = &waiting->rows[waiting->count++];
    *row = (struct waiting_row){.reason = reason};
    (void)span_copy(domain, row->domain, sizeof(row->domain));
    return row;
}

static void
add(struct stepping *step, struct span domain, enum waiting_reason reason,
    uint64_t recipients)
{
    struct books_waiting *waiting = step->waiting;
    struct waiting_row *row;

    if (domain.length == 0 || domain.length >= WAITING_DOMAIN_SIZE)
        domain = span_of(other);
    row = find_row(waiting, domain, reason);
    row->recipients += recipients;
    if (row->oldest_ms == 0 || step->accepted < row->oldest_ms)
        row->oldest_ms = step->accepted;
    waiting->recipients += recipients;
    if (waiting->oldest_ms == 0 || step->accepted < waiting->oldest_ms)
        waiting->oldest_ms = step->accepted;
}

/* --- a recipient --- */

static struct span
column(sqlite3_stmt *row, int at)
{
    const unsigned char *text = sqlite3_column_text(row, at);

    return span_make(text, (size_t)(text == NULL ? 0 : sqlite3_column_bytes(row, at)));
}

/* A route that says hold has error(8) defer it, with the site's own text; a destination
 * that is throttled, with Postfix's. */
static bool
is_held_by_route(sqlite3_stmt *row)
{
    struct span service = column(row, 4);

    return (span_is(service, "error") || span_is(service, "retry")) &&
           !span_starts(column(row, 5), SPAN("delivery temporarily suspended"));
}

static void
add_recipient(struct stepping *step, sqlite3_stmt *row)
{
    struct span domain = column(row, 1);
    int class = sqlite3_column_int(row, 6);
    enum waiting_reason reason = (enum waiting_reason)REPLY_OTHER;
    char name[WAITING_DOMAIN_SIZE];
    bool old_is_site;

    if (domain.length == 0 && step->rules->find_domain != NULL)
        domain = step->rules->find_domain(
            step->rules->argument, column(row, 2), &old_is_site, name);
    if (step->is_held || is_held_by_route(row))
        reason = WAITING_HOLD;
    else if (sqlite3_column_int64(row, 3) == 0)
        reason = WAITING_UNTRIED;
    else if (class >= 0 && class < REPLY_CLASS_COUNT)
        reason = (enum waiting_reason) class;
    add(step, domain, reason, 1);
}

static bool
add_recipients(struct stepping *step)
{
    static const char sql[] =
        "SELECT end, domain, addr, attempts, service, reply, class FROM recipient"
        " WHERE message = ? ORDER BY n";
    sqlite3_stmt *row = books_prepare(step->books, sql, step->error);
    uint64_t count = 0;
    int result = -1;

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, step->id);
    for (; (result = books_step(step->books, row, step->error)) == 1; count++) {
        if (sqlite3_column_int(row, 0) == END_WAITING)
            add_recipient(step, row);
    }
    /* Those of whom nothing was heard have no name. */
    if (result == 0 && step->nrcpt > count)
        add(step, SPAN(""), step->is_held ? WAITING_HOLD : WAITING_UNTRIED,
            step->nrcpt - count);
    return result == 0;
}

bool
books_waiting_step(struct books_waiting *waiting, struct books *books,
    const struct books_rules *rules, size_t messages, bool *done, struct error *error)
{
    static const char sql[] =
        "SELECT id, accepted, nrcpt, state, kind FROM message"
        " WHERE ended = 0 AND accepted > 0 AND id > ?1 ORDER BY id LIMIT ?2";
    struct stepping step = {waiting, books, rules, error};
    sqlite3_stmt *row = books_prepare(books, sql, error);
    size_t found = 0;
    int result = -1;

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, waiting->last_id);
    (void)sqlite3_bind_int64(row, 2, (int64_t)messages);
    while ((result = books_step(books, row, error)) == 1) {
        found++;
        step.id = waiting->last_id = sqlite3_column_int64(row, 0);
        step.accepted = sqlite3_column_int64(row, 1);
        step.nrcpt = (uint64_t)sqlite3_column_int64(row, 2);
        step.is_held = sqlite3_column_int(row, 3) == STATE_HELD;
        if (sqlite3_column_int(row, 4) == KIND_MAIL && !add_recipients(&step)) {
            (void)sqlite3_reset(row);
            return false;
        }
    }
    *done = found < messages;
    return result == 0;
}

/* --- what the accounts lack --- */

static bool
ask_number(struct books *books, const char *sql, uint64_t *number, struct error *error)
{
    sqlite3_stmt *row = books_prepare(books, sql, error);

    if (row == NULL || books_step(books, row, error) != 1)
        return false;
    *number = (uint64_t)sqlite3_column_int64(row, 0);
    (void)sqlite3_reset(row);
    return true;
}

bool
books_difference(
    struct books *books, uint64_t *difference, uint64_t *gaps, struct error *error)
{
    /* END_LOST, KIND_MAIL: by the index of what was lost, which is small. */
    static const char lost[] =
        "SELECT count(*) FROM recipient r JOIN message m ON m.id = r.message"
        " WHERE r.end = 7 AND m.kind = 0";

    return ask_number(books, lost, difference, error) &&
           ask_number(books, "SELECT count(*) FROM gap", gaps, error);
}
