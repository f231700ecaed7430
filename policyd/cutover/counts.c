#include "policyd/cutover/counts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/books/books_outbox.h"
#include "shared/base/allocate.h"
#include "shared/base/buffer.h"
#include "shared/base/hash.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum {
    NAME_MAX_OCTETS = 256,
    UNIT_MAX = 1024,
    PART_MAX = 4 << 20,
    PART_ROWS = 500, /* rows and units of a part: what Redis takes at one go */
    WORDS_MAX = 24 * PART_ROWS,
    KEPT_SECONDS = 8 * 86400,
    ERROR_AGAIN_MS = 60000,
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

/* Places of units by their hash, plus one; 0 is free. */
struct unit_index {
    size_t *places;
    size_t size; /* a power of two, at least twice the units */
};

struct counts {
    char *prefix;
    char gateway[NAME_MAX_OCTETS];
    int64_t slot_ms;
    struct row *rows;
    size_t row_count;
    size_t row_room;
    struct unit *units;
    size_t unit_count;
    size_t unit_room;
    struct unit_index index;
    int64_t sent;  /* the part that is under way, 0: none */
    int64_t taken; /* up to which Redis has them */
    bool is_unsettled;
    uint64_t told_ms; /* when an error of Redis was told */
    void (*on_taken)(void *argument);
    void *argument;
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
    "redis.call('EXPIRE', KEYS[1], ARGV[2]) "
    "return number";

struct counts *
counts_new(const char *prefix, const char *gateway, uint64_t slot_ms)
{
    struct counts *counts = allocate(sizeof(*counts));

    counts->prefix = allocate_text(span_of(prefix));
    (void)snprintf(counts->gateway, sizeof(counts->gateway), "%s", gateway);
    counts->slot_ms = (int64_t)slot_ms;
    return counts;
}

void
counts_free(struct counts *counts)
{
    if (counts == NULL)
        return;
    free(counts->prefix);
    free(counts->rows);
    free(counts->units);
    free(counts->index.places);
    free(counts);
}

void
counts_on_taken(struct counts *counts, void (*taken)(void *argument), void *argument)
{
    counts->on_taken = taken;
    counts->argument = argument;
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
    if (counts->row_count == counts->row_room) {
        counts->row_room = counts->row_room == 0 ? 64 : 2 * counts->row_room;
        counts->rows =
            allocate_grow(counts->rows, counts->row_room, sizeof(*counts->rows));
    }
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
        attempt->domain.length == 0 || attempt->domain.length >= NAME_MAX_OCTETS)
        return;
    row = find_row(counts, attempt->domain, attempt->backend, attempt->time_ms);
    row->outcomes[attempt->outcome]++;
    if (attempt->outcome == OUTCOME_OK) {
        row->delay_ms += attempt->delay_ms;
        row->delay_count++;
    }
}

static size_t *
place_of(const struct counts *counts, struct span domain, struct span unit)
{
    static const struct hash_key key = {0x6c65646765722d6f, 0x662d756e6974732e};
    size_t at = hash_of(unit, key) & (counts->index.size - 1);

    for (; counts->index.places[at] != 0; at = (at + 1) & (counts->index.size - 1)) {
        const struct unit *known = &counts->units[counts->index.places[at] - 1];

        if (span_is(unit, known->name) && span_is(domain, known->domain))
            break;
    }
    return &counts->index.places[at];
}

static void
make_room(struct counts *counts)
{
    if (counts->unit_count < counts->unit_room)
        return;
    counts->unit_room = counts->unit_room == 0 ? 64 : 2 * counts->unit_room;
    counts->units =
        allocate_grow(counts->units, counts->unit_room, sizeof(*counts->units));
    free(counts->index.places);
    counts->index.size = 2 * counts->unit_room;
    counts->index.places =
        allocate_array(counts->index.size, sizeof(*counts->index.places));
    for (size_t i = 0; i < counts->unit_count; i++)
        *place_of(counts, span_of(counts->units[i].domain),
            span_of(counts->units[i].name)) = i + 1;
}

