#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policyd/redis/redis_trim.h"
#include "shared/base/attributes.h"

enum { OUT_MAX = 8 << 20 };

/* In pieces of so many octets. */
static bool
trim_all(struct span input, size_t piece, struct buffer *out, bool *within)
{
    struct redis_trim trim;
    bool good = true;

    redis_trim_init(&trim);
    buffer_reset(out);
    while (good && input.length > 0) {
        struct span some = span_first(input, piece);

        good = redis_trim_feed(&trim, some, out);
        input = span_from(input, some.length);
    }
    *within = redis_trim_is_within(&trim);
    return good;
}

static void
what_is_within_the_limits_passes(void **state)
{
    static const char *const rows[] = {
        "+OK\r\n",
        "-ERR no\r\n",
        ":12\r\n",
        "$0\r\n\r\n",
        "$3\r\na\r\n\r\n",
        "$-1\r\n",
        "*-1\r\n",
        "*0\r\n",
        "*2\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n",
        "*1\r\n*1\r\n*1\r\n*0\r\n",
        "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n*-1\r\n+OK\r\n",
    };
    struct buffer out;
    bool within;

    (void)state;
    buffer_init(&out, OUT_MAX);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        for (size_t piece = 1; piece < 20; piece++) {
            assert_true(trim_all(span_of(rows[i]), piece, &out, &within));
            assert_true(span_is(buffer_span(&out), rows[i]));
            assert_false(within);
        }
        assert_true(trim_all(
            span_first(span_of(rows[i]), strlen(rows[i]) - 1), 5, &out, &within));
        assert_true(within);
    }
    buffer_clear(&out);
}

static void
what_is_no_protocol_is_told(void **state)
{
    static const char *const rows[] = {
        "HTTP/1.1 400 no\r\n",
        "\x15\x03\x03",
        "$x\r\n",
        "$-2\r\n",
        "*-7\r\n",
        "$1\r\nabc",
        "+a\rb",
        "\r\n",
        "$99999999999999999999\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
    };
    struct buffer out;
    bool within;

    (void)state;
    buffer_init(&out, OUT_MAX);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (trim_all(span_of(rows[i]), 3, &out, &within))
            fail_msg("row %zu passes", i);
    }
    buffer_clear(&out);
}

/* A text of so many octets. */
static void
append_text(struct buffer *out, size_t length)
{
    buffer_printf(out, "$%zu\r\n", length);
    for (size_t i = 0; i < length; i++)
        buffer_append_octet(out, 'x');
    buffer_append_text(out, "\r\n");
}

static void
a_long_text_is_cut(void **state)
{
    struct buffer input;
    struct buffer wanted;
    struct buffer out;
    bool within;

    (void)state;
    buffer_init(&input, OUT_MAX);
    buffer_init(&wanted, OUT_MAX);
    buffer_init(&out, OUT_MAX);
    buffer_append_text(&input, "*3\r\n$1\r\na\r\n");
    append_text(&input, 3 << 20);
    buffer_append_text(&input, "$1\r\nb\r\n:7\r\n");
    buffer_append_text(&wanted, "*3\r\n$1\r\na\r\n");
    append_text(&wanted, REDIS_TEXT_MAX);
    buffer_append_text(&wanted, "$1\r\nb\r\n:7\r\n");
    assert_true(trim_all(buffer_span(&input), 4001, &out, &within));
    assert_true(span_equal(buffer_span(&out), buffer_span(&wanted)));
    assert_false(within);
    buffer_clear(&input);
    buffer_clear(&wanted);
    buffer_clear(&out);
}

static void
too_many_elements_are_an_error_in_their_place(void **state)
{
    struct buffer input;
    struct buffer out;
    bool within;

    (void)state;
    buffer_init(&input, (size_t)2 * OUT_MAX);
    buffer_init(&out, OUT_MAX);
    buffer_append_text(&input, "*3\r\n$1\r\na\r\n*1000000\r\n*2\r\n:1\r\n:2\r\n");
    for (unsigned i = 1; i < 1000000; i++)
        buffer_append_text(&input, "$1\r\nx\r\n");
    buffer_append_text(&input, "$1\r\nb\r\n+OK\r\n");
    assert_true(trim_all(buffer_span(&input), 16384, &out, &within));
    assert_true(span_is(buffer_span(&out),
        "*3\r\n$1\r\na\r\n-TOOLARGE 1000000 elements\r\n$1\r\nb\r\n+OK\r\n"));
    assert_false(within);
    buffer_clear(&input);
    buffer_clear(&out);
}

/* What there is no room for any more: nothing is cut without a word. */
static void
a_reply_has_a_ceiling_as_a_whole(void **state)
{
    static const char begin[] = "*2000\r\n";
    struct redis_trim trim;
    struct buffer text;
    struct buffer out;
    unsigned errors = 0;

    (void)state;
    buffer_init(&text, OUT_MAX);
    buffer_init(&out, OUT_MAX);
    append_text(&text, REDIS_TEXT_MAX);
    redis_trim_init(&trim);
    assert_true(redis_trim_feed(&trim, span_of(begin), &out));
    for (unsigned i = 0; i < 2000; i++) {
        buffer_reset(&out);
        assert_true(redis_trim_feed(&trim, buffer_span(&text), &out));
        errors += span_starts(buffer_span(&out), SPAN("-TOOLARGE 65536 octets\r\n"));
    }
    assert_false(redis_trim_is_within(&trim));
    assert_in_range(errors, 1000, 1100);
    buffer_reset(&out);
    assert_true(redis_trim_feed(&trim, buffer_span(&text), &out));
    assert_true(span_equal(buffer_span(&out), buffer_span(&text)));
    buffer_clear(&text);
    buffer_clear(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_within_the_limits_passes),
        cmocka_unit_test(what_is_no_protocol_is_told),
        cmocka_unit_test(a_long_text_is_cut),
        cmocka_unit_test(too_many_elements_are_an_error_in_their_place),
        cmocka_unit_test(a_reply_has_a_ceiling_as_a_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
