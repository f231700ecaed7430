#include "policyd/books/books_report.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/books/books_base.h"
#include "policyd/books/books_held.h"
#include "policyd/books/books_memory.h"
#include "policyd/books/books_samples.h"
#include "shared/base/attributes.h"

/* One report. */
struct reporting {
    struct books *books;
    struct arena *arena;
    struct report *report;
    struct error *error;
};

/* Prepared, with the period as ?1 and ?2. */
static sqlite3_stmt *
prepare(struct reporting *reporting, const char *sql)
{
    sqlite3_stmt *row = books_prepare(reporting->books, sql, reporting->error);

    if (row != NULL) {
        (void)sqlite3_bind_int64(row, 1, reporting->report->since_ms);
        (void)sqlite3_bind_int64(row, 2, reporting->report->until_ms);
    }
    return row;
}

static bool
next(struct reporting *reporting, sqlite3_stmt *row, bool *done)
{
    int result = books_step(reporting->books, row, reporting->error);

    *done = result != 1;
    return result >= 0;
}

static const char *
text_at(struct reporting *reporting, sqlite3_stmt *row, int at)
{
    return books_column(row, at, reporting->arena).data;
}

static bool
number(struct reporting *reporting, const char *sql, uint64_t *value)
{
    sqlite3_stmt *row = prepare(reporting, sql);
    bool done;

    if (row == NULL || !next(reporting, row, &done))
        return false;
    *value = done ? 0 : (uint64_t)sqlite3_column_int64(row, 0);
    (void)sqlite3_reset(row);
    return true;
}

/* --- what became of it --- */

/* A recipient that was handed on within a story is told once, by its last message. */
static bool
read_ends(struct reporting *reporting)
{
    static const char sql[] =
        "SELECT end, count(*), sum(maybe) FROM ("
        " SELECT max(m.id), r.end AS end, sum(r.maybe <> 0) > 0 AS maybe"
        " FROM message m JOIN recipient r ON r.message = m.id"
        " WHERE m.kind = 0 AND m.accepted >= ?1 AND m.accepted < ?2 AND m.accepted > 0"
        "   AND r.end NOT IN (6, 8) GROUP BY m.story, r.addr) GROUP BY end";
    struct report *report = reporting->report;
    sqlite3_stmt *row = prepare(reporting, sql);
    bool done = false;

    while (row != NULL && next(reporting, row, &done) && !done) {
        uint64_t count = (uint64_t)sqlite3_column_int64(row, 1);
        uint64_t *const places[END_COUNT] = {&report->waiting, &report->delivered,
            &report->bounced, &report->expired, &report->removed, &report->removed,
            &report->removed, &report->lost};
        int end = sqlite3_column_int(row, 0);

        if (end >= 0 && end < END_COUNT)
            *places[end] += count;
        report->recipients += count;
        report->maybe += (uint64_t)sqlite3_column_int64(row, 2);
    }
    return row != NULL && done;
}

/* Recipients of whom the log has not said a word yet wait as well. */
static bool
read_unheard(struct reporting *reporting)
{
    static const char sql[] =
        "SELECT total(max(0, nrcpt - (SELECT count(*) FROM recipient r"
        "   WHERE r.message = m.id))) FROM message m"
        " WHERE m.ended = 0 AND m.kind = 0 AND m.accepted > 0"
        "   AND m.accepted >= ?1 AND m.accepted < ?2";
    uint64_t count;

    if (!number(reporting, sql, &count))
        return false;
    reporting->report->waiting += count;
    reporting->report->recipients += count;
    return true;
}

