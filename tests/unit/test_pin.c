/*
 * A pin's text to its meaning at a time.
 */
#include "tests/unit/unit.h"

#include "policyd/state/pin.h"
#include "shared/base/attributes.h"

#include <string.h>

static void
reads_what_a_pin_may_say(void **state)
{
    static const struct {
        const char *what;
        const char *text;
        enum pin_place place;
        int64_t until;
        const char *note;
    } rows[] = {
        {"a place alone", "old", PIN_OLD, 0, ""},
        {"new", "new", PIN_NEW, 0, ""},
        {"standby", "standby", PIN_STANDBY, 0, ""},
        {"hold", "hold", PIN_HOLD, 0, ""},
        {"taken back in bulk", "none", PIN_NONE, 0, ""},
        {"until a time", "new until=2026-11-24T12:00:00Z", PIN_NEW, 1795521600, ""},
        {"with an offset", "new until=2026-11-24T13:00:00+01:00", PIN_NEW, 1795521600,
            ""},
        {"a note", "hold note=being moved", PIN_HOLD, 0, "being moved"},
        {"both, several blanks", "old   until=2026-11-24T12:00:00Z  note=x y", PIN_OLD,
            1795521600, "x y"},
        {"until in the note", "old note=until=2026-11-24T12:00:00Z", PIN_OLD, 0,
            "until=2026-11-24T12:00:00Z"},
        {"an empty note", "old note=", PIN_OLD, 0, ""},
        {"a note of other letters", "old note=f\xc3\xbcr Anna", PIN_OLD, 0,
            "f\xc3\xbcr Anna"},
        {"the beginning of time", "old until=1970-01-01T00:00:00Z", PIN_OLD, 1, ""},
        {"before it", "old until=1969-01-01T00:00:00Z", PIN_OLD, 1, ""},
        {"a blank at the end", "old ", PIN_OLD, 0, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct error error = {0};
        struct pin pin;

        print_message("# %s\n", rows[i].what);
        assert_true(pin_parse(span_of(rows[i].text), &pin, &error));
        assert_int_equal(pin.place, rows[i].place);
        assert_int_equal(pin.until, rows[i].until);
        assert_true(span_is(pin.note, rows[i].note));
    }
}

static void
refuses_everything_else(void **state)
{
    static const char *const rows[] = {"", " ", "OLD", "Old", "older", "old new", "bad",
        "hold,note=x", "old until=", "old until=tomorrow", "old until=2026-11-24",
        "old until=2026-11-24T12:00:00", "old until=2026-13-24T12:00:00Z",
        "old until=2026-11-24T12:00:00Z until=2026-11-24T12:00:00Z", "old UNTIL=x",
        "old\tnote=x", "old\n", "old note=a\nb", "old note=\x1b[2J", "note=x",
        "none note=x", "none until=2026-11-24T12:00:00Z", "1", "\xff", "old x note=y"};
    char longest[PIN_TEXT_MAX + 2];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct error error = {0};
        struct pin pin = {.place = PIN_NEW};

        print_message("# '%s'\n", rows[i]);
        assert_false(pin_parse(span_of(rows[i]), &pin, &error));
        assert_int_equal(error.kind, ERROR_PERMANENT);
        assert_true(error.text[0] != '\0');
        assert_int_equal(pin.place, PIN_BAD);
    }
    memset(longest, 'x', sizeof(longest));
    memcpy(longest, "old note=", 9);
    assert_true(pin_parse(
        span_make(longest, PIN_TEXT_MAX), &(struct pin){0}, &(struct error){0}));
    assert_false(pin_parse(
        span_make(longest, PIN_TEXT_MAX + 1), &(struct pin){0}, &(struct error){0}));
    assert_false(pin_parse(span_make("old\0", 4), &(struct pin){0}, &(struct error){0}));
}

static void
counts_until_its_time(void **state)
{
    static const struct {
        struct pin pin;
        int64_t now;
        bool wanted;
    } rows[] = {
        {{.place = PIN_OLD, .until = 0}, INT64_MAX, true},
        {{.place = PIN_OLD, .until = 1000}, 999, true},
        {{.place = PIN_OLD, .until = 1000}, 1000, false},
        {{.place = PIN_HOLD, .until = 1000}, 1001, false},
        {{.place = PIN_NONE, .until = 0}, 0, false},
        {{.place = PIN_BAD, .until = 0}, 5, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        assert_int_equal(pin_counts(&rows[i].pin, rows[i].now), rows[i].wanted);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_a_pin_may_say),
        cmocka_unit_test(refuses_everything_else),
        cmocka_unit_test(counts_until_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
