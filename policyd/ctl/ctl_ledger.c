/*
 * ledger: the units of a domain that have mail on new, since when, and how sure that is.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/ctl/ctl_ledger.h"

#include "policyd/ctl/ctl_books.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_store.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/terminal/ctl_table.h"
#include "shared/base/allocate.h"
#include "shared/base/json.h"
#include "shared/base/number.h"

enum { OUT_MAX = 512 << 20, FIRST_ROOM = 1024 };

/* A field of `ledger:<domain>`: its value is `UNIXTIME sure|maybe`. */
struct unit {
    struct span name;
    int64_t time_s; /* 0: the value is none of ours */
    bool is_sure;
};

struct ledger {
    struct ctl *ctl;
    struct unit *units;
    size_t count;
    size_t room;
};

static void
take(void *argument, struct span name, struct span value)
{
    struct ledger *ledger = argument;
    struct span time_word = SPAN("");
    struct unit *unit;
    uint64_t time_s = 0;

    if (ledger->count == ledger->room) {
        ledger->room = ledger->room == 0 ? FIRST_ROOM : 2 * ledger->room;
        ledger->units =
            allocate_grow(ledger->units, ledger->room, sizeof(*ledger->units));
    }
    unit = &ledger->units[ledger->count++];
    *unit = (struct unit){.name = arena_span(ledger->ctl->arena, name)};
    (void)span_word(&value, &time_word);
    value = span_trim(value);
    unit->is_sure = span_is(value, "sure");
    if ((unit->is_sure || span_is(value, "maybe")) &&
        number_unsigned(time_word, INT32_MAX * UINT64_C(100), &time_s))
        unit->time_s = (int64_t)time_s;
}

static bool
read_all(struct ledger *ledger, struct span key, struct error *error)
{
    return ctl_store_fields(ledger->ctl, key, take, ledger, error);
}

static int
compare(const void *left, const void *right)
{
    const struct unit *a = left;
    const struct unit *b = right;

    if (a->time_s != b->time_s)
        return a->time_s < b->time_s ? -1 : 1;
    return span_compare(a->name, b->name);
}

/* By their time; HSCAN may give one twice. */
static void
sort(struct ledger *ledger)
{
    size_t kept = 0;

    if (ledger->count == 0)
        return;
    qsort(ledger->units, ledger->count, sizeof(*ledger->units), compare);
    for (size_t i = 1; i < ledger->count; i++) {
        if (!span_equal(ledger->units[i].name, ledger->units[kept].name))
            ledger->units[++kept] = ledger->units[i];
    }
    ledger->count = kept + 1;
}

static const char *
word_of(const struct unit *unit)
{
    return unit->time_s == 0 ? "bad" : unit->is_sure ? "sure" : "maybe";
}

static void
write_json(struct buffer *out, const struct ledger *ledger, const char *domain)
{
    struct json json = json_on(out);

    json_object_begin(&json, NULL);
    json_text(&json, "domain", domain);
    json_array_begin(&json, "units");
    for (size_t i = 0; i < ledger->count; i++) {
        const struct unit *unit = &ledger->units[i];

        json_object_begin(&json, NULL);
        json_span(&json, "unit", unit->name);
        if (unit->time_s != 0)
            json_integer(&json, "time", unit->time_s);
        else
            json_null(&json, "time");
        json_text(&json, "certainty", word_of(unit));
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    buffer_append_octet(out, '\n');
}

static void
write_table(struct buffer *out, const struct ledger *ledger)
{
    struct arena *arena = ledger->ctl->arena;
    struct ctl_table_row *rows = allocate_array(ledger->count + 1, sizeof(*rows));
    const struct ctl_table table = {
        .titles = {"first mail on new", "",   "unit"},
        .rigid = {true,                true, false },
        .rows = rows,
        .count = ledger->count
    };

    for (size_t i = 0; i < ledger->count; i++) {
        const struct unit *unit = &ledger->units[i];

        rows[i] = (struct ctl_table_row){
            .cells = {
                      unit->time_s != 0 ? ctl_books_stamp(arena, unit->time_s * 1000) : "-",
                      word_of(unit), ctl_output_text(arena, unit->name)}
        };
    }
    ctl_table_write(out, &table, CTL_TABLE_WIDTH, ctl_output_has_colour());
    buffer_printf(out, "%zu unit%s\n", ledger->count, ledger->count == 1 ? "" : "s");
    free(rows);
}

bool
ctl_ledger_write(struct ctl *ctl, const char *domain, struct buffer *out, size_t *units,
    struct error *error)
{
    struct ledger ledger = {.ctl = ctl};
    bool done = read_all(
        &ledger, ctl_store_key(ctl, ctl->arena, "ledger:", span_of(domain)), error);

    sort(&ledger);
    *units = ledger.count;
    if (done)
        write_json(out, &ledger, domain);
    free(ledger.units);
    return done;
}

int
ctl_ledger_run(struct ctl *ctl)
{
    const char *domain = ctl_store_canonical_domain(ctl, ctl->arguments.words[0]);
    struct ledger ledger = {.ctl = ctl};
    struct buffer out;
    struct error error;

    if (domain == NULL)
        return CTL_USAGE;
    if (!read_all(&ledger, ctl_store_key(ctl, ctl->arena, "ledger:", span_of(domain)),
            &error)) {
        free(ledger.units);
        return ctl_store_fail(ctl, &error);
    }
    sort(&ledger);
    buffer_init(&out, OUT_MAX);
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON))
        write_json(&out, &ledger, domain);
    else if (ledger.count == 0)
        buffer_printf(&out, "nobody of %s has mail on new\n", domain);
    else
        write_table(&out, &ledger);
    ctl_output_raw(buffer_span(&out));
    buffer_clear(&out);
    free(ledger.units);
    return CTL_DONE;
}
