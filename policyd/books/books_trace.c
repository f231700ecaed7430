#include "policyd/books/books_trace.h"

#include <string.h>

#include "policyd/books/books_memory.h"
#include "shared/base/buffer.h"
#include "shared/base/idn.h"

enum { RECIPIENTS_MAX = 1000, VERDICTS_MAX = 32, KEYS_MAX = 6 };

/* One search. */
struct tracing {
    struct books *books;
    struct arena *arena;
    const struct trace_query *query;
    struct error *error;
};

/* As it was given, and as the log may have it: a domain by A-labels or U-labels. */
enum { SPELLINGS = 3, BEFORE = 5 }; /* keys and window stand before the values */

/* A condition: by what it is found, and what it must then be to the letter. */
struct condition {
    char kind;
    struct span as[SPELLINGS];
    const char *sql; /* of a message m, ?* all spellings, ?1 to ?3 each */
};

static void
spell(struct arena *arena, struct condition *condition)
{
    struct span given = condition->as[0];
    size_t at = span_find_last(given, '@');
    struct span domain = at == SPAN_NONE ? given : span_from(given, at + 1);
    struct span before = span_first(given, given.length - domain.length);
    char ascii[DOMAIN_MAX + 1];
    char text[IDN_TEXT_MAX];

    condition->as[1] = given;
    condition->as[2] = given;
    if (strchr("tfd", condition->kind) == NULL || !idn_to_ascii(domain, ascii) ||
        !idn_to_text(domain, text))
        return;
    condition->as[1] =
        span_of(arena_printf(arena, "%.*s%s", (int)before.length, before.data, ascii));
    condition->as[2] =
        span_of(arena_printf(arena, "%.*s%s", (int)before.length, before.data, text));
}

static size_t
read_conditions(struct tracing *tracing, struct condition *conditions)
{
    const struct trace_query *query = tracing->query;
    const struct condition all[] = {
        {'q', {query->queue_id},   "m.queue_id IN ?*"                       },
        {'m', {query->message_id}, "m.message_id COLLATE NOCASE IN ?*"      },
        {'t', {query->to},
         "EXISTS(SELECT 1 FROM recipient r WHERE r.message = m.id AND"
            " (r.addr COLLATE NOCASE IN ?* OR r.orig COLLATE NOCASE IN ?*))"},
        {'f', {query->from},       "m.sender COLLATE NOCASE IN ?*"          },
        {'c', {query->ip},         "instr(m.client, '[' || ?1 || ']') > 0"  },
        {'d', {query->domain},
         "EXISTS(SELECT 1 FROM recipient r WHERE r.message = m.id AND"
            " (r.domain COLLATE NOCASE IN ?* OR r.addr LIKE '%@' || ?1"
            " OR r.addr LIKE '%@' || ?2 OR r.addr LIKE '%@' || ?3))"        },
    };
    size_t count = 0;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i].as[0].length == 0)
            continue;
        conditions[count] = all[i];
        spell(tracing->arena, &conditions[count++]);
    }
    return count;
}

static bool
has_spellings(const struct condition *condition)
{
    return books_handle(condition->kind, condition->as[0]) !=
               books_handle(condition->kind, condition->as[1]) ||
           books_handle(condition->kind, condition->as[0]) !=
               books_handle(condition->kind, condition->as[2]);
}

/* Its first value is parameter `first`. */
static void
write_condition(struct buffer *sql, const struct condition *condition, size_t first)
{
    for (const char *i = condition->sql; *i != '\0'; i++) {
        if (*i != '?')
            buffer_append_octet(sql, *i);
        else if (*++i == '*')
            buffer_printf(sql, "(?%zu, ?%zu, ?%zu)", first, first + 1, first + 2);
        else
            buffer_printf(sql, "?%zu", first + (size_t)(*i - '1'));
    }
}

/* The first condition finds by the index, all of them then hold. */
static const char *
write_sql(struct tracing *tracing, const struct condition *conditions, size_t count)
{
    struct buffer sql;
    const char *text;

    buffer_init(&sql, 8192);
    buffer_append_text(&sql, "SELECT m.story FROM ");
    if (count > 0)
        /* With one key the index is in the order of the answer: no sorting of them all.
         */
        buffer_printf(&sql,
            "handle h JOIN message m ON m.id = h.message"
            " WHERE h.key %s AND m.begun >= ?4 AND m.begun < ?5",
            has_spellings(&conditions[0]) ? "IN (?1, ?2, ?3)" : "= ?1");
    else
        buffer_append_text(
            &sql, "message m WHERE ?1 = 0 AND m.begun >= ?4 AND m.begun < ?5");
    for (size_t i = 0; i < count; i++) {
        buffer_append_text(&sql, " AND ");
        write_condition(&sql, &conditions[i], BEFORE + 1 + SPELLINGS * i);
    }
    buffer_append_text(
        &sql, count > 0 ? " ORDER BY h.message DESC" : " ORDER BY m.id DESC");
    text = arena_text(tracing->arena, buffer_span(&sql));
    buffer_clear(&sql);
    return text;
}

