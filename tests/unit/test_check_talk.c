/*
 * What dialogs with the backends say: right, wrong, and not to be told.
 */
#include "tests/unit/check_three.h"

#include <string.h>

#include "policyd/checks/check_talk.h"
#include "shared/base/attributes.h"

enum { NOW = 1800000000, DAY = 86400 };

#define OK250                                                                            \
    {                                                                                    \
        .code = 250, .text = "ok"                                                        \
    }
#define NO550                                                                            \
    {                                                                                    \
        .code = 550, .text = "no such user"                                              \
    }
#define GREY                                                                             \
    {                                                                                    \
        .code = 450, .text = "later"                                                     \
    }
#define TLS(trusted, days)                                                               \
    .extensions.starttls = true, .is_encrypted = true, .is_trusted = trusted,            \
    .not_after = NOW + days * (int64_t)DAY
#define DEAD .trouble = "timed out (at connect)"

static const struct {
    const char *what;
    enum check_name name;
    enum check_result wanted;
    const char *line;
    struct check_talk talk; /* with new */
} rows[] = {
    {"good", CHECK_TLS, CHECK_PASS, "for 30 days more",
        {.has_greeted = true, TLS(true, 30)}},
    {"twenty days", CHECK_TLS, CHECK_FAIL, "ends in 20 days",
        {.has_greeted = true, TLS(true, 20)}},
    {"none", CHECK_TLS, CHECK_FAIL, "STARTTLS is not offered", {.has_greeted = true}},
    {"another name", CHECK_TLS, CHECK_FAIL, "is not good: name",
        {.has_greeted = true, TLS(false, 30), .untrusted = "name"}},
    {"421 is not `no STARTTLS`", CHECK_TLS, CHECK_UNKNOWN, "421",
        {.trouble = "421 later (at banner)"}},
    {"dead", CHECK_TLS, CHECK_UNKNOWN, "timed out", {DEAD}},
    {"taken and refused", CHECK_PROBE, CHECK_PASS, "an invented address: 550",
        {.has_greeted = true, .probe = OK250, .invented = NO550}},
    {"catch-all", CHECK_PROBE, CHECK_FAIL, "taken, a catch-all",
        {.has_greeted = true, .probe = OK250, .invented = OK250}},
    {"not ready", CHECK_PROBE, CHECK_FAIL, "probe@example.com: 550",
        {.has_greeted = true, .probe = NO550, .invented = NO550}},
    {"greylisted", CHECK_PROBE, CHECK_UNKNOWN, "450 later",
        {.has_greeted = true, .probe = GREY, .invented = NO550}},
    {"one is not known", CHECK_PROBE, CHECK_UNKNOWN, "450 later",
        {.has_greeted = true, .probe = OK250, .invented = GREY}},
    {"dead", CHECK_PROBE, CHECK_UNKNOWN, "no answer: timed out", {DEAD}},
    {"the same", CHECK_EXTENSIONS, CHECK_PASS, "has what old has",
        {.has_greeted = true,
            .extensions =
                {.eight_bit_mime = true, .dsn = true, .size = true, .size_max = 2000}}},
    {"lacks one", CHECK_EXTENSIONS, CHECK_FAIL, "lacks DSN",
        {.has_greeted = true, .extensions = {.eight_bit_mime = true, .size_max = 2000}}},
    {"takes less", CHECK_EXTENSIONS, CHECK_FAIL, "SIZE 999, old has 1000",
        {.has_greeted = true,
            .extensions =
                {.eight_bit_mime = true, .dsn = true, .size = true, .size_max = 999}}},
    {"dead", CHECK_EXTENSIONS, CHECK_UNKNOWN, "timed out", {DEAD}},
    {"takes it", CHECK_CALLOUT, CHECK_PASS, "MAIL FROM:<>: 250", {.mail = OK250}},
    {"refuses it", CHECK_CALLOUT, CHECK_FAIL, "MAIL FROM:<>: 550", {.mail = NO550}},
    {"puts off", CHECK_CALLOUT, CHECK_UNKNOWN, "MAIL FROM:<>: 450", {.mail = GREY}},
    {"as from nobody", CHECK_JUDGES_US, CHECK_PASS,
        "mail from who@elsewhere.example: 250",
        {.probe = OK250, .foreign_mail = OK250, .foreign = OK250}},
    {"by SPF", CHECK_JUDGES_US, CHECK_FAIL, "550 no such user",
        {.probe = OK250, .foreign_mail = OK250, .foreign = NO550}},
    {"at MAIL", CHECK_JUDGES_US, CHECK_FAIL, "550 no such user",
        {.probe = OK250, .foreign_mail = NO550}},
    {"greylisting", CHECK_JUDGES_US, CHECK_FAIL, "greylisting",
        {.probe = OK250,
            .foreign_mail = OK250,
            .foreign = {.code = 451, .text = "Greylisted, come back"}}},
    {"later for another reason", CHECK_JUDGES_US, CHECK_UNKNOWN, "450 later",
        {.probe = OK250, .foreign_mail = OK250, .foreign = GREY}},
    {"nobody is taken", CHECK_JUDGES_US, CHECK_UNKNOWN, "not taken either",
        {.probe = NO550, .foreign_mail = OK250, .foreign = NO550}},
    {"dead", CHECK_JUDGES_US, CHECK_UNKNOWN, "timed out", {DEAD}},
    {"taken", CHECK_SOURCE_ADDRESS, CHECK_PASS, "takes us", {.has_greeted = true}},
    {"taken from there", CHECK_SOURCE_ADDRESS, CHECK_PASS, "takes us from 2001:db8::5",
        {.has_greeted = true, .source = "2001:db8::5"}},
    {"not ours", CHECK_SOURCE_ADDRESS, CHECK_FAIL, "this host does not have it",
        {.has_greeted = true, .source_fault = "this host does not have it"}},
    {"refused", CHECK_SOURCE_ADDRESS, CHECK_FAIL, "refuses us: 554 go away",
        {.is_refused = true, .trouble = "554 go away (at banner)"}},
    {"turned away", CHECK_SOURCE_ADDRESS, CHECK_UNKNOWN, "421",
        {.trouble = "421 later (at banner)"}},
    {"a family that is not here", CHECK_PROBE, CHECK_PASS, "no way there",
        {.is_out_of_reach = true}},
    {"the same for sizes", CHECK_SIZE, CHECK_PASS, "no way there",
        {.is_out_of_reach = true}},
    {"within", CHECK_SIZE, CHECK_PASS, "SIZE 1000, message_size_limit is 1000",
        {.has_greeted = true, .extensions = {.size = true, .size_max = 1000}}},
    {"above", CHECK_SIZE, CHECK_FAIL, "SIZE 999, message_size_limit is 1000",
        {.has_greeted = true, .extensions = {.size = true, .size_max = 999}}},
    {"dead", CHECK_SIZE, CHECK_UNKNOWN, "could not be asked", {DEAD}},
};

