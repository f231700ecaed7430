/*
 * MTA-STS policies: what they say, and what is none.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/checks/mta_sts.h"
#include "shared/base/attributes.h"

static void
reads_policies(void **state)
{
    static const struct {
        const char *text;
        const char *wrong; /* NULL: it is good */
    } rows[] = {
        {"version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\nmax_age: 604800\r\n",
            NULL},
        {"version:STSv1\nmode:none\nmax_age:86400", NULL},
        {"version: STSv1\nmode: testing\nmx: *.example.com\nmax_age: 0\nmore: x\n\n",
            NULL},
        {"version: STSv1\nmode: enforce\nmx: a\nmax_age: 1\nmode: nonsense\n", NULL},
        {"", "no version"},
        {"mode: none\nmax_age: 1\n", "no version"},
        {"version: STSv2\nmode: none\nmax_age: 1\n", "not STSv1"},
        {"version: STSv1\nmax_age: 1\n", "no mode"},
        {"version: STSv1\nmode: strict\nmax_age: 1\n", "none of enforce"},
        {"version: STSv1\nmode: none\n", "no max_age"},
        {"version: STSv1\nmode: none\nmax_age: 31557601\n", "up to a year"},
        {"version: STSv1\nmode: none\nmax_age: -1\n", "up to a year"},
        {"version: STSv1\nmode: enforce\nmax_age: 1\n", "no mx"},
        {"<html>\n", "no colon"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *wrong = "";
        struct mta_sts policy;
        bool good = mta_sts_parse(span_of(rows[i].text), &policy, &wrong);

        if (good != (rows[i].wrong == NULL) ||
            (!good && strstr(wrong, rows[i].wrong) == NULL))
            fail_msg("%s: %s", rows[i].text, wrong);
    }
}

static void
has_ceilings(void **state)
{
    static char text[MTA_STS_MOST + 1];
    const char *wrong = "";
    struct mta_sts policy;
    size_t length = 0;

    (void)state;
    memset(text, '\n', sizeof(text));
    assert_false(mta_sts_parse(span_make(text, sizeof(text)), &policy, &wrong));
    assert_non_null(strstr(wrong, "64 KiB"));
    for (int i = 0; i <= MTA_STS_MX_MAX; i++, length += 6)
        memcpy(text + length, "mx: a\n", 6);
    assert_false(mta_sts_parse(span_make(text, length), &policy, &wrong));
    assert_non_null(strstr(wrong, "more than 100"));
}

static void
names_hosts(void **state)
{
    const char *wrong = "";
    struct mta_sts policy;

    (void)state;
    assert_true(mta_sts_parse(SPAN("version: STSv1\nmode: enforce\nmax_age: 86400\n"
                                   "mx: mx.example.com\nmx: *.example.net\n"),
        &policy, &wrong));
    assert_int_equal(policy.mode, MTA_STS_ENFORCE);
    assert_int_equal(policy.max_age, 86400);
    assert_true(mta_sts_names(&policy, SPAN("MX.example.com")));
    assert_true(mta_sts_names(&policy, SPAN("gw1.example.net")));
    assert_false(mta_sts_names(&policy, SPAN("a.gw1.example.net")));
    assert_false(mta_sts_names(&policy, SPAN("example.net")));
    assert_false(mta_sts_names(&policy, SPAN(".example.net")));
    assert_false(mta_sts_names(&policy, SPAN("")));
}

static void
knows_who_announces(void **state)
{
    (void)state;
    assert_true(mta_sts_is_announced(SPAN("v=STSv1; id=20261129")));
    assert_true(mta_sts_is_announced(SPAN("v=STSv1;id=1;")));
    assert_false(mta_sts_is_announced(SPAN("v=STSv1;")));
    assert_false(mta_sts_is_announced(SPAN("v=STSv1; id=")));
    assert_false(mta_sts_is_announced(SPAN("v=STSv10; id=1")));
    assert_false(mta_sts_is_announced(SPAN("v=spf1 -all")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_policies),
        cmocka_unit_test(has_ceilings),
        cmocka_unit_test(names_hosts),
        cmocka_unit_test(knows_who_announces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