/* Messages of a story are near to each other. */
static bool
has_story(const int64_t *stories, size_t count, int64_t story)
{
    for (size_t i = count; i > 0; i--) {
        if (stories[i - 1] == story)
            return true;
    }
    return false;
}

/* Newest first. */
static bool
find_stories(struct tracing *tracing, int64_t *stories, size_t *count)
{
    struct condition conditions[KEYS_MAX];
    size_t condition_count = read_conditions(tracing, conditions);
    const char *sql = write_sql(tracing, conditions, condition_count);
    sqlite3_stmt *row = NULL;
    int result = SQLITE_DONE;

    *count = 0;
    if (sqlite3_prepare_v2(tracing->books->file, sql, -1, &row, NULL) != SQLITE_OK)
        return books_fail(tracing->books, tracing->error);
    for (int i = 0; i < SPELLINGS; i++)
        (void)sqlite3_bind_int64(row, i + 1,
            condition_count > 0 ? books_handle(conditions[0].kind, conditions[0].as[i])
                                : 0);
    (void)sqlite3_bind_int64(row, SPELLINGS + 1, tracing->query->since_ms);
    (void)sqlite3_bind_int64(row, SPELLINGS + 2,
        tracing->query->until_ms != 0 ? tracing->query->until_ms : INT64_MAX);
    for (size_t i = 0; i < condition_count; i++) {
        for (size_t j = 0; j < SPELLINGS; j++)
            books_bind_span(
                row, (int)(BEFORE + 1 + SPELLINGS * i + j), conditions[i].as[j]);
    }
    while (*count < TRACE_STORIES_MAX + 1 && (result = sqlite3_step(row)) == SQLITE_ROW) {
        int64_t story = sqlite3_column_int64(row, 0);

        if (!has_story(stories, *count, story))
            stories[(*count)++] = story;
    }
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        (void)books_fail(tracing->books, tracing->error);
    (void)sqlite3_finalize(row);
    return result == SQLITE_ROW || result == SQLITE_DONE;
}

/* --- one story --- */

static void
read_recipient(
    struct tracing *tracing, sqlite3_stmt *row, struct trace_recipient *recipient)
{
    struct arena *arena = tracing->arena;

    *recipient = (struct trace_recipient){
        .end = (enum books_end)sqlite3_column_int(row, 0),
        .backend = (enum books_backend)sqlite3_column_int(row, 1),
        .is_maybe = sqlite3_column_int(row, 2) != 0,
        .time_ms = sqlite3_column_int64(row, 3),
        .class = (enum reply_class)sqlite3_column_int(row, 4),
        .attempts = (uint64_t)sqlite3_column_int64(row, 5),
        .delay_ms = (uint64_t)sqlite3_column_int64(row, 6),
        .to = books_column(row, 7, arena),
        .orig_to = books_column(row, 8, arena),
        .service = books_column(row, 9, arena),
        .relay = books_column(row, 10, arena),
        .tls = books_column(row, 11, arena),
        .reply = books_column(row, 12, arena),
    };
}

static bool
read_recipients(struct tracing *tracing, int64_t message, struct trace_leg *leg)
{
    static const char sql[] =
        "SELECT end, backend, maybe, at, class, attempts, delay, addr, orig, service, "
        "relay,"
        "  tls, reply FROM recipient WHERE message = ?1 AND end <> 8 ORDER BY ?5 AND"
        "  (addr COLLATE NOCASE IN (?2, ?3, ?4) OR orig COLLATE NOCASE IN (?2, ?3, ?4))"
        "  DESC, n LIMIT 1000";
    static const char count[] = "SELECT count(*) FROM recipient WHERE message = ?"
                                " AND end <> 8";
    struct condition asked = {.kind = 't', .as = {tracing->query->to}};
    struct books *books = tracing->books;
    sqlite3_stmt *row = books_prepare(books, count, tracing->error);
    size_t most;
    int result;

    if (row == NULL)
        return false;
    (void)sqlite3_bind_int64(row, 1, message);
    if (books_step(books, row, tracing->error) != 1)
        return false;
    most = (size_t)sqlite3_column_int64(row, 0);
    (void)sqlite3_reset(row);
    if (most > RECIPIENTS_MAX) {
        leg->left_out = most - RECIPIENTS_MAX;
        most = RECIPIENTS_MAX;
    }
    leg->recipients = arena_take(tracing->arena, (most + 1) * sizeof(*leg->recipients));
    row = books_prepare(books, sql, tracing->error);
    if (row == NULL)
        return false;
    spell(tracing->arena, &asked);
    (void)sqlite3_bind_int64(row, 1, message);
    for (int i = 0; i < SPELLINGS; i++)
        books_bind_span(row, i + 2, asked.as[i]);
    (void)sqlite3_bind_int(row, 5, leg->left_out > 0 && asked.as[0].length > 0);
    while ((result = books_step(books, row, tracing->error)) == 1 &&
           leg->recipient_count < most)
        read_recipient(tracing, row, &leg->recipients[leg->recipient_count++]);
    (void)sqlite3_reset(row);
    return result >= 0;
}

