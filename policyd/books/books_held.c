#include "policyd/books/books_held.h"

#include <stdlib.h>

#include "policyd/books/books_base.h"
#include "policyd/books/books_message.h"

/* At the start of one of the lines: what else stands in them came from outside. */
#define HELD_BY_US                                                                       \
    "(instr(char(10) || verdicts, char(10) || 'auth: action=hold') > 0"                  \
    " OR instr(char(10) || verdicts, char(10) || 'scan: action=hold') > 0)"

bool
books_held_verdict(struct span lines, struct span *by, struct span *verdict)
{
    struct span line;

    while (span_split(&lines, '\n', &line)) {
        size_t colon = span_find(line, ':');
        size_t note = span_find_last(line, '(');

        if (!span_starts(line, SPAN("auth: action=hold")) &&
            !span_starts(line, SPAN("scan: action=hold")))
            continue;
        *by = span_first(line, colon);
        *verdict = SPAN("held");
        if (note != SPAN_NONE && span_ends(line, SPAN(")")))
            *verdict = span_first(span_from(line, note + 1), line.length - note - 2);
        return true;
    }
    return false;
}

static int
compare(const void *left, const void *right)
{
    const struct held_mail *a = left;
    const struct held_mail *b = right;
    int order = span_compare(a->queue_id, b->queue_id);

    return order != 0 ? order : (a->begun_ms > b->begun_ms) - (a->begun_ms < b->begun_ms);
}

static void
read_mail(struct arena *arena, sqlite3_stmt *row, struct held_mail *mail)
{
    *mail = (struct held_mail){
        .queue_id = books_column(row, 0, arena),
        .begun_ms = sqlite3_column_int64(row, 1),
        .from = books_column(row, 2, arena),
        .message_id = books_column(row, 3, arena),
        .client = books_column(row, 4, arena),
        .lines = books_column(row, 5, arena),
    };
    (void)books_held_verdict(mail->lines, &mail->by, &mail->verdict);
}

bool
books_held(struct books *books, struct arena *arena, struct held_mail **mails,
    size_t *count, struct error *error)
{
    static const char sql[] =
        "SELECT queue_id, begun, sender, message_id, client, verdicts FROM message"
        " WHERE ended = 0 AND state = ?1 AND verdicts <> '' AND " HELD_BY_US
        " ORDER BY id DESC LIMIT ?2";
    sqlite3_stmt *row = books_prepare(books, sql, error);
    int result = -1;
    uint64_t most;
    int64_t oldest;

    *count = 0;
    if (row == NULL || !books_held_count(books, &most, &oldest, error))
        return false;
    most = most + 1 < BOOKS_HELD_MAX ? most + 1 : BOOKS_HELD_MAX;
    *mails = arena_take(arena, most * sizeof(**mails));
    (void)sqlite3_bind_int(row, 1, STATE_HELD);
    (void)sqlite3_bind_int64(row, 2, (int64_t)most);
    while ((result = books_step(books, row, error)) == 1)
        read_mail(arena, row, &(*mails)[(*count)++]);
    qsort(*mails, *count, sizeof(**mails), compare);
    return result == 0;
}

bool
books_held_count(
    struct books *books, uint64_t *count, int64_t *oldest_ms, struct error *error)
{
    static const char sql[] =
        "SELECT count(*), coalesce(min(begun), 0) FROM message"
        " WHERE ended = 0 AND state = ?1 AND verdicts <> '' AND " HELD_BY_US;
    sqlite3_stmt *row = books_prepare(books, sql, error);

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int(row, 1, STATE_HELD);
    if (books_step(books, row, error) != 1)
        return false;
    *count = (uint64_t)sqlite3_column_int64(row, 0);
    *oldest_ms = sqlite3_column_int64(row, 1);
    (void)sqlite3_reset(row);
    return true;
}

bool
books_held_report(struct books *books, int64_t since_ms, int64_t until_ms,
    struct report_held *held, struct error *error)
{
    static const char sql[] =
        "SELECT count(*), coalesce(sum(state = ?3 AND ended = 0), 0),"
        "  coalesce(sum(EXISTS (SELECT 1 FROM recipient r WHERE r.message = m.id"
        "    AND r.end = ?4)), 0)"
        " FROM message m WHERE kind = 0 AND verdicts <> '' AND begun >= ?1"
        " AND begun < ?2 AND accepted > 0 AND " HELD_BY_US;
    sqlite3_stmt *row = books_prepare(books, sql, error);

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, since_ms);
    (void)sqlite3_bind_int64(row, 2, until_ms);
    (void)sqlite3_bind_int(row, 3, STATE_HELD);
    (void)sqlite3_bind_int(row, 4, END_DELETED);
    if (books_step(books, row, error) != 1)
        return false;
    held->held = (uint64_t)sqlite3_column_int64(row, 0);
    held->waiting = (uint64_t)sqlite3_column_int64(row, 1);
    held->deleted = (uint64_t)sqlite3_column_int64(row, 2);
    held->released = held->held - held->waiting - held->deleted;
    (void)sqlite3_reset(row);
    return true;
}
