/*
 * Looks at a gateway, and when it is up or down for those who ask.
 */
#include "tests/unit/unit.h"

#include "policyd/gateways/health.h"

#include <stdio.h>
#include <string.h>

/* "G" "B" "L" (leaving) at the times given; the flips as "up 0, down 1000". */
static const char *
flips_of(const char *looks, const uint64_t *times)
{
    static char said[400];
    struct health health = {.is_known = false};

    said[0] = '\0';
    for (size_t i = 0; looks[i] != '\0'; i++) {
        enum health_look look = looks[i] == 'G'   ? HEALTH_GOOD
                                : looks[i] == 'B' ? HEALTH_BAD
                                                  : HEALTH_LEAVING;
        size_t length = strlen(said);

        if (health_take(&health, times[i], look))
            (void)snprintf(said + length, sizeof(said) - length, "%s%s %u",
                length > 0 ? ", " : "", health.is_up ? "up" : "down", (unsigned)times[i]);
    }
    return said;
}

static void
flips_where_it_is_stated(void **state)
{
    static const struct {
        const char *looks;
        uint64_t times[16];
        const char *wanted;
    } rows[] = {
        {"G", {0}, "up 0"},
        {"B", {0}, "down 0"},
        {"GGG", {0, 500, 1000}, "up 0"},
        /* One bad look is none; two within 2 s are. */
        {"GB", {0, 500}, "up 0"},
        {"GBGGGG", {0, 500, 1000, 1500, 2000, 2500}, "up 0"},
        {"GBB", {0, 500, 1000}, "up 0, down 1000"},
        {"GBB", {0, 500, 2500}, "up 0, down 2500"},
        {"GBB", {0, 500, 2501}, "up 0"},
        {"GBGB", {0, 500, 1000, 1500}, "up 0, down 1500"},
        {"GBGGGGB", {0, 500, 1000, 1500, 2000, 2500, 3000}, "up 0"},
        /* Three good ones in a row within 10 s. */
        {"BGGG", {0, 3000, 6000, 9000}, "down 0, up 9000"},
        {"BGG", {0, 3000, 6000}, "down 0"},
        {"BGGBGGG", {0, 3000, 6000, 9000, 12000, 15000, 18000}, "down 0, up 18000"},
        {"BGGG", {0, 1000, 6000, 11001}, "down 0"},
        {"BGGGG", {0, 1000, 6000, 11001, 12000}, "down 0, up 12000"},
        {"GBBBGGG", {0, 500, 1000, 4000, 7000, 10000, 13000},
            "up 0, down 1000, up 13000"},
        /* After that the bad ones of before are forgotten. */
        {"BGGGB", {0, 100, 200, 300, 400}, "down 0, up 300"},
        {"BGGGBB", {0, 100, 200, 300, 400, 500}, "down 0, up 300, down 500"},
        /* It says so itself. */
        {"GL", {0, 100}, "up 0, down 100"},
        {"GLGGG", {0, 100, 3100, 6100, 9100}, "up 0, down 100, up 9100"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(flips_of(rows[i].looks, rows[i].times), rows[i].wanted);
}

static void
looks_often_enough(void **state)
{
    struct health health = {.is_known = false};

    (void)state;
    /* A bad look may come a pause after it broke, and each may take most of a pause. */
    (void)health_take(&health, 0, HEALTH_GOOD);
    assert_true(3 * health_pause_ms(&health) <= HEALTH_FALL_MS);
    (void)health_take(&health, 0, HEALTH_LEAVING);
    assert_true(HEALTH_RISE_LOOKS * health_pause_ms(&health) <= HEALTH_RISE_MS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flips_where_it_is_stated),
        cmocka_unit_test(looks_often_enough),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
