/*
 * What postfix-setup keeps in mind of both files, written and read again.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "policyd/wiring/setup_record.h"

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void
is_read_as_it_was_written(void **state)
{
    struct setup_record record = {0};
    struct setup_record again;
    struct buffer out;

    (void)state;
    record.files[1].known = true;
    (void)strcpy(record.files[1].copy, "master.cf.postshift-1");
    digest_sha256(SPAN("before"), record.files[1].original);
    digest_sha256(SPAN("ours"), record.files[1].ours[0]);
    digest_sha256(SPAN("ours before"), record.files[1].ours[1]);
    buffer_init(&out, 10000);
    setup_record_write(&out, &record);
    setup_record_parse(&again, buffer_span(&out));
    assert_false(again.files[0].known);
    assert_true(again.files[1].known);
    assert_string_equal(again.files[1].copy, "master.cf.postshift-1");
    assert_true(setup_record_is_original(&again.files[1], SPAN("before")));
    assert_false(setup_record_is_original(&again.files[1], SPAN("ours")));
    assert_true(setup_record_has(&again.files[1], SPAN("before")));
    assert_true(setup_record_has(&again.files[1], SPAN("ours")));
    assert_true(setup_record_has(&again.files[1], SPAN("ours before")));
    assert_false(setup_record_has(&again.files[1], SPAN("theirs")));
    assert_false(setup_record_has(&again.files[0], SPAN("before")));
    buffer_clear(&out);
}

static void
knows_nothing_of_nonsense(void **state)
{
    static const char *const texts[] = {
        "",
        "main.cf",
        "main.cf copy " HEX " " HEX "\n",
        "main.cf copy " HEX " " HEX " " HEX,
        "main.cf ../copy " HEX " " HEX " " HEX "\n",
        "main.cf .copy " HEX " " HEX " " HEX "\n",
        "main.cf copy " HEX " " HEX " x" HEX "\n",
        "main.cf copy " HEX " " HEX " " HEX " more\n",
        "main.cf.d copy " HEX " " HEX " " HEX "\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct setup_record record;

        setup_record_parse(&record, span_of(texts[i]));
        if (record.files[0].known || record.files[1].known)
            fail_msg("%s", texts[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_read_as_it_was_written),
        cmocka_unit_test(knows_nothing_of_nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
