/*
 * What probes say to the gate.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "policyd/plan/plan_probe.h"
#include "shared/base/attributes.h"

enum { NOW_MS = 10000000, INTERVAL_MS = 30000 };

#define ASKED(of, ...)                                                                   \
    {                                                                                    \
        .is_asked = true, .result = of, .at_ms = NOW_MS - 1000,                          \
        .interval_ms = INTERVAL_MS, __VA_ARGS__                                          \
    }
#define GOOD ASKED(PLAN_PROBE_GOOD, .text = "")
#define BAD ASKED(PLAN_PROBE_BAD, .text = "mx[192.0.2.1]:25: closed by the server")
#define GREY ASKED(PLAN_PROBE_NONE, .text = "450 later")
#define CHANGED ASKED(PLAN_PROBE_GOOD, .is_changed = true)
#define SITE                                                                             \
    {                                                                                    \
        .is_asked = false                                                                \
    }
#define NEVER                                                                            \
    {                                                                                    \
        .is_asked = true, .interval_ms = INTERVAL_MS                                     \
    }

static void
says_what_both_sides_say(void **state)
{
    static const struct {
        const char *what;
        struct plan_probe_view new_side;
        struct plan_probe_view old_side;
        enum plan_answer answer;
        const char *text;
    } rows[] = {
        {"both good", GOOD, GOOD, PLAN_YES, "new and old answer"},
        {"old is the site's own", GOOD, SITE, PLAN_YES, "new answers"},
        {"new fails", BAD, GOOD, PLAN_NO,
            "new fails: mx[192.0.2.1]:25: closed by the server"},
        {"old fails: no way back", GOOD, BAD, PLAN_NO,
            "old fails: mx[192.0.2.1]:25: closed by the server"},
        {"both fail", BAD, BAD, PLAN_NO, "new fails: "},
        {"greylisting", GREY, GOOD, PLAN_NOT_KNOWN, "new puts us off: 450 later"},
        {"old greylisting", GOOD, GREY, PLAN_NOT_KNOWN, "old puts us off: 450 later"},
        {"no goes before not known", GREY, BAD, PLAN_NO, "old fails: "},
        {"another certificate", CHANGED, GOOD, PLAN_NOT_KNOWN,
            "new has another certificate than before (postshiftctl probe accept "
            "example.com new)"},
        {"old's", GOOD, CHANGED, PLAN_NOT_KNOWN,
            "old has another certificate than before (postshiftctl probe accept "
            "example.com old)"},
        {"not yet", NEVER, GOOD, PLAN_NOT_KNOWN, "new has not been probed yet"},
        {"old not yet", GOOD, NEVER, PLAN_NOT_KNOWN, "old has not been probed yet"},
        {"nothing to probe", SITE, SITE, PLAN_NOT_KNOWN, "new has no next hop to probe"},
        {"long ago",
            {.is_asked = true,
                .result = PLAN_PROBE_GOOD,
                .at_ms = NOW_MS - 600000,
                .interval_ms = INTERVAL_MS},
            GOOD, PLAN_NOT_KNOWN, "new was last probed 10 min ago"},
        {"a failure of long ago is none",
            {.is_asked = true,
                .result = PLAN_PROBE_BAD,
                .at_ms = NOW_MS - 600000,
                .interval_ms = INTERVAL_MS},
            GOOD, PLAN_NOT_KNOWN, "new was last probed 10 min ago"},
        {"late, but not for long",
            {.is_asked = true,
                .result = PLAN_PROBE_GOOD,
                .at_ms = NOW_MS - 150000,
                .interval_ms = INTERVAL_MS},
            GOOD, PLAN_YES, "new and old answer"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct plan_opinion opinion = {.answer = PLAN_NO, .text = "?"};

        print_message("# %s\n", rows[i].what);
        plan_probe_ask(
            "example.com", &rows[i].new_side, &rows[i].old_side, NOW_MS, &opinion);
        assert_int_equal(opinion.answer, rows[i].answer);
        assert_memory_equal(opinion.text, rows[i].text, strlen(rows[i].text));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_both_sides_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
