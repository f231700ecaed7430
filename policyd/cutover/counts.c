#include "policyd/cutover/counts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/books/books_outbox.h"
#include "shared/base/allocate.h"
#include "shared/base/buffer.h"
#include "shared/base/number.h"
#include "shared/service/log.h"

enum {
    ROWS_MAX = 4096,
    UNITS_MAX = 4096,
    NAME_MAX_OCTETS = 256,
    UNIT_MAX = 1024,
    PART_MAX = 4 << 20,
    KEPT_SECONDS = 8 * 86400,
    WORDS_MAX = 4 * (ROWS_MAX + UNITS_MAX),
};

/* Of a domain, a backend and a slot. */
struct row {
    char domain[NAME_MAX_OCTETS];
    enum books_backend backend;
    int64_t slot; /* unix time */
    uint64_t outcomes[OUTCOME_COUNT];
    uint64_t delay_ms;
    uint64_t delay_count;
};

struct unit {
    char domain[NAME_MAX_OCTETS];
    char name[UNIT_MAX];
    int64_t time_ms;
    bool sure;
};

struct counts {
    const char *prefix;
    char gateway[NAME_MAX_OCTETS];
    int64_t slot_ms;
    struct row *rows;
    size_t row_count;
    struct unit *units;
    size_t unit_count;
    int64_t sent;  /* the part that is under way, 0: none */
    int64_t taken; /* up to which Redis has them, to be settled */
};

/*
 * KEYS: gateway.  ARGV: number, seconds that slots are kept, then of each row `S`, the
 * key, pairs of field and amount with their count before them; of each unit `L`, the key,
 * unit, value.  A part that was taken is not taken again.
 */
static const char script[] =
    "local taken = tonumber(redis.call('HGET', KEYS[1], 'taken') or '0') "
    "local number = tonumber(ARGV[1]) "
    "if number <= taken then return taken end "
    "local i = 3 "
    "while ARGV[i] do "
    "  if ARGV[i] == 'S' then "
    "    local key, pairs_ = ARGV[i + 1], tonumber(ARGV[i + 2]) "
    "    i = i + 3 "
    "    for _ = 1, pairs_ do redis.call('HINCRBY', key, ARGV[i], ARGV[i + 1]) i = i + 2 "
    "end "
    "    redis.call('EXPIRE', key, ARGV[2]) "
    "  else "
    "    local was = redis.call('HGET', ARGV[i + 1], ARGV[i + 2]) "
    "    if not was or (was:sub(-5) == 'maybe' and ARGV[i + 3]:sub(-4) == 'sure') then "
    "      redis.call('HSET', ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]) end "
    "    i = i + 4 "
    "  end "
    "end "
    "redis.call('HSET', KEYS[1], 'taken', ARGV[1]) "
    "return number";

struct counts *
counts_new(const char *prefix, const char *gateway, uint64_t slot_ms)
{
    struct counts *counts = allocate(sizeof(*counts));

    counts->prefix = prefix;
    (void)snprintf(counts->gateway, sizeof(counts->gateway), "%s", gateway);
    counts->slot_ms = (int64_t)slot_ms;
    counts->rows = allocate_array(ROWS_MAX, sizeof(*counts->rows));
    counts->units = allocate_array(UNITS_MAX, sizeof(*counts->units));
    return counts;
}

void
counts_free(struct counts *counts)
{
    if (counts == NULL)
        return;
    free(counts->rows);
    free(counts->units);
    free(counts);
}

/* --- gathering --- */

static struct row *
find_row(struct counts *counts, struct span domain, enum books_backend backend,
    int64_t time_ms)
{
    int64_t slot = time_ms / counts->slot_ms * counts->slot_ms / 1000;
    struct row *row;

    for (size_t i = counts->row_count; i > 0; i--) {
        row = &counts->rows[i - 1];
        if (row->slot == slot && row->backend == backend && span_is(domain, row->domain))
            return row;
    }
    if (counts->row_count == ROWS_MAX)
        return NULL;
    row = &counts->rows[counts->row_count++];
    *row = (struct row){.backend = backend, .slot = slot};
    (void)span_copy(domain, row->domain, sizeof(row->domain));
    return row;
}

void
counts_attempt(struct counts *counts, const struct books_attempt *attempt)
{
    struct row *row;

    if (!attempt->is_first || attempt->backend == BACKEND_OTHER ||
        attempt->domain.length == 0)
        return;
    row = find_row(counts, attempt->domain, attempt->backend, attempt->time_ms);
    if (row == NULL)
        return;
    row->outcomes[attempt->outcome]++;
    if (attempt->outcome == OUTCOME_OK) {
        row->delay_ms += attempt->delay_ms;
        row->delay_count++;
    }
}

