/*
 * main.cf and master.cf as Postfix reads them, and our word in the site's lists.
 */
#include "tests/unit/unit.h"

#include "policyd/wiring/postfix_text.h"

static const char main_cf[] = "# a comment\n"
                              "biff = no\n"
                              "relay_domains = one.example,\n"
                              "\n"
                              "# still the same list\n"
                              "   two.example\n"
                              "\tthree.example\n"
                              "empty =\n"
                              "twice = first\n"
                              "  twice_not = 1\n"
                              "pattern = regexp:{{/a  b/ OK}}\n"
                              "twice=  second  \n"
                              "no equals sign\n"
                              "last = end";

static void
reads_values_as_postfix_does(void **state)
{
    static const struct {
        const char *what;
        const char *name;
        const char *wanted; /* NULL: not set */
    } rows[] = {
        {"plain", "biff", "no"},
        {"goes on over comments", "relay_domains",
            "one.example,   two.example\tthree.example"},
        {"set to nothing", "empty", ""},
        {"the last one wins", "twice", "second"},
        {"a continuation is no name", "twice_not", NULL},
        {"blanks stay", "pattern", "regexp:{{/a  b/ OK}}"},
        {"no line end", "last", "end"},
        {"not there", "nowhere", NULL},
        {"no prefix", "bif", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buffer value;
        bool found;

        print_message("# %s\n", rows[i].what);
        buffer_init(&value, 1000);
        found = postfix_text_value(span_of(main_cf), rows[i].name, &value);
        assert_int_equal(found, rows[i].wanted != NULL);
        if (found)
            assert_string_equal(buffer_text(&value), rows[i].wanted);
        buffer_clear(&value);
    }
}

static const char services[] =
    "smtp       inet  n       -       y       -       -       smtpd\n"
    "qmgr       unix  n       -       n       300     1       qmgr\n"
    "bad line\n"
    "rewrite    unix  -       -       y       -       -       trivial-rewrite\n"
    "smtp       unix  -       -       y       -       -       smtp\n"
    "submission inet n - y - - smtpd -o syslog_name=postfix/submission "
    "-o {smtpd_client_restrictions=permit_sasl_authenticated, reject} "
    "-o smtpd_recipient_restrictions= -o syslog_name=postfix/s2 a=b\n";

static void
finds_services_and_what_they_override(void **state)
{
    static const struct {
        const char *name;
        const char *wanted; /* NULL: not overridden */
    } rows[] = {
        {"syslog_name", "postfix/s2"},
        {"smtpd_client_restrictions", "permit_sasl_authenticated, reject"},
        {"smtpd_recipient_restrictions", ""},
        {"a", NULL},
        {"syslog", NULL},
    };
    struct postfix_service service;
    struct span value;

    (void)state;
    assert_true(
        postfix_text_find_service(span_of(services), SPAN("smtp"), "unix", &service));
    assert_true(span_is(service.command, "smtp"));
    assert_true(
        postfix_text_find_service(span_of(services), SPAN("qmgr"), NULL, &service));
    assert_true(span_is(service.chroot, "n"));
    assert_false(
        postfix_text_find_service(span_of(services), SPAN("qmgr"), "fifo", &service));
    assert_false(
        postfix_text_find_service(span_of(services), SPAN("bad"), NULL, &service));
    assert_true(postfix_text_find_service(
        span_of(services), SPAN("submission"), "inet", &service));
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        bool found = postfix_text_override(service.arguments, rows[i].name, &value);

        print_message("# %s\n", rows[i].name);
        assert_int_equal(found, rows[i].wanted != NULL);
        if (found)
            assert_true(span_is(value, rows[i].wanted));
    }
}

/* Put in and taken out again, a list is what it was, set or not. */
static void
restores_each_list(void **state)
{
    static const struct {
        const char *what;
        const char *list; /* NULL: not set */
        const char *first;
        const char *last;
    } rows[] = {
        {"not set", NULL, "$ours", "$ours"},
        {"set to nothing", "", "$ours,", ", $ours"},
        {"one word", "reject", "$ours, reject", "reject, $ours"},
        {"commas", "a, b,c", "$ours, a, b,c", "a, b,c, $ours"},
        {"a last comma", "a,", "$ours, a,", "a,, $ours"},
        {"a first comma", ", a", "$ours, , a", ", a, $ours"},
        {"braces", "{ x, $ours, y }, b", "$ours, { x, $ours, y }, b",
            "{ x, $ours, y }, b, $ours"},
        {"a longer word", "$ours_too", "$ours, $ours_too", "$ours_too, $ours"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct span list = span_of(rows[i].list);
        bool is_set = rows[i].list != NULL;

        print_message("# %s\n", rows[i].what);
        assert_false(postfix_text_list_has(list, "$ours"));
        for (int first = 0; first < 2; first++) {
            struct buffer with;
            struct buffer without;

            buffer_init(&with, 1000);
            buffer_init(&without, 1000);
            postfix_text_list_add(&with, list, is_set, "$ours", first == 1);
            assert_string_equal(buffer_text(&with), first ? rows[i].first : rows[i].last);
            assert_true(postfix_text_list_has(buffer_span(&with), "$ours"));
            if (first)
                assert_true(postfix_text_list_starts(buffer_span(&with), "$ours"));
            assert_int_equal(
                postfix_text_list_remove(&without, buffer_span(&with), "$ours"), is_set);
            assert_string_equal(buffer_text(&without), is_set ? rows[i].list : "");
            buffer_clear(&with);
            buffer_clear(&without);
        }
    }
}

static void
takes_the_word_out_wherever_it_stands(void **state)
{
    static const struct {
        const char *list;
        const char *wanted;
    } rows[] = {
        {"a, $ours, b", "a, b"},
        {"a $ours b", "a b"},
        {"$ours,\n   a", "a"},
        {"$ours a", "a"},
        {"a,   $ours", "a"},
        {"a,b", "a,b"},
        {"x{ $ours }, $ours", "x{ $ours }"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buffer out;

        print_message("# %s\n", rows[i].list);
        buffer_init(&out, 1000);
        assert_true(postfix_text_list_remove(&out, span_of(rows[i].list), "$ours"));
        assert_string_equal(buffer_text(&out), rows[i].wanted);
        buffer_clear(&out);
    }
}

static void
reads_times(void **state)
{
    static const struct {
        const char *text;
        uint64_t wanted; /* 0: none */
    } rows[] = {
        {"5d", 432000},
        {"5", 432000},
        {"1w", 604800},
        {"90s", 90},
        {"2H", 7200},
        {"10m", 600},
        {"5x", 0},
        {"d", 0},
        {"", 0},
        {"-1d", 0},
        {"$foo", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint64_t seconds = 0;

        print_message("# %s\n", rows[i].text);
        assert_int_equal(
            postfix_text_time(span_of(rows[i].text), 'd', &seconds), rows[i].wanted != 0);
        assert_int_equal(seconds, rows[i].wanted);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values_as_postfix_does),
        cmocka_unit_test(finds_services_and_what_they_override),
        cmocka_unit_test(restores_each_list),
        cmocka_unit_test(takes_the_word_out_wherever_it_stands),
        cmocka_unit_test(reads_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
