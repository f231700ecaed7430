/*
 * What Redis keeps of a rehearsal: values written, read and refused; what a problem is
 * called; the same recipient at two gateways.
 */
#include "tests/unit/unit.h"

#include "policyd/rehearsal/rehearsal_answer.h"
#include "shared/base/attributes.h"

#include <string.h>

static void
a_value_is_written_as_it_was_read(void **state)
{
    static const char *const rows[] = {
        "1764000000 refused unknown 2 41 550 5.1.1 no such user here",
        "1764000000 fine - 1 3",
        "0 not-asked - 0 7",
        "1764000000 defers rate 4 1 451 4.7.1 Greylisting",
        "1764000000 refused sender 1 9 550 5.7.1 \xc3\xa4",
        "1764000000 cant-tell - 1 2 421 4.7.0 later",
    };
    struct rehearsal_result result;
    char written[REHEARSAL_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        assert_true(rehearsal_result_parse(span_of(rows[i]), &result));
        rehearsal_result_write(&result, written);
        assert_string_equal(written, rows[i]);
    }
}

static void
what_is_no_value_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "1764000000",
        "1764000000 refused",
        "1764000000 refused nonsense 1 1",
        "1764000000 perhaps unknown 1 1",
        "1764000000 refused unknown -1 1",
        "1764000000 refused unknown 1 10000000000",
        "-5 refused unknown 1 1",
        "1764000000 refused unknown 1 1 550 \033[2J",
    };
    struct rehearsal_result result;
    char long_text[REHEARSAL_TEXT_MAX + 10];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        assert_false(rehearsal_result_parse(span_of(rows[i]), &result));
    memset(long_text, 'x', sizeof(long_text));
    memcpy(long_text, "1 fine - 1 1 ", 13);
    assert_false(
        rehearsal_result_parse(span_make(long_text, sizeof(long_text)), &result));
    assert_false(rehearsal_result_parse(span_make(long_text, 400), &result));
}

static void
a_sum_that_does_not_add_up_is_refused(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
    } rows[] = {
        {"1764000000 70 120 118 112 4 2 0", true},
        {"1764000000 list:canary 3 3 0 0 0 3 new takes all", true},
        {"1764000000 - 0 0 0 0 0 0", true},
        {"1764000000 70 120 118 112 4 2 1", false},
        {"1764000000 70 120 121 121 0 0 0", false},
        {"1764000000 70 120 118 112 4 2", false},
        {"1764000000 70 120 118 119 0 0 0", false},
        {"x 70 120 118 112 4 2 0", false},
    };
    struct rehearsal_sum sum;
    char written[REHEARSAL_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        assert_int_equal(
            rehearsal_sum_parse(span_of(rows[i].text), &sum), rows[i].is_good);
        if (!rows[i].is_good)
            continue;
        rehearsal_sum_write(&sum, written);
        assert_string_equal(written, rows[i].text);
    }
}

static void
a_problem_has_one_name(void **state)
{
    static const struct {
        enum rehearsal_answer answer;
        unsigned class;
        const char *name;
        bool is_of_mailbox;
    } rows[] = {
        {REHEARSAL_REFUSED, REPLY_UNKNOWN, "unknown", true},
        {REHEARSAL_REFUSED, REPLY_DISABLED, "disabled", true},
        {REHEARSAL_REFUSED, REPLY_QUOTA, "quota", true},
        {REHEARSAL_REFUSED, REPLY_OTHER, "other", true},
        {REHEARSAL_REFUSED, REPLY_SIZE, "size", false},
        {REHEARSAL_REFUSED, REPLY_POLICY, "policy", false},
        {REHEARSAL_REFUSED, REHEARSAL_SENDER, "sender", false},
        {REHEARSAL_DEFERS, REPLY_RATE, "defers", false},
        {REHEARSAL_DEFERS, REPLY_OTHER, "defers", false},
        {REHEARSAL_DEFERS, REPLY_QUOTA, "quota", false},
        {REHEARSAL_CANT_TELL, REHEARSAL_NO_CLASS, "cant-tell", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct rehearsal_result result = {
            .answer = rows[i].answer, .class = rows[i].class};

        assert_string_equal(rehearsal_result_class(&result), rows[i].name);
        assert_int_equal(rehearsal_result_is_of_mailbox(&result), rows[i].is_of_mailbox);
    }
}

static void
of_two_gateways_the_worse_answer_counts(void **state)
{
    struct rehearsal_result fine = {
        .time = 20, .answer = REHEARSAL_FINE, .times = 1, .volume = 5};
    struct rehearsal_result refused = {.time = 10,
        .answer = REHEARSAL_REFUSED,
        .class = REPLY_QUOTA,
        .times = 2,
        .volume = 3,
        .reply = "552 full"};
    struct rehearsal_result later = refused;

    (void)state;
    rehearsal_result_merge(&fine, &refused);
    assert_int_equal(fine.answer, REHEARSAL_REFUSED);
    assert_int_equal(fine.volume, 8);
    assert_int_equal(fine.times, 2);
    assert_string_equal(fine.reply, "552 full");
    later.time = 30;
    (void)strcpy(later.reply, "552 still full");
    rehearsal_result_merge(&refused, &later);
    assert_int_equal(refused.times, 4);
    assert_string_equal(refused.reply, "552 still full");
}

static void
a_line_is_cut_at_whole_characters(void **state)
{
    char out[8];

    (void)state;
    rehearsal_line(SPAN("  550 a\r\n"), out, sizeof(out));
    assert_string_equal(out, "550 a");
    rehearsal_line(SPAN("123456\xc3\xa4"), out, sizeof(out));
    assert_string_equal(out, "123456");
    rehearsal_line(SPAN("a\nb\xff"
                        "c"),
        out, sizeof(out));
    assert_string_equal(out, "a?b?c");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_written_as_it_was_read),
        cmocka_unit_test(what_is_no_value_is_refused),
        cmocka_unit_test(a_sum_that_does_not_add_up_is_refused),
        cmocka_unit_test(a_problem_has_one_name),
        cmocka_unit_test(of_two_gateways_the_worse_answer_counts),
        cmocka_unit_test(a_line_is_cut_at_whole_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
