/*
 * Borrowed bytes: compare, find, cut, split.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "shared/base/span.h"

#include <string.h>

static const struct span nothing = {NULL, 0};

static void
compares_as_octets(void **state)
{
    (void)state;
    assert_true(span_equal(SPAN("a\0b"), SPAN("a\0b")));
    assert_false(span_equal(SPAN("a\0b"), SPAN("a\0c")));
    assert_false(span_equal(SPAN("a"), SPAN("A")));
    assert_true(span_equal(nothing, SPAN("")));
    assert_true(span_equal_nocase(SPAN("mX.Example"), SPAN("MX.eXAMPLE")));
    assert_false(span_equal_nocase(SPAN("@"), SPAN("`")));
    assert_false(span_equal_nocase(SPAN("\xc3\x84"), SPAN("\xc3\xa4")));
    assert_true(span_compare(SPAN("a"), SPAN("b")) < 0);
    assert_true(span_compare(SPAN("ab"), SPAN("a")) > 0);
    assert_true(span_compare(SPAN("\xff"), SPAN("a")) > 0);
    assert_int_equal(span_compare(nothing, SPAN("")), 0);
    assert_true(span_is(SPAN("yes"), "yes"));
    assert_false(span_is(SPAN("yes\0"), "yes"));
    assert_true(span_is_nocase(SPAN("YES"), "yes"));
    assert_true(span_is(nothing, ""));
}

static void
knows_how_a_span_begins_and_ends(void **state)
{
    (void)state;
    assert_true(span_starts(SPAN("unix:/x"), SPAN("unix:")));
    assert_false(span_starts(SPAN("uni"), SPAN("unix:")));
    assert_false(span_starts(SPAN("UNIX:/x"), SPAN("unix:")));
    assert_true(span_starts_nocase(SPAN("UNIX:/x"), SPAN("unix:")));
    assert_true(span_starts(nothing, SPAN("")));
    assert_true(span_ends(SPAN("a.example"), SPAN(".example")));
    assert_false(span_ends(SPAN("e"), SPAN(".example")));
}

static void
cuts_within_its_bounds(void **state)
{
    struct span text = SPAN("abc");

    (void)state;
    assert_true(span_is(span_from(text, 1), "bc"));
    assert_true(span_is(span_from(text, 3), ""));
    assert_true(span_is(span_from(text, 99), ""));
    assert_non_null(span_from(text, 3).data);
    assert_null(span_from(nothing, 1).data);
    assert_true(span_is(span_first(text, 2), "ab"));
    assert_true(span_is(span_first(text, SPAN_NONE), "abc"));
}

static void
finds_the_first_and_the_last(void **state)
{
    (void)state;
    assert_int_equal(span_find(SPAN("a@b@c"), '@'), 1);
    assert_int_equal(span_find_last(SPAN("a@b@c"), '@'), 3);
    assert_int_equal(span_find(SPAN("abc"), '\0'), SPAN_NONE);
    assert_int_equal(span_find(SPAN("ab\0"), '\0'), 2);
    assert_int_equal(span_find(nothing, 'x'), SPAN_NONE);
    assert_int_equal(span_find_last(nothing, 'x'), SPAN_NONE);
    assert_int_equal(span_find_text(SPAN("one two two"), SPAN("two")), 4);
    assert_int_equal(span_find_text(SPAN("tw"), SPAN("two")), SPAN_NONE);
    assert_int_equal(span_find_text(nothing, SPAN("")), 0);
    assert_int_equal(span_find_text_nocase(SPAN("one TWO"), SPAN("two")), 4);
    assert_int_equal(span_find_text_nocase(SPAN("x"), SPAN("two")), SPAN_NONE);
    assert_int_equal(span_find_text_nocase(SPAN("aAab"), SPAN("aab")), 1);
}

static void
trims_blanks_and_line_ends(void **state)
{
    static const struct {
        const char *what;
        const char *text;
        const char *wanted;
    } rows[] = {
        {"nothing to trim", "a b", "a b"},
        {"both ends", " \t a b\r\n", "a b"},
        {"blanks alone", " \t\r\n ", ""},
        {"nothing", "", ""},
        {"other white stays", "\v\fa", "\v\fa"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].what);
        assert_true(span_is(span_trim(span_of(rows[i].text)), rows[i].wanted));
    }
}

static void
splits_into_all_parts(void **state)
{
    static const struct {
        const char *what;
        const char *text;
        const char *wanted; /* each part in brackets */
    } rows[] = {
        {"three", "a,b,c", "[a][b][c]"},
        {"an empty one within", "a,,b", "[a][][b]"},
        {"one at each end", ",a,", "[][a][]"},
        {"no separator", "abc", "[abc]"},
        {"nothing", "", "[]"},
        {"separators alone", ",,", "[][][]"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct span rest = span_of(rows[i].text);
        struct span part;
        struct buffer parts;
        size_t count;

        print_message("# %s\n", rows[i].what);
        buffer_init(&parts, 32);
        count = span_count_parts(rest, ',');
        for (; span_split(&rest, ',', &part); count--)
            buffer_printf(&parts, "[%.*s]", (int)part.length, part.data);
        assert_int_equal(count, 0);
        assert_string_equal(buffer_text(&parts), rows[i].wanted);
        buffer_clear(&parts);
        assert_null(rest.data);
    }
}

