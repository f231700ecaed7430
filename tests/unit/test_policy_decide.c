/*
 * Gate, loop guard and routing = filter.
 */
#include "tests/unit/unit.h"

#include "policyd/routing/policy_decide.h"

#include "shared/base/attributes.h"

static const struct domain_state plain = {.old_route = "cutover-old:[192.0.2.10]:25"};
static const struct domain_state site = {.old_route = DOMAIN_OLD_SITE};
static const struct domain_state relayed = {.inside = INSIDE_RELAY};

enum { QUEUE = 0, SMTP = 1, FILTER = 2, ELSEWHERE = 4, FROM_OLD = 8, FROM_NEW = 16 };

static void
answers_by_place_and_rules(void **state)
{
    static const struct {
        const char *what;
        enum route_place place;
        const struct domain_state *state;
        int how;
        enum policy_answer answer;
        const char *action;
        const char *text;
    } rows[] = {
        {"old", ROUTE_OLD, &plain, QUEUE, POLICY_DUNNO, "DUNNO", ""},
        {"not ours", ROUTE_NOT_OURS, NULL, QUEUE, POLICY_DUNNO, "DUNNO", ""},
        {"unknown: the queue holds", ROUTE_UNKNOWN, NULL, QUEUE, POLICY_DUNNO, "DUNNO",
            ""},
        {"held in the queue", ROUTE_HOLD, &plain, QUEUE, POLICY_DUNNO, "DUNNO", ""},
        {"held at SMTP", ROUTE_HOLD, &plain, SMTP, POLICY_HOLD, "DEFER_IF_PERMIT 4.2.1",
            "moved"},
        {"unknown, hold at SMTP", ROUTE_UNKNOWN, NULL, SMTP, POLICY_DUNNO, "DUNNO", ""},
        {"old to old", ROUTE_OLD, &plain, FROM_OLD, POLICY_LOOP, "DEFER 4.4.6", NULL},
        {"new to new", ROUTE_NEW, &plain, FROM_NEW, POLICY_LOOP, "DEFER 4.4.6", NULL},
        {"old to new", ROUTE_NEW, &plain, FROM_OLD, POLICY_DUNNO, "DUNNO", ""},
        {"new to old", ROUTE_OLD, &plain, FROM_NEW, POLICY_DUNNO, "DUNNO", ""},
        {"old to standby", ROUTE_STANDBY, &plain, FROM_OLD, POLICY_DUNNO, "DUNNO", ""},
        {"old to what is held", ROUTE_HOLD, &plain, FROM_OLD, POLICY_DUNNO, "DUNNO", ""},
        {"a relayed domain, old to old", ROUTE_OLD, &relayed, FROM_OLD, POLICY_DUNNO,
            "DUNNO", ""},
        {"a relayed domain, new to new", ROUTE_NEW, &relayed, FROM_NEW, POLICY_DUNNO,
            "DUNNO", ""},
        {"old=site", ROUTE_OLD, &site, QUEUE, POLICY_DUNNO, "DUNNO", ""},
        {"old=site, from old as ever", ROUTE_OLD, &site, FROM_OLD, POLICY_DUNNO, "DUNNO",
            ""},
        {"old=site, new to new", ROUTE_NEW, &site, FROM_NEW, POLICY_LOOP, "DEFER 4.4.6",
            NULL},
        {"old=site, filter", ROUTE_OLD, &site, FILTER, POLICY_DUNNO, "DUNNO", ""},
        {"old=site, filter, from old", ROUTE_OLD, &site, FILTER | FROM_OLD, POLICY_DUNNO,
            "DUNNO", ""},
        {"old=site, filter, but bound", ROUTE_OLD, &site, FILTER | ELSEWHERE,
            POLICY_ELSEWHERE, "DEFER 4.5.3", NULL},
        {"old=site, filter, held", ROUTE_HOLD, &site, FILTER, POLICY_HOLD,
            "DEFER_IF_PERMIT 4.2.1", "moved"},
        {"filter", ROUTE_NEW, &plain, FILTER, POLICY_FILTER, "FILTER",
            "cutover-new:[192.0.2.20]:25"},
        {"filter, standby", ROUTE_STANDBY, &plain, FILTER, POLICY_FILTER, "FILTER", NULL},
        {"filter, a loop", ROUTE_OLD, &plain, FILTER | FROM_OLD, POLICY_LOOP,
            "DEFER 4.4.6", NULL},
        {"filter, not ours", ROUTE_NOT_OURS, NULL, FILTER, POLICY_DUNNO, "DUNNO", ""},
        {"filter, held", ROUTE_HOLD, &plain, FILTER, POLICY_HOLD, "DEFER_IF_PERMIT 4.2.1",
            "moved"},
        {"filter, held in a bound message", ROUTE_HOLD, &plain, FILTER | ELSEWHERE,
            POLICY_HOLD, "DEFER_IF_PERMIT 4.2.1", "moved"},
        {"filter, unknown", ROUTE_UNKNOWN, NULL, FILTER, POLICY_UNKNOWN,
            "DEFER_IF_PERMIT 4.3.0", NULL},
        {"filter, elsewhere", ROUTE_OLD, &plain, FILTER | ELSEWHERE, POLICY_ELSEWHERE,
            "DEFER 4.5.3", NULL},
        {"filter, not ours but bound", ROUTE_NOT_OURS, NULL, FILTER | ELSEWHERE,
            POLICY_ELSEWHERE, "DEFER 4.5.3", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        static struct route route;
        const struct policy_rules rules = {
            (rows[i].how & SMTP) != 0, (rows[i].how & FILTER) != 0, "moved"};
        const struct policy_facts facts = {&route, (rows[i].how & FROM_OLD) != 0,
            (rows[i].how & FROM_NEW) != 0, (rows[i].how & ELSEWHERE) != 0};
        struct policy_verdict verdict;

        print_message("# %s\n", rows[i].what);
        route.place = rows[i].place;
        route.state = rows[i].state;
        route.nexthop = "cutover-new:[192.0.2.20]:25";
        route.at_site = rows[i].place == ROUTE_OLD && rows[i].state == &site;
        verdict = policy_decide(&rules, &facts);
        assert_int_equal(verdict.answer, rows[i].answer);
        assert_true(span_is(verdict.action, rows[i].action));
        if (rows[i].text == NULL)
            assert_true(verdict.text.length > 0);
        else
            assert_true(span_is(verdict.text, rows[i].text));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_by_place_and_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
