/*
 * Whether the figures can be believed: each cause, its limit, and which goes before
 * which.
 */
#include "tests/unit/unit.h"

#include "policyd/plan/plan_doubt.h"
#include "shared/base/attributes.h"

#include <string.h>

enum { SLOT_MS = 60000 };

static void
finds_each_cause(void **state)
{
    static const struct {
        const char *what;
        struct plan_sources sources;
        const char *wanted; /* "": none */
        int64_t since;
    } rows[] = {
        {"all is well", {.redis_up = true, .probe_good = true}, "", 0},
        {"Redis is down", {.redis_down_since = 77},
            "Redis is not there, so what other gateways counted is missing", 77},
        {"the log is silent and the probe succeeds",
            {.redis_up = true,
                .log_silent = true,
                .log_silent_since = 5,
                .probe_good = true},
            "no line of Postfix for 10 min, though the probe of new succeeds", 5},
        {"the log is silent and so is new",
            {.redis_up = true, .log_silent = true, .log_silent_since = 5}, "", 0},
        {"a clock step", {.redis_up = true, .clock_step = 99},
            "the clock was set, so times of the last hour can't be told apart", 99},
        {"books two slots behind", {.redis_up = true, .books_behind_ms = 2 * SLOT_MS}, "",
            0},
        {"books more than two slots behind",
            {.redis_up = true, .books_behind_ms = 5 * SLOT_MS + 1},
            "the books are 5 min behind (at most 2 min)", 0},
        {"clocks a little apart", {.redis_up = true, .clock_ahead_s = -10}, "", 0},
        {"ahead", {.redis_up = true, .clock_ahead_s = 3600, .silent_gateway = "gw2"},
            "this machine's clock is 1 h ahead of Redis' (at most 10 s)", 0},
        {"behind", {.redis_up = true, .clock_ahead_s = -11, .clock_step = 3},
            "this machine's clock is 11 s behind Redis' (at most 10 s)", 0},
        {"a silent gateway",
            {.redis_up = true,
                .silent_gateway = "gw2",
                .silent_since = 8,
                .silent_waiting = 12},
            "the controller of gw2 is silent: its counts are missing, and 12 messages "
            "waited there",
            8},
        {"one message", {.redis_up = true, .silent_gateway = "gw2", .silent_waiting = 1},
            "the controller of gw2 is silent: its counts are missing, and 1 message "
            "waited there",
            0},
        {"Redis goes before all",
            {.redis_down_since = 77,
                .log_silent = true,
                .probe_good = true,
                .clock_step = 3,
                .silent_gateway = "gw2",
                .silent_since = 8},
            "Redis is not there, so what other gateways counted is missing", 77},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct plan_doubt doubt;

        memset(&doubt, 'x', sizeof(doubt));
        plan_doubt_find(&rows[i].sources, SLOT_MS, &doubt);
        if (strcmp(doubt.text, rows[i].wanted) != 0 || doubt.since != rows[i].since)
            fail_msg("%s: %s", rows[i].what, doubt.text);
    }
}

static void
cuts_what_is_too_long(void **state)
{
    char name[1000];
    struct plan_sources sources = {.redis_up = true, .silent_gateway = name};
    struct plan_doubt doubt;

    (void)state;
    memset(name, 'g', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    plan_doubt_find(&sources, SLOT_MS, &doubt);
    assert_int_equal(strlen(doubt.text), PLAN_TEXT_MAX - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_each_cause),
        cmocka_unit_test(cuts_what_is_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
