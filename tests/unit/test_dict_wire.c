/*
 * Dovecot's dict protocol: lines whole, half and malformed, answers.
 */
#include "tests/unit/unit.h"

#include "policyd/wire/dict_wire.h"

#include <stdlib.h>
#include <string.h>

#define ROW(text)                                                                        \
    {                                                                                    \
        text, sizeof(text) - 1                                                           \
    }

static void
reads_whole_half_and_bad_lines(void **state)
{
    static const struct {
        const char *what;
        struct span input;
        enum wire_result wanted;
        enum dict_command command;
        struct span key;
    } rows[] = {
        {"the hello of 2.3", ROW("H3\t2\t0\t\tcutover\n"), WIRE_DONE, DICT_HELLO,
            ROW("")},
        {"the hello of 2.4", ROW("H4\t0\t0\t\tcutover\n"), WIRE_DONE, DICT_HELLO,
            ROW("")},
        {"an old hello", ROW("H2\t0\t0\t\tcutover\n"), WIRE_BAD, DICT_HELLO, ROW("")},
        {"a future hello", ROW("H5\t0\t0\t\tcutover\n"), WIRE_BAD, DICT_HELLO, ROW("")},
        {"a hello without minor", ROW("H3\n"), WIRE_BAD, DICT_HELLO, ROW("")},
        {"a hello of words", ROW("HELO x\n"), WIRE_BAD, DICT_HELLO, ROW("")},
        {"a look-up", ROW("Lshared/route/a@b\ta@b\n"), WIRE_DONE, DICT_LOOKUP,
            ROW("shared/route/a@b")},
        {"without user", ROW("Lshared/route/a@b\n"), WIRE_DONE, DICT_LOOKUP,
            ROW("shared/route/a@b")},
        {"an empty key", ROW("L\n"), WIRE_DONE, DICT_LOOKUP, ROW("")},
        {"escapes", ROW("La\001tb\001nc\001rd\0011e\0010f\n"), WIRE_DONE, DICT_LOOKUP,
            ROW("a\tb\nc\rd\001e\0f")},
        {"an unknown escape", ROW("La\001xb\n"), WIRE_BAD, DICT_LOOKUP, ROW("")},
        {"an escape cut off", ROW("La\001\n"), WIRE_BAD, DICT_LOOKUP, ROW("")},
        {"an iteration", ROW("I0\t0\tshared/\n"), WIRE_DONE, DICT_ITERATE, ROW("")},
        {"a transaction", ROW("B1\n"), WIRE_DONE, DICT_OTHER, ROW("")},
        {"a set", ROW("S1\tkey\tvalue\n"), WIRE_DONE, DICT_OTHER, ROW("")},
        {"anything", ROW("\x01\n"), WIRE_DONE, DICT_OTHER, ROW("")},
        {"an empty line", ROW("\n"), WIRE_BAD, DICT_OTHER, ROW("")},
        {"nothing yet", ROW(""), WIRE_MORE, DICT_OTHER, ROW("")},
        {"half a line", ROW("Lshared/ro"), WIRE_MORE, DICT_OTHER, ROW("")},
    };
    struct dict_request *request = calloc(1, sizeof(*request));

    (void)state;
    assert_non_null(request);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct error error = {0};
        size_t used = 0;

        print_message("# %s\n", rows[i].what);
        assert_int_equal(
            dict_wire_parse(rows[i].input, request, &used, &error), rows[i].wanted);
        assert_int_equal(
            error.kind, rows[i].wanted == WIRE_BAD ? ERROR_PERMANENT : ERROR_NONE);
        if (rows[i].wanted != WIRE_DONE)
            continue;
        assert_int_equal(used, rows[i].input.length);
        assert_int_equal(request->command, rows[i].command);
        assert_true(span_equal(dict_wire_key(request), rows[i].key));
    }
    free(request);
}

static void
keeps_its_ceiling(void **state)
{
    static char line[DICT_LINE_MAX + 1];
    struct dict_request *request = calloc(1, sizeof(*request));
    struct error error = {0};
    size_t used = 0;

    (void)state;
    assert_non_null(request);
    memset(line, 'L', sizeof(line));
    assert_int_equal(
        dict_wire_parse(span_make(line, DICT_LINE_MAX - 1), request, &used, &error),
        WIRE_MORE);
    line[DICT_LINE_MAX - 1] = '\n';
    assert_int_equal(
        dict_wire_parse(span_make(line, DICT_LINE_MAX), request, &used, &error),
        WIRE_DONE);
    assert_int_equal(dict_wire_key(request).length, DICT_LINE_MAX - 2);
    line[DICT_LINE_MAX - 1] = 'L';
    line[DICT_LINE_MAX] = '\n';
    assert_int_equal(
        dict_wire_parse(span_make(line, DICT_LINE_MAX + 1), request, &used, &error),
        WIRE_BAD);
    free(request);
}

static void
writes_escaped_lines(void **state)
{
    struct buffer out;

    (void)state;
    buffer_init(&out, 4096);
    dict_wire_write(&out, 'N', SPAN(""));
    dict_wire_write(&out, 'O', SPAN("{\"a\":\"b\"}"));
    dict_wire_write(&out, 'F', SPAN("a\tb\nc\001d"));
    assert_string_equal(buffer_text(&out), "N\nO{\"a\":\"b\"}\nFa\001tb\001nc\0011d\n");
    buffer_clear(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_whole_half_and_bad_lines),
        cmocka_unit_test(keeps_its_ceiling),
        cmocka_unit_test(writes_escaped_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
