/*
 * What Postfix does with mail before it is routed: right, wrong, and not to be told.
 */
#include "tests/unit/check_three.h"

#include <string.h>

#include "policyd/checks/check_intake.h"
#include "shared/base/attributes.h"

#define AUTH "unix:postshift/auth.sock"
#define SCAN "unix:postshift/scan.sock"
#define SERVER "smtp inet n - n - - smtpd\n"
#define TEXT(text)                                                                       \
    {                                                                                    \
        text, sizeof(text) - 1                                                           \
    }

static const struct check_alias stays[] = {
    {"sales@example.com", "alice@example.com, bob@Example.COM"}};
static const struct check_alias leaves[] = {
    {"sales@example.com", "alice@example.com sales@old.internal"}};
static const struct check_alias bare[] = {{"@example.com", "alice"}};
static const struct check_by_hand first[] = {{"fax@example.com", "hash:/t", true, false}};
static const struct check_by_hand moving[] = {{"fax@example.com", "hash:/t", true, true}};
static const struct check_by_hand behind[] = {
    {"fax@example.com", "hash:/t", false, false}};

static const struct {
    const char *what;
    enum check_name name;
    enum check_result wanted;
    const char *line;
    struct check_intake facts;
} rows[] = {
    {"none", CHECK_MILTERS, CHECK_PASS, "is empty", {0}},
    {"ours, then another", CHECK_MILTERS, CHECK_PASS, "postshift-auth before",
        {.milters = TEXT("{" AUTH ", default_action=tempfail}, "
                         "{" SCAN ", default_action=tempfail, content_timeout=60s}, "
                         "inet:127.0.0.1:8891")}},
    {"scan before auth", CHECK_MILTERS, CHECK_FAIL, "not in their order",
        {.milters = TEXT(SCAN " " AUTH)}},
    {"another before ours", CHECK_MILTERS, CHECK_FAIL, "are not the first",
        {.milters = TEXT("inet:127.0.0.1:8891 " AUTH)}},
    {"lets mail by", CHECK_MILTERS, CHECK_FAIL, "unlooked at while it is away",
        {.milters = TEXT("{inet:127.0.0.1:8891, {default_action = accept}}")}},
    {"refuses for good", CHECK_MILTERS, CHECK_FAIL, "refused for good",
        {.milters = TEXT("inet:127.0.0.1:8891"), .milter_action = TEXT("reject")}},
    {"three at five minutes", CHECK_MILTERS, CHECK_FAIL, "900 s after the end",
        {.milters = TEXT("inet:a:1 inet:b:2 inet:c:3"), .milter_timeout = 300}},
    {"scan has less than it takes", CHECK_MILTERS, CHECK_FAIL,
        "less than [scan] deadline",
        {.milters = TEXT("{" SCAN ", content_timeout=20s}")}},
    {"no filter", CHECK_CONTENT_FILTER, CHECK_PASS, "no content_filter", {0}},
    {"given back to an entry of its own", CHECK_CONTENT_FILTER, CHECK_PASS, "10025",
        {.content_filter = TEXT("smtp:[127.0.0.1]:10024"),
            .services = TEXT(
                SERVER "127.0.0.1:10025 inet n - n - - smtpd -o content_filter=\n")}},
    {"of one entry alone", CHECK_CONTENT_FILTER, CHECK_PASS, "without content_filter",
        {.services = TEXT("smtp inet n - n - - smtpd -o content_filter=filter:x\n"
                          "pickup unix n - n 60 1 pickup\n")}},
    {"given back to itself", CHECK_CONTENT_FILTER, CHECK_FAIL, "filtered again",
        {.content_filter = TEXT("smtp:[127.0.0.1]:10024"), .services = TEXT(SERVER)}},
    {"routing by filter", CHECK_CONTENT_FILTER, CHECK_FAIL, "goes unfiltered",
        {.content_filter = TEXT("smtp:[127.0.0.1]:10024"), .by_filter = true}},
    {"stays in the domain", CHECK_ALIASES, CHECK_PASS, "1 of [ctl] addresses",
        {.has_addresses = true, .aliases = stays, .alias_count = 1}},
    {"leaves it", CHECK_ALIASES, CHECK_FAIL, "sales@old.internal: that is not routed",
        {.has_addresses = true, .aliases = leaves, .alias_count = 1}},
    {"a bare name", CHECK_ALIASES, CHECK_FAIL, "@example.com becomes alice",
        {.aliases = bare, .alias_count = 1}},
    {"a table is broken", CHECK_ALIASES, CHECK_UNKNOWN, "no such file",
        {.has_addresses = true, .alias_fault = "no such file"}},
    {"not said", CHECK_ALIASES, CHECK_SKIPPED, "needs [ctl] addresses", {0}},
    {"none by hand", CHECK_THIRD_SYSTEMS, CHECK_PASS, "no single address", {0}},
    {"stays there", CHECK_THIRD_SYSTEMS, CHECK_PASS, "hash:/t is asked first",
        {.by_hand = first, .by_hand_count = 1}},
    {"is to move", CHECK_THIRD_SYSTEMS, CHECK_FAIL, "is to move next",
        {.by_hand = moving, .by_hand_count = 1}},
    {"behind policyd", CHECK_THIRD_SYSTEMS, CHECK_FAIL, "moves like all others",
        {.by_hand = behind, .by_hand_count = 1}},
    {"a table that can't be listed", CHECK_THIRD_SYSTEMS, CHECK_UNKNOWN, "pcre:/x",
        {.by_hand_fault = "pcre:/x of transport_maps can't be listed"}},
};

static void
judges_intake(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct arena *arena = arena_new(1 << 20);
        struct check_intake facts = rows[i].facts;
        struct check check;
        const char *found;

        facts.domain = SPAN("example.com");
        facts.own[0] = AUTH;
        facts.own[1] = SCAN;
        facts.scan_deadline = 25;
        facts.milter_timeout = facts.milter_timeout == 0 ? 30 : facts.milter_timeout;
        if (facts.milter_action.length == 0)
            facts.milter_action = SPAN("tempfail");
        check_begin(&check, arena);
        check_intake_look(&facts, rows[i].name, &check);
        found = check_found(&check, arena);
        if (check.result != rows[i].wanted || strstr(found, rows[i].line) == NULL)
            fail_msg("%s, %s: %s:\n%s", check_rows[rows[i].name].name, rows[i].what,
                check_result_name(check.result), found);
        three_note(rows[i].name, check.result);
        /* Without a Postfix to be looked at nothing is said. */
        facts.obstacle = "there is no postconf";
        check_begin(&check, arena);
        check_intake_look(&facts, rows[i].name, &check);
        assert_int_equal(check.result, CHECK_UNKNOWN);
        three_note(rows[i].name, check.result);
        arena_free(arena);
    }
}

static void
has_three_of_each(void **state)
{
    (void)state;
    three_count(THREE_INTAKE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_intake),
        cmocka_unit_test(has_three_of_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