static bool
read_oldest(struct reporting *reporting, uint64_t lifetime_ms)
{
    static const char sql[] =
        "SELECT m.accepted, m.queue_id, coalesce(r.addr, ''), coalesce(r.reply, '')"
        " FROM message m LEFT JOIN recipient r ON r.message = m.id AND r.end = 0"
        " WHERE m.ended = 0 AND m.kind = 0 AND m.accepted > 0 AND m.accepted < ?2"
        "   AND (r.end = 0 OR m.nrcpt > (SELECT count(*) FROM recipient o"
        "     WHERE o.message = m.id)) AND ?1 = ?1 ORDER BY m.accepted LIMIT 1";
    struct report *report = reporting->report;
    sqlite3_stmt *row = prepare(reporting, sql);
    bool done;

    report->oldest_id = report->oldest_to = report->oldest_reply = "";
    if (row == NULL || !next(reporting, row, &done))
        return false;
    if (done)
        return true;
    report->oldest_ms = sqlite3_column_int64(row, 0);
    report->expires_ms = lifetime_ms > 0 ? report->oldest_ms + (int64_t)lifetime_ms : 0;
    report->oldest_id = text_at(reporting, row, 1);
    report->oldest_to = text_at(reporting, row, 2);
    report->oldest_reply = text_at(reporting, row, 3);
    (void)sqlite3_reset(row);
    return true;
}

static bool
read_causes(struct reporting *reporting)
{
    static const char sql[] =
        "SELECT class, backend, count(*) AS number, max(reply) FROM ("
        " SELECT a.class AS class, a.backend AS backend, max(a.reply) AS reply"
        " FROM attempt a JOIN message m ON m.id = a.message"
        " WHERE m.kind = 0 AND a.outcome <> 0 AND a.at >= ?1 AND a.at < ?2"
        " GROUP BY a.message, a.n, a.class, a.backend)"
        " GROUP BY class, backend ORDER BY number DESC, class, backend LIMIT 10";
    static const char *const sides[BACKEND_COUNT] = {"other", "old", "new", "standby"};
    struct report *report = reporting->report;
    sqlite3_stmt *row = prepare(reporting, sql);
    bool done = false;

    while (row != NULL && report->cause_count < REPORT_CAUSES_MAX &&
           next(reporting, row, &done) && !done) {
        int class = sqlite3_column_int(row, 0);
        int backend = sqlite3_column_int(row, 1);

        if (class < 0 || class >= REPLY_CLASS_COUNT || backend < 0 ||
            backend >= BACKEND_COUNT)
            continue;
        report->causes[report->cause_count++] =
            (struct report_cause){.class = reply_class_name((enum reply_class) class),
                .side = sides[backend],
                .recipients = (uint64_t)sqlite3_column_int64(row, 2),
                .reply = text_at(reporting, row, 3)};
    }
    if (row != NULL)
        (void)sqlite3_reset(row);
    return row != NULL && (done || report->cause_count == REPORT_CAUSES_MAX);
}

static bool
read_tls(struct reporting *reporting)
{
    static const char sql[] =
        "SELECT r.backend, r.tls, count(*) AS number"
        " FROM recipient r JOIN message m ON m.id = r.message"
        " WHERE m.kind = 0 AND r.end = 1 AND r.domain <> '' AND r.backend > 0"
        "   AND r.at >= ?1 AND r.at < ?2 GROUP BY 1, 2 ORDER BY 1, number DESC, 2";
    struct report *report = reporting->report;
    sqlite3_stmt *row = prepare(reporting, sql);
    bool done = false;

    while (row != NULL && next(reporting, row, &done) && !done) {
        int side = sqlite3_column_int(row, 0) - BACKEND_OLD;

        if (side < 0 || side >= REPORT_SIDES || report->tls_count[side] == REPORT_TLS_MAX)
            continue;
        report->tls[side][report->tls_count[side]++] = (struct report_tls){
            text_at(reporting, row, 1), (uint64_t)sqlite3_column_int64(row, 2)};
    }
    return row != NULL && done;
}

/* --- the milters' verdicts --- */

