/*
 * Hours in which a plan may advance: what is allowed to be written, and when it is open.
 */
#include "tests/unit/unit.h"

#include "policyd/plan/plan_window.h"
#include "shared/base/attributes.h"

#include <string.h>

enum { SUN, MON, TUE, WED, THU, FRI, SAT };

#define AT(day, hour, minute_)                                                           \
    {                                                                                    \
        day, (hour)*60 + (minute_)                                                       \
    }

static struct plan_window
window_of(const char *text)
{
    struct plan_window window = {0};
    struct error error = {0};

    if (text[0] != '\0')
        assert_true(plan_window_parse(span_of(text), &window, &error));
    return window;
}

static void
refuses_what_is_no_window(void **state)
{
    static const char *const rows[] = {
        "",
        " ",
        "Mon-Fri",
        "Mon",
        "8:00-16:00",
        "08:00",
        "08:00-16",
        "08:00-16:60",
        "08:00-24:01",
        "24:00-08:00",
        "25:00-26:00",
        "08:00-08:00",
        "08:00 - 16:00",
        "Mon - Fri 08:00-16:00",
        "Mon-Fri 08:00-16:00 Europe/Berlin",
        "Monday 08:00-16:00",
        "Mon- 08:00-16:00",
        "-Fri 08:00-16:00",
        "Mon-Fri-Sat 08:00-16:00",
        "Mon-Fri 08:00-16:00,",
        ",Mon-Fri 08:00-16:00",
        "Mon-Fri 08:00-16:00; Sat 08:00-12:00",
        "Mon-Fri 08:00-16:00-18:00",
        "Mon-Fri 08:00\n-16:00",
        "+8:00-16:00",
        "08:-1-16:00",
        "00:00-01:00,00:00-01:00,00:00-01:00,00:00-01:00,00:00-01:00,00:00-01:00,"
        "00:00-01:00,00:00-01:00,00:00-01:00,00:00-01:00,00:00-01:00,00:00-01:00,"
        "00:00-01:00,00:00-01:00,00:00-01:00,00:00-01:00,00:00-01:00",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct plan_window window = {.count = 7};
        struct error error = {0};

        if (plan_window_parse(span_of(rows[i]), &window, &error))
            fail_msg("taken: \"%s\"", rows[i]);
        assert_int_equal(error.kind, ERROR_PERMANENT);
        assert_int_equal(window.count, 7);
    }
}

