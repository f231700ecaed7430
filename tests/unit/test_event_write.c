/*
 * The words of a change with its events: places in the chain, what happens where the head
 * has moved.
 */
#include "tests/unit/unit.h"

#include "policyd/events/event_write.h"

#include <string.h>

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES "1111111111111111111111111111111111111111111111111111111111111111"

static const char script[] = EVENT_SCRIPT("", "add_event() return 1");

static const struct event_fields fields = {.time = 1764000000,
    .who = "anna",
    .host = "gw1",
    .domain = "example.com",
    .what = "pin",
    .key = "a@example.com",
    .from = EVENT_BEFORE,
    .to = "new"};

static struct span
value_of(const struct span *words, size_t count, const char *name)
{
    for (size_t i = 5; i + 1 < count; i++) {
        if (span_is(words[i], name))
            return words[i + 1];
    }
    return SPAN("(none)");
}

/* The last one with this name, as the event's own behind a checkpoint. */
static struct span
last_of(const struct span *words, size_t count, const char *name)
{
    for (size_t i = count - 1; i > 5; i--) {
        if (span_is(words[i - 1], name))
            return words[i];
    }
    return SPAN("(none)");
}

static struct event_write *
make(struct arena *arena)
{
    struct event_write *write = event_write_new(arena, "p:", script);

    event_write_key(write, SPAN("p:pin:a@example.com"));
    event_write_argument(write, SPAN("new"));
    event_write_event(write, &fields);
    return write;
}

static void
begins_a_chain(void **state)
{
    struct arena *arena = arena_new(4 << 20);
    struct event_write *write = make(arena);
    const struct span *words;
    size_t count = event_write_words(write, &words);

    (void)state;
    assert_true(span_is(words[2], "3"));
    assert_true(span_is(words[3], "p:events"));
    assert_true(span_is(words[4], "p:events:head"));
    assert_true(span_is(words[6], ""));  /* no head */
    assert_true(span_is(words[7], "=")); /* nothing was there */
    assert_true(span_is(words[8], ""));  /* nothing goes */
    assert_true(span_is(words[9], "new"));
    assert_true(span_is(words[10], "26"));
    assert_true(span_is(value_of(words, count, "seq"), "1"));
    assert_true(span_is(value_of(words, count, "prev"), ZEROS));
    assert_true(span_is(words[count - 1], event_write_head(write)));
    arena_free(arena);
}

static void
goes_on_from_where_the_head_is(void **state)
{
    const struct span moved[] = {
        SPAN("head"), SPAN("41:" ONES), SPAN("old\0x"), SPAN("")};
    const struct span done[] = {SPAN("old")};
    struct arena *arena = arena_new(4 << 20);
    struct event_write *write = make(arena);
    const struct span *words;
    size_t count = event_write_words(write, &words);
    struct span hash;

    (void)state;
    assert_false(event_write_moved(write, done, 1));
    assert_false(event_write_moved(write, done, 0));
    assert_true(event_write_moved(write, moved, 4));
    count = event_write_words(write, &words);
    assert_true(span_is(words[6], "41:" ONES));
    assert_true(span_equal(words[7], SPAN("=old\0x")));
    assert_true(span_equal(value_of(words, count, "from"), SPAN("old\0x")));
    assert_true(span_is(value_of(words, count, "seq"), "42"));
    assert_true(span_is(value_of(words, count, "prev"), ONES));
    hash = value_of(words, count, "hash");
    assert_true(span_ends(words[count - 1], hash));
    assert_int_equal(hash.length, 64);
    arena_free(arena);
}

static void
writes_a_checkpoint_before_what_goes(void **state)
{
    const struct span moved[] = {
        SPAN("head"), SPAN("11000:" ONES), SPAN(""), SPAN("1000:" ZEROS)};
    struct arena *arena = arena_new(4 << 20);
    struct event_write *write = make(arena);
    const struct span *words;
    size_t count;

    (void)state;
    assert_true(event_write_moved(write, moved, 4));
    count = event_write_words(write, &words);
    assert_true(span_is(words[8], "1000:" ZEROS));
    assert_true(span_is(value_of(words, count, "what"), "checkpoint"));
    assert_true(span_is(value_of(words, count, "to"), "1000:" ZEROS));
    assert_true(span_is(value_of(words, count, "seq"), "11001"));
    assert_true(span_is(last_of(words, count, "seq"), "11002"));
    assert_true(
        span_equal(last_of(words, count, "prev"), value_of(words, count, "hash")));
    assert_true(span_starts(words[count - 1], SPAN("11002:")));
    arena_free(arena);
}

static void
begins_anew_where_the_head_is_none(void **state)
{
    const struct span moved[] = {
        SPAN("head"), SPAN("99999999999999999999:abc"), SPAN(""), SPAN("")};
    struct arena *arena = arena_new(4 << 20);
    struct event_write *write = make(arena);
    const struct span *words;
    size_t count;

    (void)state;
    assert_true(event_write_moved(write, moved, 4));
    count = event_write_words(write, &words);
    assert_true(span_is(words[6], "99999999999999999999:abc"));
    assert_true(span_is(value_of(words, count, "seq"), "1"));
    arena_free(arena);
}

static void
does_not_look_at_the_head_without_an_event(void **state)
{
    struct arena *arena = arena_new(4 << 20);
    struct event_write *write = event_write_new(arena, "p:", script);
    const struct span *words;

    (void)state;
    event_write_argument(write, SPAN("x"));
    assert_int_equal(event_write_words(write, &words), 9);
    assert_true(span_is(words[5], "-"));
    assert_string_equal(event_write_head(write), "");
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_a_chain),
        cmocka_unit_test(goes_on_from_where_the_head_is),
        cmocka_unit_test(writes_a_checkpoint_before_what_goes),
        cmocka_unit_test(begins_anew_where_the_head_is_none),
        cmocka_unit_test(does_not_look_at_the_head_without_an_event),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