static void
split_verdicts(struct tracing *tracing, struct span text, struct trace_leg *leg)
{
    struct span line;

    leg->verdicts = arena_take(tracing->arena, VERDICTS_MAX * sizeof(*leg->verdicts));
    while (leg->verdict_count < VERDICTS_MAX && span_split(&text, '\n', &line)) {
        if (line.length > 0)
            leg->verdicts[leg->verdict_count++] = line;
    }
}

static int64_t
read_leg(struct tracing *tracing, sqlite3_stmt *row, struct trace_story *story)
{
    struct arena *arena = tracing->arena;
    struct trace_leg *leg = &story->legs[story->leg_count++];
    struct span sender = books_column(row, 7, arena);
    struct span message_id = books_column(row, 8, arena);

    *leg = (struct trace_leg){
        .accepted_ms = sqlite3_column_int64(row, 1),
        .removed_ms = sqlite3_column_int64(row, 2),
        .is_notice = sqlite3_column_int(row, 3) == KIND_NOTICE,
        .is_probe = sqlite3_column_int(row, 3) == KIND_PROBE,
        .is_held = sqlite3_column_int(row, 4) == STATE_HELD,
        .begun_ms = sqlite3_column_int64(row, 5),
        .size = (uint64_t)sqlite3_column_int64(row, 6),
        .from = sender,
        .queue_id = books_column(row, 9, arena),
        .host = books_column(row, 10, arena),
        .client = books_column(row, 11, arena),
        .login = books_column(row, 12, arena),
        .refused = books_column(row, 13, arena),
    };
    split_verdicts(tracing, books_column(row, 14, arena), leg);
    if (story->leg_count == 1) {
        story->from = sender;
        story->message_id = message_id;
    }
    return sqlite3_column_int64(row, 0);
}

/* Its messages in their order, notices last. */
static bool
read_story(struct tracing *tracing, int64_t id, struct trace_story *story)
{
    static const char sql[] =
        "SELECT id, accepted, ended, kind, state, begun, size, sender, message_id, "
        "queue_id,"
        "  host, client, login, refused, verdicts FROM message WHERE story = ?"
        " ORDER BY kind = 2, id LIMIT 100";
    struct books *books = tracing->books;
    sqlite3_stmt *row = books_prepare(books, sql, tracing->error);
    int64_t *ids = arena_take(tracing->arena, TRACE_LEGS_MAX * sizeof(*ids));
    int result = -1;

    story->legs = arena_take(tracing->arena, TRACE_LEGS_MAX * sizeof(*story->legs));
    if (row != NULL)
        (void)sqlite3_bind_int64(row, 1, id);
    while (row != NULL && story->leg_count < TRACE_LEGS_MAX &&
           (result = books_step(books, row, tracing->error)) == 1) {
        int64_t message = read_leg(tracing, row, story);

        ids[story->leg_count - 1] = message;
    }
    (void)sqlite3_reset(row);
    if (row == NULL || result < 0)
        return false;
    for (size_t i = 0; i < story->leg_count; i++) {
        if (!read_recipients(tracing, ids[i], &story->legs[i]))
            return false;
    }
    return true;
}

bool
books_trace(struct books *books, struct arena *arena, const struct trace_query *query,
    struct trace_story **stories, size_t *count, bool *more, struct error *error)
{
    struct tracing tracing = {books, arena, query, error};
    int64_t *ids = arena_take(arena, (TRACE_STORIES_MAX + 1) * sizeof(*ids));

    *stories = NULL;
    if (!find_stories(&tracing, ids, count))
        return false;
    *more = *count > TRACE_STORIES_MAX;
    if (*more)
        *count = TRACE_STORIES_MAX;
    *stories = arena_take(arena, (*count + 1) * sizeof(**stories));
    for (size_t i = 0; i < *count; i++) {
        if (!read_story(&tracing, ids[*count - 1 - i], &(*stories)[i]))
            return false;
    }
    return true;
}