static struct report_slice *
slice_of(struct report *report, int64_t time_ms)
{
    int64_t length = report->until_ms - report->since_ms;
    int64_t at = (time_ms - report->since_ms) * REPORT_SLICES / (length > 0 ? length : 1);

    return &report->slices[at < 0 ? 0 : at >= REPORT_SLICES ? REPORT_SLICES - 1 : at];
}

static bool
read_verdicts(struct reporting *reporting)
{
    static const char sql[] = "SELECT begun, verdicts FROM message WHERE kind = 0"
                              " AND verdicts <> '' AND begun >= ?1 AND begun < ?2";
    sqlite3_stmt *row = prepare(reporting, sql);
    bool done = false;

    while (row != NULL && next(reporting, row, &done) && !done) {
        const char *lines = (const char *)sqlite3_column_text(row, 1);
        struct report_slice *slice =
            slice_of(reporting->report, sqlite3_column_int64(row, 0));

        slice->seen++;
        slice->dmarc_fail += strstr(lines, ", dmarc=fail") != NULL;
        slice->infected += strstr(lines, ", clamav=infected") != NULL;
        slice->spam += strstr(lines, ", spamd=spam") != NULL;
        slice->refused += strstr(lines, ": action=reject") != NULL;
    }
    return row != NULL && done;
}

/* --- what decided --- */

static const char *
field_of(struct reporting *reporting, struct span text, const char *name)
{
    struct span line;

    while (span_split(&text, '\n', &line)) {
        size_t at = span_find(line, '=');

        if (at != SPAN_NONE && span_is(span_first(line, at), name))
            return arena_text(reporting->arena, span_from(line, at + 1));
    }
    return "";
}

static bool
goes_back(const char *what, const char *from, const char *to)
{
    if (strcmp(what, "weight") == 0)
        return from[0] != '\0' && strtod(to, NULL) < strtod(from, NULL);
    return strcmp(to, "old") == 0 || strcmp(to, "standby") == 0;
}

static void
take_change(struct reporting *reporting, struct report_change change)
{
    struct report *report = reporting->report;

    if (strcmp(change.from, change.to) == 0)
        return;
    if (strcmp(change.what, "weight") == 0 && report->start_ms == 0 &&
        strtod(change.to, NULL) > 0)
        report->start_ms = change.at_ms;
    /* What the books saw first is where they began, and no change. */
    if (change.from[0] == '\0' && strtod(change.to, NULL) <= 0)
        return;
    if (change.at_ms < report->since_ms || change.at_ms >= report->until_ms)
        return;
    report->rollbacks += goes_back(change.what, change.from, change.to);
    if (report->change_count == REPORT_CHANGES_MAX) {
        memmove(report->changes, report->changes + 1,
            (REPORT_CHANGES_MAX - 1) * sizeof(report->changes[0]));
        report->change_count--;
    }
    report->changes[report->change_count++] = change;
}

/* What a domain's hash said, from its value before to this one. */
static void
take_domain(struct reporting *reporting, sqlite3_stmt *row)
{
    static const char *const fields[] = {"weight", "mode"};
    struct span key = books_column(row, 1, reporting->arena);
    struct span now = books_column(row, 2, reporting->arena);
    struct span before = books_column(row, 3, reporting->arena);

    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
        take_change(
            reporting, (struct report_change){.at_ms = sqlite3_column_int64(row, 0),
                           .domain = span_from(key, strlen("domain:")).data,
                           .what = fields[i],
                           .from = field_of(reporting, before, fields[i]),
                           .to = field_of(reporting, now, fields[i])});
}

static bool
read_changes(struct reporting *reporting)
{
    static const char sql[] =
        "SELECT i.at, i.key, i.value, coalesce((SELECT b.value FROM input b"
        "   WHERE b.key = i.key AND b.id < i.id ORDER BY b.id DESC LIMIT 1), '')"
        " FROM input i WHERE i.key >= 'domain:' AND i.key < 'domain;' AND ?1 = ?1"
        "   AND i.at < ?2 ORDER BY i.id";
    sqlite3_stmt *row = prepare(reporting, sql);
    bool done = false;

    while (row != NULL && next(reporting, row, &done) && !done)
        take_domain(reporting, row);
    return row != NULL && done;
}