static void
judges_what_new_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct arena *arena = arena_new(1 << 20);
        struct check_talk talks[] = {
            {.place = "[192.0.2.10]:25",
                .family = "IPv4",
                .has_greeted = true,
                .extensions =
                    {.eight_bit_mime = true, .dsn = true, .size = true, .size_max = 1000},
                .is_encrypted = true,
                .is_trusted = true,
                .not_after = NOW + 30 * (int64_t)DAY,
                .mail = OK250,
                .probe = OK250,
                .invented = NO550},
            rows[i].talk,
        };
        const struct check_talks all = {.items = talks,
            .count = 2,
            .probe_address = "probe@example.com",
            .foreign = "who@elsewhere.example",
            .now = NOW};
        struct check check;
        const char *found;

        talks[0].extensions.starttls = true;
        talks[1].is_new = true;
        talks[1].place = "[2001:db8::20]:25";
        talks[1].family = "IPv6";
        talks[0].source = "";
        if (talks[1].source == NULL)
            talks[1].source = "";
        check_begin(&check, arena);
        if (rows[i].name == CHECK_SIZE)
            check_talk_size(&all, 1000, &check);
        else
            check_talk_look(&all, rows[i].name, &check);
        found = check_found(&check, arena);
        if (check.result != rows[i].wanted || strstr(found, rows[i].line) == NULL ||
            strstr(found, "new [2001:db8::20]:25, IPv6: ") == NULL)
            fail_msg("%s, %s: %s:\n%s", check_rows[rows[i].name].name, rows[i].what,
                check_result_name(check.result), found);
        three_note(rows[i].name, check.result);
        arena_free(arena);
    }
}

static void
judges_sessions(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    static const struct {
        struct check_sessions sessions;
        enum check_result wanted;
    } cases[] = {
        {{20, 20, 0, ""}, CHECK_PASS},
        {{20, 19, 1, ""}, CHECK_FAIL},
        {{20, 19, 0, "timed out"}, CHECK_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct check check;

        check_begin(&check, arena);
        check_talk_sessions(&cases[i].sessions, &check);
        assert_int_equal(check.result, cases[i].wanted);
        three_note(CHECK_SESSIONS, check.result);
    }
    arena_free(arena);
}

static void
judges_movers(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    static const struct {
        struct check_mover movers[3];
        const char *trouble;
        enum check_result wanted;
        const char *line;
    } cases[] = {
        {{{"a@x", OK250}, {"b@x", OK250}, {"c@x", OK250}}, NULL, CHECK_PASS,
            "new takes 3 of 3"},
        {{{"a@x", OK250}, {"b@x", NO550}, {"c@x", OK250}}, NULL, CHECK_FAIL,
            "b@x: 550 no such user"},
        {{{"a@x", OK250}, {"b@x", GREY}, {"c@x", OK250}}, NULL, CHECK_UNKNOWN,
            "b@x: 450 later"},
        {{{"a@x", OK250}, {"b@x", {.code = 421}}, {"c@x", {0}}}, "421 too many",
            CHECK_UNKNOWN, "2 of 3 have no answer: 421 too many"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct check check;

        check_begin(&check, arena);
        check_talk_movers(cases[i].movers, 3, cases[i].trouble, &check);
        assert_int_equal(check.result, cases[i].wanted);
        assert_non_null(strstr(check_found(&check, arena), cases[i].line));
        three_note(CHECK_MOVERS, check.result);
    }
    arena_free(arena);
}

static void
skips_who_has_no_next_hop(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    const struct check_talks none = {.missing = {"old=site", NULL}};
    struct check check;

    (void)state;
    check_begin(&check, arena);
    check_talk_look(&none, CHECK_PROBE, &check);
    assert_int_equal(check.result, CHECK_SKIPPED);
    assert_string_equal(check_found(&check, arena), "old: old=site");
    arena_free(arena);
}

static void
has_three_of_each(void **state)
{
    (void)state;
    three_count(THREE_TALK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_what_new_says),
        cmocka_unit_test(judges_sessions),
        cmocka_unit_test(judges_movers),
        cmocka_unit_test(skips_who_has_no_next_hop),
        cmocka_unit_test(has_three_of_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