void
counts_accepted(struct counts *counts, struct span domain, struct span unit,
    int64_t time_ms, bool sure)
{
    struct unit *place;

    for (size_t i = 0; i < counts->unit_count; i++) {
        place = &counts->units[i];
        if (span_is(unit, place->name) && span_is(domain, place->domain) &&
            (place->sure || !sure))
            return;
    }
    if (counts->unit_count == UNITS_MAX)
        return;
    place = &counts->units[counts->unit_count];
    if (!span_copy(domain, place->domain, sizeof(place->domain)) ||
        !span_copy(unit, place->name, sizeof(place->name)))
        return;
    place->time_ms = time_ms;
    place->sure = sure;
    counts->unit_count++;
}

void
counts_forget(struct counts *counts)
{
    counts->row_count = 0;
    counts->unit_count = 0;
}

/* --- into the outbox: a word a line --- */

static const char *
backend_name(enum books_backend backend)
{
    return backend == BACKEND_OLD ? "old" : backend == BACKEND_NEW ? "new" : "standby";
}

static void
write_row(struct buffer *part, const struct counts *counts, const struct row *row)
{
    unsigned fields = row->delay_count > 0 ? 2 : 0;

    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        fields += row->outcomes[i] > 0;
    buffer_printf(part, "S\n%sstat:%s:%s:%" PRId64 "\n%u\n", counts->prefix, row->domain,
        backend_name(row->backend), row->slot, fields);
    for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
        if (row->outcomes[i] > 0)
            buffer_printf(part, "%s\n%" PRIu64 "\n", outcome_name((enum outcome)i),
                row->outcomes[i]);
    }
    if (row->delay_count > 0)
        buffer_printf(part, "delay_ms\n%" PRIu64 "\ndelay_count\n%" PRIu64 "\n",
            row->delay_ms, row->delay_count);
}

static bool
write_units(
    struct counts *counts, struct books *books, struct buffer *part, struct error *error)
{
    for (size_t i = 0; i < counts->unit_count; i++) {
        const struct unit *unit = &counts->units[i];
        bool news = false;

        if (!books_ledger_add(books, span_of(unit->domain), span_of(unit->name),
                unit->time_ms, unit->sure, &news, error))
            return false;
        if (news)
            buffer_printf(part, "L\n%sledger:%s\n%s\n%" PRId64 " %s\n", counts->prefix,
                unit->domain, unit->name, unit->time_ms / 1000,
                unit->sure ? "sure" : "maybe");
    }
    return true;
}

bool
counts_save(struct counts *counts, struct books *books, struct error *error)
{
    struct buffer part;
    bool done;

    if (counts->row_count == 0 && counts->unit_count == 0)
        return true;
    buffer_init(&part, PART_MAX);
    for (size_t i = 0; i < counts->row_count; i++)
        write_row(&part, counts, &counts->rows[i]);
    done = write_units(counts, books, &part, error) &&
           (part.length == 0 || books_outbox_add(books, buffer_span(&part), error));
    buffer_clear(&part);
    if (done)
        counts_forget(counts);
    return done;
}

/* --- to Redis --- */

static void
was_answered(void *argument, const struct redis_reply *reply)
{
    struct counts *counts = argument;
    int64_t sent = counts->sent;

    counts->sent = 0;
    if (reply == NULL)
        return; /* lost: it is sent again */
    if (reply->kind == REDIS_INTEGER && reply->integer >= sent)
        counts->taken = sent;
    else if (reply->kind == REDIS_ERROR)
        log_say(LOG_LEVEL_WARNING, "redis does not take counts: %.*s",
            (int)span_first(reply->text, 200).length, reply->text.data);
}

static void
send_part(struct counts *counts, struct redis *redis, int64_t number, struct span text)
{
    static struct span words[WORDS_MAX];
    char key[2 * NAME_MAX_OCTETS];
    char shown[24];
    char kept[24];
    size_t count = 0;
    struct span line;

    (void)snprintf(key, sizeof(key), "%sgateway:%s", counts->prefix, counts->gateway);
    (void)snprintf(shown, sizeof(shown), "%" PRId64, number);
    (void)snprintf(kept, sizeof(kept), "%d", KEPT_SECONDS);
    words[count++] = SPAN("EVAL");
    words[count++] = span_of(script);
    words[count++] = SPAN("1");
    words[count++] = span_of(key);
    words[count++] = span_of(shown);
    words[count++] = span_of(kept);
    while (count < WORDS_MAX && span_split(&text, '\n', &line)) {
        if (line.length > 0)
            words[count++] = line;
    }
    if (redis_command(redis, was_answered, counts, count, words))
        counts->sent = number;
}

void
counts_send(struct counts *counts, struct books *books, struct redis *redis)
{
    struct arena *arena;
    struct error error;
    struct span text = SPAN("");
    int64_t number = 0;

    if (counts->sent != 0 || counts->taken != 0 || !redis_is_up(redis))
        return;
    arena = arena_new(2 * PART_MAX);
    if (books_outbox_first(books, arena, &number, &text, &error) && number != 0)
        send_part(counts, redis, number, text);
    arena_free(arena);
}

bool
counts_settle(struct counts *counts, struct books *books, struct error *error)
{
    if (counts->taken == 0)
        return true;
    if (!books_outbox_remove(books, counts->taken, error))
        return false;
    counts->taken = 0;
    return true;
}