static bool
read_units(struct reporting *reporting)
{
    static const char pinned[] =
        "SELECT count(DISTINCT key) FROM input WHERE key >= 'pin:' AND key < 'pin;'"
        "   AND (value = 'old' OR value LIKE 'old %') AND at >= ?1 AND at < ?2";
    static const char moved[] = "SELECT count(*) FROM ledger WHERE at >= ?1 AND at < ?2";

    return number(reporting, pinned, &reporting->report->units_pinned_back) &&
           number(reporting, moved, &reporting->report->units_moved);
}

/* --- first attempts --- */

/* From the change before of the same domain, and to the next one. */
static void
judge_change(struct report *report, size_t at, struct books_samples *samples)
{
    struct report_change *change = &report->changes[at];
    int64_t from = report->since_ms;
    int64_t to = report->until_ms;

    for (size_t i = 0; i < report->change_count; i++) {
        const struct report_change *other = &report->changes[i];

        if (strcmp(other->domain, change->domain) != 0)
            continue;
        if (other->at_ms < change->at_ms && other->at_ms > from)
            from = other->at_ms;
        if (other->at_ms > change->at_ms && other->at_ms < to)
            to = other->at_ms;
    }
    for (int side = 0; side < REPORT_SIDES; side++) {
        change->before[side] = books_samples_judge(
            samples, change->domain, (enum report_side)side, from, change->at_ms);
        change->after[side] = books_samples_judge(
            samples, change->domain, (enum report_side)side, change->at_ms, to);
    }
}

static void
judge_slices(struct report *report, struct books_samples *samples)
{
    int64_t length = report->until_ms - report->since_ms;

    for (int i = 0; i < REPORT_SLICES; i++) {
        int64_t from = report->since_ms + (length * i / REPORT_SLICES);
        int64_t to = report->since_ms + (length * (i + 1) / REPORT_SLICES);

        report->slices[i].at_ms = from;
        for (int side = 0; side < REPORT_SIDES; side++)
            report->slices[i].sides[side] =
                books_samples_judge(samples, NULL, (enum report_side)side, from, to);
    }
}

static bool
read_attempts(struct reporting *reporting)
{
    struct report *report = reporting->report;
    struct books_samples *samples = books_samples_read(
        reporting->books, report->since_ms, report->until_ms, reporting->error);

    if (samples == NULL)
        return false;
    for (int side = 0; side < REPORT_SIDES; side++)
        report->sides[side] = books_samples_judge(
            samples, NULL, (enum report_side)side, report->since_ms, report->until_ms);
    for (size_t i = 0; i < report->change_count; i++)
        judge_change(report, i, samples);
    judge_slices(report, samples);
    books_samples_free(samples);
    return true;
}

bool
books_report(struct books *books, struct arena *arena, int64_t since_ms, int64_t until_ms,
    uint64_t lifetime_ms, struct report *report, struct error *error)
{
    static const char mails[] =
        "SELECT count(DISTINCT story) FROM message WHERE kind = 0 AND accepted > 0"
        " AND accepted >= ?1 AND accepted < ?2";
    struct reporting reporting = {books, arena, report, error};

    *report = (struct report){.since_ms = since_ms, .until_ms = until_ms};
    return number(&reporting, mails, &report->mails) && read_ends(&reporting) &&
           read_unheard(&reporting) && read_oldest(&reporting, lifetime_ms) &&
           read_causes(&reporting) && read_tls(&reporting) && read_verdicts(&reporting) &&
           books_held_report(books, since_ms, until_ms, &report->held, error) &&
           read_changes(&reporting) && read_units(&reporting) &&
           read_attempts(&reporting);
}
