/*
 * pin --list: all pins, or those of a domain.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/ctl/ctl_walk.h"
#include "policyd/state/pin.h"
#include "policyd/terminal/ctl_table.h"
#include "shared/base/allocate.h"
#include "shared/base/json.h"
#include "shared/base/number.h"

enum { OUT_MAX = 512 << 20, BAD_SHOWN_MAX = 200 };

struct item {
    struct span name;
    struct span value;
};

struct pins {
    struct ctl *ctl;
    const char *domain; /* NULL: all */
    struct item *items;
    size_t count;
    size_t room;
};

static bool
is_wanted(const struct pins *pins, struct span name)
{
    size_t at = span_find_last(name, '@');

    return pins->domain == NULL ||
           (at != SPAN_NONE && span_is_nocase(span_from(name, at + 1), pins->domain));
}

static void
take(void *argument, struct span name, struct span value)
{
    struct pins *pins = argument;

    /* One that our own bulk verbs have taken away goes by itself. */
    if (!is_wanted(pins, name) || span_is(value, pin_place_name(PIN_NONE)))
        return;
    pins->items =
        allocate_more(pins->items, pins->count, &pins->room, sizeof(*pins->items));
    pins->items[pins->count++] = (struct item){
        arena_span(pins->ctl->arena, name), arena_span(pins->ctl->arena, value)};
}

static int
compare(const void *left, const void *right)
{
    const struct item *a = left;
    const struct item *b = right;

    return span_compare(a->name, b->name);
}

/* In the order of their names; SCAN may give one twice. */
static void
sort(struct pins *pins)
{
    size_t kept = 0;

    if (pins->count == 0)
        return;
    qsort(pins->items, pins->count, sizeof(*pins->items), compare);
    for (size_t i = 1; i < pins->count; i++) {
        if (!span_equal(pins->items[i].name, pins->items[kept].name))
            pins->items[++kept] = pins->items[i];
    }
    pins->count = kept + 1;
}

/* A pin as it stands, in words. */
struct words {
    const char *place; /* "bad": none that counts */
    const char *until; /* "" for none */
    struct span note;
    bool is_over;
};

static struct words
read_pin(struct ctl *ctl, struct span value)
{
    struct words words = {
        .place = "bad", .until = "", .note = span_first(value, BAD_SHOWN_MAX)};
    struct error error;
    struct pin pin;
    char written[21];

    if (!pin_parse(value, &pin, &error))
        return words;
    words.place = pin_place_name(pin.place);
    words.note = pin.note;
    if (pin.until != 0) {
        number_rfc3339_write(pin.until, written);
        words.until = arena_text(ctl->arena, span_of(written));
        words.is_over = pin.until <= (int64_t)time(NULL);
    }
    return words;
}

static void
print_json(const struct pins *pins)
{
    struct buffer out;
    struct json json;

    buffer_init(&out, OUT_MAX);
    json = json_on(&out);
    json_array_begin(&json, NULL);
    for (size_t i = 0; i < pins->count; i++) {
        struct words words = read_pin(pins->ctl, pins->items[i].value);

        json_object_begin(&json, NULL);
        json_span(&json, "on", pins->items[i].name);
        json_text(&json, "place", words.place);
        json_text(&json, "until", words.until[0] != '\0' ? words.until : NULL);
        json_bool(&json, "over", words.is_over);
        json_span(&json, "note", words.note);
        json_object_end(&json);
    }
    json_array_end(&json);
    ctl_output_document(&out);
}

static void
print_table(const struct pins *pins)
{
    struct arena *arena = pins->ctl->arena;
    struct ctl_table_row *rows = arena_take(arena, (pins->count + 1) * sizeof(*rows));
    const struct ctl_table table = {
        .titles = {"PIN ON", "PLACE", "UNTIL", "NOTE"},
        .rigid = {false,        true,           true      },
        .rows = rows,
        .count = pins->count,
    };
    struct buffer out;

    if (pins->count == 0) {
        ctl_output_say("no pins");
        return;
    }
    for (size_t i = 0; i < pins->count; i++) {
        struct words words = read_pin(pins->ctl, pins->items[i].value);

        rows[i] = (struct ctl_table_row){.alarm = strcmp(words.place, "bad") == 0};
        rows[i].cells[0] = ctl_output_text(arena, pins->items[i].name);
        rows[i].cells[1] = words.place;
        rows[i].cells[2] =
            arena_printf(arena, "%s%s", words.until, words.is_over ? " (over)" : "");
        rows[i].cells[3] = ctl_output_text(arena, words.note);
    }
    buffer_init(&out, OUT_MAX);
    ctl_table_write(&out, &table, CTL_TABLE_WIDTH, ctl_output_has_colour());
    ctl_output_raw(buffer_span(&out));
    buffer_clear(&out);
}

int
ctl_pin_list(struct ctl *ctl)
{
    struct pins pins = {.ctl = ctl};
    struct error error;

    if (ctl->arguments.count > 1)
        return ctl_output_fail(CTL_USAGE, "with --list only a domain may follow");
    if (ctl->arguments.count == 1) {
        pins.domain = ctl_store_canonical_domain(ctl, ctl->arguments.words[0]);
        if (pins.domain == NULL)
            return CTL_USAGE;
    }
    if (!ctl_walk(ctl, "pin:", take, &pins, &error)) {
        free(pins.items);
        return ctl_store_fail(ctl, &error);
    }
    sort(&pins);
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON))
        print_json(&pins);
    else
        print_table(&pins);
    free(pins.items);
    return CTL_DONE;
}
