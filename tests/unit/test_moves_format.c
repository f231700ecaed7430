/*
 * Who moves, in each format; local parts that need quotes, names that CSV must escape.
 */
#include "tests/unit/unit.h"

#include "policyd/terminal/moves_format.h"
#include "shared/base/attributes.h"

static const struct moves_mover movers[] = {
    {{"alice@example.com", 17}, {"alice", 5}, {"example.com", 11},
        {"alice@example.com", 17}, ROUTE_OLD, ROUTE_NEW, 1234,
        {true, 12, 3000, {"a.smith@example.com", 19}, {"", 0}, {"fine", 4}}},
    {{"a\"b@example.com", 15}, {"a\"b", 3}, {"example.com", 11}, {"team,one", 8},
        ROUTE_NEW, ROUTE_OLD, 7},
};

static void
writes_each_format(void **state)
{
    static const struct {
        const char *format;
        const char *wanted;
    } rows[] = {
        {"lines", "alice@example.com\na\"b@example.com\n"},
        {"csv", "address,from,to,unit,redirect,mails,mean_size,aliases,"
                "forwards,rehearsal\n"
                "alice@example.com,old,new,alice@example.com,alice@new.example.com,"
                "12,3000,a.smith@example.com,,fine\n"
                "\"\"\"a\\\"\"b\"\"@example.com\",new,old,\"team,one\","
                "\"\"\"a\\\"\"b\"\"@new.example.com\",,,,,\n"},
        {"sieve", "require [\"envelope\"];\n"
                  "if envelope :is \"to\" \"alice@example.com\" { redirect "
                  "\"alice@new.example.com\"; stop; }\n"
                  "# no redirect any more: \"a\\\"b\"@example.com\n"},
        {"virtual", "alice@example.com alice@new.example.com\n"
                    "# no redirect any more: \"a\\\"b\"@example.com\n"},
        {"json",
            "[{\"address\":\"alice@example.com\",\"unit\":\"alice@example.com\","
            "\"from\":\"old\",\"to\":\"new\",\"bucket\":1234,\"mails\":12,\"mean_size\":"
            "3000,\"aliases\":\"a.smith@example.com\",\"rehearsal\":\"fine\"},"
            "{\"address\":\"a\\\"b@example.com\",\"unit\":\"team,one\","
            "\"from\":\"new\",\"to\":\"old\",\"bucket\":7}]\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct moves_writer writer;

        print_message("# %s\n", rows[i].format);
        moves_format_begin(&writer, moves_format_find(rows[i].format), 65536);
        for (size_t j = 0; j < ARRAY_LENGTH(movers); j++)
            moves_format_write(&writer, &movers[j]);
        moves_format_end(&writer);
        assert_string_equal(buffer_text(&writer.out), rows[i].wanted);
        moves_format_clear(&writer);
    }
}

static void
knows_no_other_format(void **state)
{
    (void)state;
    assert_null(moves_format_find("xml"));
    assert_null(moves_format_find(""));
    assert_null(moves_format_find("line"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_each_format),
        cmocka_unit_test(knows_no_other_format),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