static void
is_open_in_its_hours(void **state)
{
    static const struct {
        const char *window;
        struct plan_local at;
        bool open;
    } rows[] = {
        {"", AT(SUN, 3, 0), true},
        {"Mon-Fri 08:00-16:00", AT(MON, 7, 59), false},
        {"Mon-Fri 08:00-16:00", AT(MON, 8, 0), true},
        {"Mon-Fri 08:00-16:00", AT(FRI, 15, 59), true},
        {"Mon-Fri 08:00-16:00", AT(FRI, 16, 0), false},
        {"Mon-Fri 08:00-16:00", AT(SAT, 12, 0), false},
        {"Mon-Fri 08:00-16:00", AT(SUN, 12, 0), false},
        {"mON-fRI  08:00-16:00 ", AT(WED, 12, 0), true},
        {"Sat-Mon 08:00-16:00", AT(SUN, 12, 0), true},
        {"Sat-Mon 08:00-16:00", AT(MON, 12, 0), true},
        {"Sat-Mon 08:00-16:00", AT(TUE, 12, 0), false},
        {"Sat-Mon 08:00-16:00", AT(FRI, 12, 0), false},
        {"Sat 08:00-16:00", AT(SAT, 12, 0), true},
        {"Sat 08:00-16:00", AT(FRI, 12, 0), false},
        {"Mon-Mon 08:00-16:00", AT(TUE, 12, 0), false},
        {"08:00-16:00", AT(SUN, 8, 0), true},
        {"08:00-16:00", AT(SUN, 16, 0), false},
        {"Tue 00:00-24:00", AT(TUE, 0, 0), true},
        {"Tue 00:00-24:00", AT(TUE, 23, 59), true},
        {"Tue 00:00-24:00", AT(WED, 0, 0), false},
        {"Sat 22:00-02:00", AT(SAT, 22, 0), true},
        {"Sat 22:00-02:00", AT(SUN, 1, 59), true},
        {"Sat 22:00-02:00", AT(SUN, 2, 0), false},
        {"Sat 22:00-02:00", AT(SAT, 1, 0), false},
        {"Sat 22:00-02:00", AT(SUN, 22, 0), false},
        {"Fri 22:00-00:00", AT(FRI, 23, 59), true},
        {"Fri 22:00-00:00", AT(SAT, 0, 0), false},
        {"Mon-Thu 08:00-16:00, Fri 08:00-12:00", AT(FRI, 11, 59), true},
        {"Mon-Thu 08:00-16:00, Fri 08:00-12:00", AT(FRI, 12, 0), false},
        {"Mon-Thu 08:00-16:00,Fri 08:00-12:00", AT(THU, 15, 0), true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct plan_window window = window_of(rows[i].window);

        if (plan_window_is_open(&window, rows[i].at) != rows[i].open)
            fail_msg("row %zu: %s", i, rows[i].window);
    }
}

static void
tells_when_it_opens_and_closes(void **state)
{
    static const struct {
        const char *window;
        struct plan_local at;
        unsigned opens;
        const char *opens_text;
        unsigned closes;
        const char *closes_text;
    } rows[] = {
        {"Mon-Fri 08:00-16:00", AT(FRI, 16, 0), 64 * 60, "Mon 08:00", 0, "Fri 16:00"},
        {"Mon-Fri 08:00-16:00", AT(MON, 7, 30), 30, "Mon 08:00", 0, "Mon 07:30"},
        {"Mon-Fri 08:00-16:00", AT(MON, 15, 30), 0, "Mon 15:30", 30, "Mon 16:00"},
        {"Sat 08:00-09:00", AT(SAT, 9, 0), 167 * 60, "Sat 08:00", 0, "Sat 09:00"},
        {"Sat 22:00-02:00", AT(SAT, 23, 0), 0, "Sat 23:00", 180, "Sun 02:00"},
        {"00:00-24:00", AT(SAT, 23, 0), 0, "Sat 23:00", 7 * 1440, "Sat 23:00"},
        {"Mon 00:00-24:00,Tue 00:00-01:00", AT(MON, 23, 0), 0, "Mon 23:00", 120,
            "Tue 01:00"},
        {"", AT(SUN, 0, 0), 0, "Sun 00:00", 7 * 1440, "Sun 00:00"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct plan_window window = window_of(rows[i].window);
        char text[PLAN_LOCAL_MAX];

        assert_int_equal(plan_window_opens(&window, rows[i].at, text), rows[i].opens);
        assert_string_equal(text, rows[i].opens_text);
        assert_int_equal(plan_window_closes(&window, rows[i].at, text), rows[i].closes);
        assert_string_equal(text, rows[i].closes_text);
    }
}

static void
goes_round_the_week(void **state)
{
    static const struct {
        struct plan_local from;
        int64_t minutes;
        const char *wanted;
    } rows[] = {
        {AT(SAT, 23, 59), 1, "Sun 00:00"},
        {AT(SUN, 0, 0), -1, "Sat 23:59"},
        {AT(WED, 12, 0), -3 * 1440, "Sun 12:00"},
        {AT(WED, 12, 0), INT64_C(70) * 1440, "Wed 12:00"},
        {AT(WED, 12, 0), INT64_C(-70) * 1440 - 60, "Wed 11:00"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char text[PLAN_LOCAL_MAX];

        plan_local_write(plan_local_after(rows[i].from, rows[i].minutes), text);
        assert_string_equal(text, rows[i].wanted);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_window),
        cmocka_unit_test(is_open_in_its_hours),
        cmocka_unit_test(tells_when_it_opens_and_closes),
        cmocka_unit_test(goes_round_the_week),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
