/*
 * The head of a log line: stamps in all forms, names, heads inside heads.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "policyd/maillog/maillog_line.h"
#include "shared/base/attributes.h"

/* 2026-11-24T00:00:00Z */
#define SPAN_ROW(text)                                                                   \
    {                                                                                    \
        ("" text), sizeof(text) - 1                                                      \
    }
#define DAY INT64_C(1795478400000)

static void
reads_every_stamp(void **state)
{
    static const struct {
        const char *what;
        const char *line;
        int64_t time; /* with the host an hour east, near DAY */
    } rows[] = {
        {"plain", "Nov 24 04:45:56 x", DAY + 13556000},
        {"a day of one digit, padded", "Nov  4 00:00:00 x",
            DAY - 20 * 86400000LL - 3600000},
        {"a day of one digit", "Nov 4 00:00:00 x", DAY - 20 * 86400000LL - 3600000},
        {"UTC", "2026-11-24T04:45:56Z x", DAY + 17156000},
        {"milliseconds", "2026-11-24T04:45:56.123Z x", DAY + 17156123},
        {"microseconds and a zone", "2026-11-24T04:45:56.123456+02:00 x", DAY + 9956123},
        {"a zone without a colon", "2026-11-24T04:45:56+0200 x", DAY + 9956000},
        {"west", "2026-11-24T04:45:56-05:30 x", DAY + 17156000 + 19800000},
        {"a blank for the T, no zone", "2026-11-24 04:45:56 x", DAY + 13556000},
        {"the coming year", "Jan  1 00:00:00 x", DAY + 38 * 86400000LL - 3600000},
        {"the year before", "Jul 24 00:00:00 x", DAY - 123 * 86400000LL - 3600000},
        {"a leap day", "2024-02-29T00:00:00Z x", INT64_C(1709164800000)},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct span rest = span_of(rows[i].line);
        struct maillog_stamp stamp;

        print_message("# %s\n", rows[i].what);
        assert_true(maillog_stamp_take(&rest, &stamp));
        assert_true(span_is(rest, "x"));
        assert_int_equal(maillog_stamp_time(&stamp, DAY, 3600), rows[i].time);
    }
}

static void
goes_over_new_year_once(void **state)
{
    struct span line = SPAN("Dec 31 23:59:59 x");
    struct maillog_stamp stamp;

    (void)state;
    assert_true(maillog_stamp_take(&line, &stamp));
    /* A line out of order, just after midnight of 2027-01-01. */
    assert_int_equal(
        maillog_stamp_time(&stamp, INT64_C(1798761600000), 0), INT64_C(1798761599000));
}

