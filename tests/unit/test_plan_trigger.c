/*
 * Triggers: by whole slots that have ended, once the window is full since the last
 * transition; what is missing never pulls.
 */
#include "tests/unit/unit.h"

#include "policyd/plan/plan_trigger.h"
#include "shared/base/attributes.h"

#include <string.h>

enum { SLOT_MS = 60000, SLOTS = 6 };

#define START INT64_C(1790000040000)

static int64_t
at(int64_t slot)
{
    return START + slot * SLOT_MS;
}

/* One letter a slot: g ten good, b ten bad, h half of ten, 1 one bad, p nothing and a
 * good probe, P nothing and a bad one, 0 zeroes, blank none. */
static struct plan_series
series_of(const char *slots)
{
    static const struct {
        char letter;
        uint64_t ok;
        uint64_t fail;
        enum plan_probe probe;
    } kinds[] = {
        {'g', 10, 0, PLAN_PROBE_NONE},
        {'b', 0, 10, PLAN_PROBE_NONE},
        {'h', 5, 5, PLAN_PROBE_NONE},
        {'1', 0, 1, PLAN_PROBE_NONE},
        {'p', 0, 0, PLAN_PROBE_GOOD},
        {'P', 0, 0, PLAN_PROBE_BAD},
        {'0', 0, 0, PLAN_PROBE_NONE},
    };
    struct plan_series series = {.slot_ms = SLOT_MS};

    for (size_t i = 0; slots[i] != '\0'; i++) {
        for (size_t n = 0; n < ARRAY_LENGTH(kinds); n++) {
            struct plan_slot *slot;

            if (kinds[n].letter != slots[i])
                continue;
            slot = plan_series_at(&series, at((int64_t)i));
            slot->sides[SIDE_NEW].ok = kinds[n].ok;
            slot->sides[SIDE_NEW].fail = kinds[n].fail;
            slot->probes[SIDE_NEW] = kinds[n].probe;
            slot->sides[SIDE_OLD].fail = 100;
        }
    }
    return series;
}

static void
looks_at_its_window(void **state)
{
    static const struct {
        const char *what;
        const char *slots; /* the last one has not ended */
        int64_t since_ms;  /* behind the first slot */
        bool pulled;
        int64_t bad_slot; /* at whose end it began */
        const char *text;
    } rows[] = {
        {"all good", "gggggg", 0, false, 0,
            "availability of new 100.00 % for 5 min (at least 50 %)"},
        {"all bad", "bbbbbg", 0, true, 0,
            "availability of new 0.00 % for 5 min (below 50 %)"},
        {"at the limit", "hhhhhb", 0, false, 0,
            "availability of new 50.00 % for 5 min (at least 50 %)"},
        {"below the limit", "ghbbhb", 0, true, 2,
            "availability of new 40.00 % for 5 min (below 50 %)"},
        {"what has not ended does not count", "gghhhb", 0, false, 0,
            "availability of new 70.00 % for 5 min (at least 50 %)"},
        {"bad from the third on", "ggbbbg", 0, true, 2,
            "availability of new 40.00 % for 5 min (below 50 %)"},
        {"a transition within the first slot", "bbbbbb", 1, false, 0,
            "not known: 5 min since the last transition are over in 30 s"},
        {"a transition just now", "bbbbbb", 5 * SLOT_MS + 30000, false, 0,
            "not known: 5 min since the last transition are over in 5 min"},
        {"a transition in the future", "bbbbbb", 10 * SLOT_MS, false, 0,
            "not known: 5 min since the last transition are over in 9 min"},
        {"long ago", "bbbbbb", -1000 * SLOT_MS, true, 0,
            "availability of new 0.00 % for 5 min (below 50 %)"},
        {"no traffic, the probe is bad", "PPPPPP", 0, true, 0,
            "availability of new 0.00 % for 5 min (below 50 %)"},
        {"no traffic, the probe is good", "pppppP", 0, false, 0,
            "availability of new 100.00 % for 5 min (at least 50 %)"},
        {"no data", "", 0, false, 0,
            "not known: 0 first attempts on new and no probe in 5 min"},
        {"zeroes", "000000", 0, false, 0,
            "not known: 0 first attempts on new and no probe in 5 min"},
        {"one mail is no availability", "  1  g", 0, false, 0,
            "not known: 1 first attempt on new and no probe in 5 min"},
        {"missing slots do not pull", "g   gb", 0, false, 0,
            "availability of new 100.00 % for 5 min (at least 50 %)"},
        {"bad slots beside missing ones do", "  b  g", 0, true, 2,
            "availability of new 0.00 % for 5 min (below 50 %)"},
    };
    static const struct plan_trigger fast = {5000, 5 * SLOT_MS, PLAN_ACTION_FREEZE};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct plan_series series = series_of(rows[i].slots);
        struct plan_alarm alarm;

        plan_trigger_look(
            &fast, &series, START + rows[i].since_ms, at(5) + 30000, &alarm);
        if (strcmp(alarm.text, rows[i].text) != 0)
            fail_msg("%s: %s", rows[i].what, alarm.text);
        assert_int_equal(alarm.is_pulled, rows[i].pulled);
        assert_int_equal(
            alarm.bad_since_ms, rows[i].pulled ? at(rows[i].bad_slot + 1) : 0);
        assert_true(
            (alarm.availability == -1) == (strncmp(alarm.text, "not known", 9) == 0));
        plan_series_clear(&series);
    }
}

static void
is_full_to_the_millisecond(void **state)
{
    static const struct plan_trigger fast = {5000, 5 * SLOT_MS, PLAN_ACTION_FREEZE};
    struct plan_series series = series_of("bbbbbb");
    struct plan_alarm alarm;

    (void)state;
    plan_trigger_look(&fast, &series, START, at(5) - 1, &alarm);
    assert_false(alarm.is_pulled);
    plan_trigger_look(&fast, &series, START, at(5), &alarm);
    assert_true(alarm.is_pulled);
    assert_int_equal(alarm.samples, 50);
    plan_series_clear(&series);
}

static void
takes_whole_slots_of_an_odd_window(void **state)
{
    /* 90 s are two slots of a minute. */
    static const struct plan_trigger odd = {5000, 90000, PLAN_ACTION_NONE};
    static const struct plan_trigger second = {9500, 1, PLAN_ACTION_ROLLBACK};
    struct plan_series series = series_of("gb");
    struct plan_alarm alarm;

    (void)state;
    plan_trigger_look(&odd, &series, START, at(2), &alarm);
    assert_int_equal(alarm.samples, 20);
    assert_true(alarm.availability == 0.5);
    /* Whatever the action: pulled is what was seen. */
    plan_trigger_look(&second, &series, START, at(2), &alarm);
    assert_true(alarm.is_pulled);
    assert_int_equal(alarm.samples, 10);
    assert_string_equal(alarm.text, "availability of new 0.00 % for 1 min (below 95 %)");
    plan_series_clear(&series);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looks_at_its_window),
        cmocka_unit_test(is_full_to_the_millisecond),
        cmocka_unit_test(takes_whole_slots_of_an_odd_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
