/*
 * The documents of policyd, and what is none.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "policyd/ctl/ctl_json.h"
#include "shared/base/json.h"

static void
reads_every_kind_of_value(void **state)
{
    static const char text[] =
        " {\"text\": \"a\\\"\\\\\\/\\n\\u00e9\\ud83d\\ude00\xc3\xa9\", \"number\": "
        "-12.50e+3,"
        "\"yes\": true, \"no\": false, \"null\": null, \"array\": [1, [], {}, \"x\"],"
        "\"object\": {\"inner\": 7}} ";
    struct arena *arena = arena_new(1 << 20);
    struct error error;
    const struct ctl_json *value = ctl_json_parse(arena, span_of(text), &error);
    const struct ctl_json *array;

    (void)state;
    assert_non_null(value);
    assert_true(span_is(
        ctl_json_text(value, "text"), "a\"\\/\n\xc3\xa9\xf0\x9f\x98\x80\xc3\xa9"));
    assert_true(span_is(ctl_json_text(value, "number"), "-12500"));
    assert_true(ctl_json_is_true(value, "yes"));
    assert_false(ctl_json_is_true(value, "no"));
    assert_true(ctl_json_is_null(value, "null"));
    assert_true(ctl_json_is_null(value, "absent"));
    assert_int_equal(ctl_json_text(value, "absent").length, 0);
    array = ctl_json_get(value, "array");
    assert_int_equal(array->kind, CTL_JSON_ARRAY);
    assert_int_equal(array->first->next->kind, CTL_JSON_ARRAY);
    assert_int_equal(array->first->next->next->kind, CTL_JSON_OBJECT);
    assert_true(span_is(array->first->next->next->next->text, "x"));
    assert_null(array->first->next->next->next->next);
    assert_true(span_is(ctl_json_text(ctl_json_get(value, "object"), "inner"), "7"));
    assert_true(ctl_json_is_null(array, "of no object"));
    arena_free(arena);
}

static void
refuses_what_is_no_document(void **state)
{
    static const char *const rows[] = {
        "",
        "nul",
        "{",
        "[1,]",
        "[1 2]",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{a:1}",
        "{\"a\":1,\"a\":2}",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "-",
        "\"open",
        "\"open\\",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"tab\there\"",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xf5\x80\x80\x80\"",
        "\"\xc3\"",
        "1 2",
        "{} x",
        "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct arena *arena = arena_new(1 << 20);
        struct error error = {ERROR_NONE, ""};

        print_message("# row %zu\n", i);
        assert_null(ctl_json_parse(arena, span_of(rows[i]), &error));
        assert_non_null(strstr(error.text, "no JSON: "));
        arena_free(arena);
    }
}

static void
reads_what_our_writer_writes(void **state)
{
    const struct span hostile = SPAN("\x00\x1f\x7f\"\\/\xff\xc3\xa9 end");
    struct arena *arena = arena_new(1 << 20);
    struct buffer out;
    struct json json;
    struct error error;
    const struct ctl_json *value;

    (void)state;
    buffer_init(&out, 1000);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    json_span(&json, "text", hostile);
    json_hundredths(&json, "weight", 3050);
    json_object_end(&json);
    value = ctl_json_parse(arena, buffer_span(&out), &error);
    assert_non_null(value);
    assert_true(span_equal(
        ctl_json_text(value, "text"), SPAN("\x00\x1f\x7f\"\\/\xef\xbf\xbd\xc3\xa9 end")));
    assert_true(span_is(ctl_json_text(value, "weight"), "30.5"));
    buffer_clear(&out);
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_kind_of_value),
        cmocka_unit_test(refuses_what_is_no_document),
        cmocka_unit_test(reads_what_our_writer_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