void
counts_accepted(struct counts *counts, struct span domain, struct span unit,
    int64_t time_ms, bool sure)
{
    struct unit *known;
    size_t *place;

    if (domain.length >= NAME_MAX_OCTETS || unit.length >= UNIT_MAX)
        return;
    make_room(counts);
    place = place_of(counts, domain, unit);
    if (*place == 0) {
        *place = ++counts->unit_count;
        known = &counts->units[*place - 1];
        (void)span_copy(domain, known->domain, sizeof(known->domain));
        (void)span_copy(unit, known->name, sizeof(known->name));
    } else {
        known = &counts->units[*place - 1];
        if (known->sure || !sure)
            return;
    }
    known->time_ms = time_ms;
    known->sure = sure;
}

void
counts_forget(struct counts *counts)
{
    counts->row_count = 0;
    counts->unit_count = 0;
    if (counts->index.places != NULL)
        memset(
            counts->index.places, 0, counts->index.size * sizeof(*counts->index.places));
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
write_unit(const struct counts *counts, const struct unit *unit, struct books *books,
    struct buffer *part, struct error *error)
{
    bool news = false;

    if (!books_ledger_add(books, span_of(unit->domain), span_of(unit->name),
            unit->time_ms, unit->sure, &news, error))
        return false;
    if (news)
        buffer_printf(part, "L\n%sledger:%s\n%s\n%" PRId64 " %s\n", counts->prefix,
            unit->domain, unit->name, unit->time_ms / 1000,
            unit->sure ? "sure" : "maybe");
    return true;
}

static bool
add_part(struct books *books, struct buffer *part, struct error *error)
{
    bool done = part->length == 0 || books_outbox_add(books, buffer_span(part), error);

    buffer_reset(part);
    return done;
}

bool
counts_save(struct counts *counts, struct books *books, struct error *error)
{
    size_t all = counts->row_count + counts->unit_count;
    struct buffer part;
    bool done = true;

    buffer_init(&part, PART_MAX);
    for (size_t i = 0; i < all && done; i++) {
        if (i < counts->row_count)
            write_row(&part, counts, &counts->rows[i]);
        else
            done = write_unit(
                counts, &counts->units[i - counts->row_count], books, &part, error);
        if (done && (i + 1 == all || (i + 1) % PART_ROWS == 0))
            done = add_part(books, &part, error);
    }
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
    if (reply->kind == REDIS_INTEGER && reply->integer >= sent) {
        counts->taken = sent;
        counts->is_unsettled = true;
        counts->on_taken(counts->argument);
    } else if (reply->kind == REDIS_ERROR &&
               (counts->told_ms == 0 ||
                   clock_now_ms() > counts->told_ms + ERROR_AGAIN_MS)) {
        counts->told_ms = clock_now_ms();
        log_say(LOG_LEVEL_WARNING, "redis does not take counts: %.*s",
            (int)span_first(reply->text, 200).length, reply->text.data);
    }
}

static void
send_part(struct counts *counts, struct redis *redis, int64_t number, struct span text)
{
    static struct span words[WORDS_MAX];
    char key[4 * NAME_MAX_OCTETS];
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
counts_send(struct counts *counts, struct books *books, struct redis *redis, bool *left)
{
    struct arena *arena;
    struct error error;
    struct span text = SPAN("");
    int64_t number = 0;

    *left = true;
    if (counts->sent != 0 || books == NULL)
        return;
    arena = arena_new((size_t)2 * PART_MAX);
    if (books_outbox_after(books, counts->taken, arena, &number, &text, &error)) {
        *left = number != 0;
        if (*left && redis_is_up(redis))
            send_part(counts, redis, number, text);
    }
    arena_free(arena);
}

bool
counts_settle(struct counts *counts, struct books *books, struct error *error)
{
    return !counts->is_unsettled || books_outbox_remove(books, counts->taken, error);
}

void
counts_settled(struct counts *counts)
{
    counts->is_unsettled = false;
}
