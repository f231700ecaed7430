/*
 * Local time by the zone's name, summer time included.
 */
#include "tests/unit/unit.h"

#include "shared/service/zone.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void
knows_zones_and_summer_time(void **state)
{
    static const struct {
        const char *zone;
        int64_t time;
        unsigned weekday;
        unsigned minute;
    } rows[] = {
        {"UTC", 1764000000, 1, 16 * 60}, /* Mon 24 Nov 2025 16:00 */
        {"Europe/Berlin", 1764000000, 1, 17 * 60},
        {"Europe/Berlin", 1751371200, 2, 14 * 60}, /* Tue 1 Jul 2025 12:00 UTC */
        {"Asia/Kolkata", 1764000000, 1, 21 * 60 + 30},
        {"America/New_York", 1764000000, 1, 11 * 60},
        {"Pacific/Auckland", 1764000000, 2, 5 * 60},
    };

    (void)state;
    if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) != 0)
        skip();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned weekday = 9;
        unsigned minute = 9999;

        assert_true(zone_local(rows[i].zone, rows[i].time, &weekday, &minute));
        assert_int_equal(weekday, rows[i].weekday);
        assert_int_equal(minute, rows[i].minute);
    }
}

static void
refuses_what_is_no_zone(void **state)
{
    static const char *const names[] = {
        "", "Europe/Berlinn", "../../etc/passwd", "/etc/localtime", "nonsense"};
    unsigned weekday = 9;
    unsigned minute = 9999;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_false(zone_local(names[i], 1764000000, &weekday, &minute));
    assert_int_equal(weekday, 9);
}

static void
leaves_the_process_its_own(void **state)
{
    unsigned weekday;
    unsigned minute;

    (void)state;
    (void)setenv("TZ", "UTC-5", 1);
    tzset();
    (void)zone_local("UTC", 1764000000, &weekday, &minute);
    assert_string_equal(getenv("TZ"), "UTC-5");
    assert_int_equal(timezone, -5 * 3600);
    (void)unsetenv("TZ");
    (void)zone_local("UTC", 1764000000, &weekday, &minute);
    assert_null(getenv("TZ"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_zones_and_summer_time),
        cmocka_unit_test(refuses_what_is_no_zone),
        cmocka_unit_test(leaves_the_process_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