static void
takes_word_after_word(void **state)
{
    struct span rest = SPAN("\t one  two\tthree ");
    struct span word;

    (void)state;
    assert_true(span_word(&rest, &word));
    assert_true(span_is(word, "one"));
    assert_true(span_word(&rest, &word));
    assert_true(span_is(word, "two"));
    assert_true(span_word(&rest, &word));
    assert_true(span_is(word, "three"));
    assert_false(span_word(&rest, &word));
    rest = nothing;
    assert_false(span_word(&rest, &word));
}

static void
takes_line_after_line(void **state)
{
    struct span rest = SPAN("one\r\n\ntwo\rthree\nhalf");
    struct span line;

    (void)state;
    assert_true(span_line(&rest, &line));
    assert_true(span_is(line, "one"));
    assert_true(span_line(&rest, &line));
    assert_true(span_is(line, ""));
    assert_true(span_line(&rest, &line));
    assert_true(span_is(line, "two\rthree"));
    assert_false(span_line(&rest, &line));
    assert_true(span_is(rest, "half"));
}

static void
tells_what_octets_are_in_it(void **state)
{
    (void)state;
    assert_false(span_has_control(SPAN("a b~\x80\xff")));
    assert_true(span_has_control(SPAN("a\tb")));
    assert_true(span_has_control(SPAN("a\0")));
    assert_true(span_has_control(SPAN("\x7f")));
    assert_false(span_has_control(nothing));
    assert_true(span_is_ascii(SPAN("a\x7f")));
    assert_false(span_is_ascii(SPAN("a\x80")));
}

static void
copies_what_fits_and_is_text(void **state)
{
    char out[4] = "xyz";

    (void)state;
    assert_true(span_copy(SPAN("abc"), out, sizeof(out)));
    assert_string_equal(out, "abc");
    assert_false(span_copy(SPAN("abcd"), out, sizeof(out)));
    assert_string_equal(out, "");
    out[0] = 'x';
    assert_false(span_copy(SPAN("a\0b"), out, sizeof(out)));
    assert_string_equal(out, "");
    assert_true(span_copy(nothing, out, sizeof(out)));
    assert_string_equal(out, "");
    assert_false(span_copy(nothing, out, 0));
}

static void
folds_ascii_alone(void **state)
{
    char text[] = "AZ[`az\xc3\x84@";

    (void)state;
    span_lower(text, strlen(text));
    assert_string_equal(text, "az[`az\xc3\x84@");
}

static void
takes_what_it_begins_with(void **state)
{
    struct span rest = SPAN("to=<a@b>");

    (void)state;
    assert_false(span_take(&rest, SPAN("from=")));
    assert_true(span_take(&rest, SPAN("to=")));
    assert_true(span_is(rest, "<a@b>"));
    assert_true(span_take(&rest, SPAN("<a@b>")));
    assert_false(span_take(&rest, SPAN("x")));
    assert_true(span_take(&rest, SPAN("")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_as_octets),
        cmocka_unit_test(knows_how_a_span_begins_and_ends),
        cmocka_unit_test(cuts_within_its_bounds),
        cmocka_unit_test(finds_the_first_and_the_last),
        cmocka_unit_test(trims_blanks_and_line_ends),
        cmocka_unit_test(splits_into_all_parts),
        cmocka_unit_test(takes_word_after_word),
        cmocka_unit_test(takes_line_after_line),
        cmocka_unit_test(tells_what_octets_are_in_it),
        cmocka_unit_test(copies_what_fits_and_is_text),
        cmocka_unit_test(folds_ascii_alone),
        cmocka_unit_test(takes_what_it_begins_with),
    };

    return cmocka_run_group_tests_name("span", tests, NULL, NULL);
}
