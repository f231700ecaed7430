/*
 * JSON, always valid.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/base/json.h"

#include <math.h>

static void
writes_a_document(void **state)
{
    struct buffer out;
    struct json json;

    (void)state;
    buffer_init(&out, 4096);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    json_text(&json, "name", "a \"quoted\" one");
    json_text(&json, "none", NULL);
    json_integer(&json, "least", INT64_MIN);
    json_bool(&json, "yes", true);
    json_array_begin(&json, "list");
    json_integer(&json, NULL, 1);
    json_object_begin(&json, NULL);
    json_object_end(&json);
    json_array_begin(&json, NULL);
    json_array_end(&json);
    json_bool(&json, NULL, false);
    json_array_end(&json);
    json_null(&json, "x");
    json_text_if(&json, "said", "yes");
    json_text_if(&json, "unsaid", "");
    json_integer_if(&json, "known", true, 7);
    json_integer_if(&json, "unknown", false, 7);
    json_object_end(&json);
    assert_string_equal(buffer_text(&out),
        "{\"name\":\"a \\\"quoted\\\" one\",\"none\":null,\"least\":-9223372036854775808,"
        "\"yes\":true,\"list\":[1,{},[],false],\"x\":null,"
        "\"said\":\"yes\",\"unsaid\":null,\"known\":7,\"unknown\":null}");
    buffer_clear(&out);
}

static void
escapes_what_comes_from_outside(void **state)
{
    static const struct {
        const char *what;
        struct span text;
        const char *wanted;
    } rows[] = {
        {"plain", {"a b", 3}, "\"a b\""},
        {"nothing", {NULL, 0}, "\"\""},
        {"backslash", {"\\", 1}, "\"\\\\\""},
        {"a line end", {"a\nb", 3}, "\"a\\nb\""},
        {"NUL", {"\0", 1}, "\"\\u0000\""},
        {"escape", {"\x1b", 1}, "\"\\u001b\""},
        {"delete", {"\x7f", 1}, "\"\\u007f\""},
        {"a C1 control", {"\xc2\x9b", 2}, "\"\\u009b\""},
        {"text turned round", {"\xe2\x80\xae", 3}, "\"\\u202e\""},
        {"a tag, unseen", {"\xf3\xa0\x81\x81", 4}, "\"\\udb40\\udc41\""},
        {"UTF-8", {"\xc3\xa4\xf0\x9f\x98\x80", 6}, "\"\xc3\xa4\xf0\x9f\x98\x80\""},
        {"bad octets", {"a\xff\xfe", 3}, "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
        {"a cut one", {"a\xc3", 2}, "\"a\xef\xbf\xbd\""},
        {"a surrogate", {"\xed\xa0\x80", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buffer out;
        struct json json;

        buffer_init(&out, 256);
        json = json_on(&out);
        json_span(&json, NULL, rows[i].text);
        print_message("# %s\n", rows[i].what);
        assert_string_equal(buffer_text(&out), rows[i].wanted);
        buffer_clear(&out);
    }
}

static void
writes_numbers_plainly(void **state)
{
    struct buffer out;
    struct json json;

    (void)state;
    buffer_init(&out, 1024);
    json = json_on(&out);
    json_array_begin(&json, NULL);
    json_hundredths(&json, NULL, 3000);
    json_hundredths(&json, NULL, 3050);
    json_hundredths(&json, NULL, 3005);
    json_hundredths(&json, NULL, -5);
    json_hundredths(&json, NULL, INT64_MIN);
    json_double(&json, NULL, 0.9995);
    json_double(&json, NULL, 3);
    json_double(&json, NULL, NAN);
    json_double(&json, NULL, INFINITY);
    json_array_end(&json);
    assert_string_equal(buffer_text(&out),
        "[30,30.5,30.05,-0.05,-92233720368547758.08,0.9995,3,null,null]");
    buffer_clear(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_a_document),
        cmocka_unit_test(escapes_what_comes_from_outside),
        cmocka_unit_test(writes_numbers_plainly),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