/* Before the first line nothing says about when it was, but that it has been. */
static void
begins_with_what_has_been(void **state)
{
    static const struct {
        const char *line;
        int64_t time; /* read on DAY */
    } rows[] = {
        {"Dec 31 23:59:59 x", DAY - 327 * 86400000LL - 1000},
        {"Nov 23 00:00:00 x", DAY - 86400000LL},
        {"Nov 24 06:00:00 x", DAY + 21600000LL},
        {"Nov 26 00:00:00 x", DAY - 363 * 86400000LL},
        {"2027-11-24T00:00:00Z x", DAY + 365 * 86400000LL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct span rest = span_of(rows[i].line);
        struct maillog_stamp stamp;

        print_message("# %s\n", rows[i].line);
        assert_true(maillog_stamp_take(&rest, &stamp));
        assert_int_equal(maillog_stamp_first_time(&stamp, DAY, 0), rows[i].time);
    }
}

static void
refuses_what_is_no_stamp(void **state)
{
    static const char *const rows[] = {"", "x", "Nov", "Nov 24", "Nov 24 4:45:56 x",
        "Nov 32 04:45:56 x", "Nov 24 24:45:56 x", "Foo 24 04:45:56 x",
        "2026-13-24T04:45:56Z x", "2026-11-24T04:45Z x", "2026-11-24T04:45:56Zx",
        "Nov 24 04:45:56x"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct span rest = span_of(rows[i]);
        struct maillog_stamp stamp;

        print_message("# %s\n", rows[i]);
        assert_false(maillog_stamp_take(&rest, &stamp));
    }
}

static void
reads_every_head(void **state)
{
    static const struct {
        const char *what;
        struct span line;
        enum maillog_program program;
        const char *host;
        const char *instance;
        const char *service;
        const char *daemon;
        uint32_t pid;
        const char *text;
    } rows[] = {
        {"usual", SPAN_ROW("Nov 24 04:45:56 gw postfix/qmgr[12]: text: x"),
            MAILLOG_POSTFIX, "gw", "postfix", "", "qmgr", 12, "text: x"},
        {"a service's own name",
            SPAN_ROW("Nov 24 04:45:56 gw postfix/cutover-new/smtp[12]: t"),
            MAILLOG_POSTFIX, "gw", "postfix", "cutover-new", "smtp", 12, "t"},
        {"an instance", SPAN_ROW("Nov 24 04:45:56 gw postfix-out/smtp[12]: t"),
            MAILLOG_POSTFIX, "gw", "postfix-out", "", "smtp", 12, "t"},
        {"a name that the site chose", SPAN_ROW("Nov 24 04:45:56 gw mta/smtp[12]: t"),
            MAILLOG_POSTFIX, "gw", "mta", "", "smtp", 12, "t"},
        {"a name that nobody chose", SPAN_ROW("Nov 24 04:45:56 gw exim/smtp[12]: t"),
            MAILLOG_FOREIGN, NULL, "", "", "", 0, NULL},
        {"no host", SPAN_ROW("Nov 24 04:45:56 postfix/qmgr[12]: t"), MAILLOG_POSTFIX, "",
            "postfix", "", "qmgr", 12, "t"},
        {"no colon", SPAN_ROW("Nov 24 04:45:56 gw postfix/qmgr[12] t"), MAILLOG_POSTFIX,
            "gw", "postfix", "", "qmgr", 12, "t"},
        {"a priority", SPAN_ROW("<22>Nov 24 04:45:56 gw postfix/qmgr[12]: t"),
            MAILLOG_POSTFIX, "gw", "postfix", "", "qmgr", 12, "t"},
        {"RFC 5424", SPAN_ROW("<22>1 2026-11-24T04:45:56Z gw postfix/qmgr 12 - - t"),
            MAILLOG_POSTFIX, "gw", "postfix", "", "qmgr", 12, "t"},
        {"RFC 5424 with data",
            SPAN_ROW("<22>1 2026-11-24T04:45:56Z gw postfix/qmgr 12 m [a b=\"c\"] t"),
            MAILLOG_POSTFIX, "gw", "postfix", "", "qmgr", 12, "t"},
        {"RFC 5424 with data of two kinds, a bracket in a value",
            SPAN_ROW("<22>1 2026-11-24T04:45:56Z gw postfix/qmgr 12 m "
                     "[a@1 b=\"c\\]]\\\"\"][d@2 e=\"f\"] t"),
            MAILLOG_POSTFIX, "gw", "postfix", "", "qmgr", 12, "t"},
        {"RFC 5424 with data that doesn't end",
            SPAN_ROW("<22>1 2026-11-24T04:45:56Z gw postfix/qmgr 12 m [a b=\"c] t"),
            MAILLOG_POSTFIX, "gw", "postfix", "", "qmgr", 12, ""},
        {"a container's head in RFC 5424",
            SPAN_ROW("<22>1 2026-11-24T04:45:56Z host docker 9 - - Nov 24 02:45:56 gw "
                     "postfix/qmgr[12]: t"),
            MAILLOG_POSTFIX, "gw", "postfix", "", "qmgr", 12, "t"},
        {"RFC 5424 in a container's line",
            SPAN_ROW("2026-11-24T04:45:56.1Z stdout F <22>1 2026-11-24T02:45:56Z gw "
                     "postfix/qmgr 12 - - t"),
            MAILLOG_POSTFIX, "gw", "postfix", "", "qmgr", 12, "t"},
        {"NULs in front", SPAN_ROW("\0\0Nov 24 04:45:56 gw postfix/qmgr[12]: t"),
            MAILLOG_POSTFIX, "gw", "postfix", "", "qmgr", 12, "t"},
        {"a container's head",
            SPAN_ROW("Nov 24 04:45:56 host mail[9]: Nov 24 02:45:56 gw "
                     "postfix/qmgr[12]: t"),
            MAILLOG_POSTFIX, "gw", "postfix", "", "qmgr", 12, "t"},
        {"a carriage return at the end",
            SPAN_ROW("Nov 24 04:45:56 gw postfix/qmgr[12]: t\r"), MAILLOG_POSTFIX, "gw",
            "postfix", "", "qmgr", 12, "t"},
        {"ours", SPAN_ROW("Nov 24 04:45:56 gw postshift-auth[12]: t"), MAILLOG_OURS, "gw",
            "", "", "auth", 12, "t"},
        {"another's", SPAN_ROW("Nov 24 04:45:56 gw dovecot[12]: t"), MAILLOG_FOREIGN,
            NULL, "", "", "", 0, NULL},
        {"postfix without a program", SPAN_ROW("Nov 24 04:45:56 gw postfix[12]: t"),
            MAILLOG_FOREIGN, NULL, "", "", "", 0, NULL},
        {"a process number that is none",
            SPAN_ROW("Nov 24 04:45:56 gw postfix/qmgr[1x]: t"), MAILLOG_FOREIGN, NULL, "",
            "", "", 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct maillog_line line;

        print_message("# %s\n", rows[i].what);
        assert_true(maillog_line_parse(rows[i].line, SPAN("post mta"), &line));
        assert_int_equal(line.program, rows[i].program);
        if (rows[i].host == NULL)
            continue;
        assert_true(span_is(line.host, rows[i].host));
        assert_true(span_is(line.instance, rows[i].instance));
        assert_true(span_is(line.service, rows[i].service));
        assert_true(span_is(line.daemon, rows[i].daemon));
        assert_int_equal(line.pid, rows[i].pid);
        assert_true(span_is(line.text, rows[i].text));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_stamp),
        cmocka_unit_test(goes_over_new_year_once),
        cmocka_unit_test(begins_with_what_has_been),
        cmocka_unit_test(refuses_what_is_no_stamp),
        cmocka_unit_test(reads_every_head),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
