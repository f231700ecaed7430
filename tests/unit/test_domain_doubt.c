/*
 * States that are allowed and hardly meant.
 */
#include "tests/unit/unit.h"

#include "policyd/state/domain_doubt.h"
#include "shared/base/attributes.h"

#include <string.h>

#define OLD "cutover-old:[192.0.2.10]:25"
#define NEW "cutover-new:[192.0.2.20]:25"

static void
doubts_what_is_hardly_meant(void **state)
{
    static const struct {
        const char *what;
        const char *from[2]; /* old and new; NULL: nothing was there */
        const char *to[2];
        const char *doubt; /* what it has; NULL: none */
    } rows[] = {
        {"the usual", {NULL}, {OLD, NEW}, NULL},
        {"old=site", {NULL}, {"site", NEW}, NULL},
        {"services of the site's own", {NULL}, {"relay:[a]:25", "smtp:[b]:25"}, NULL},
        {"by LMTP", {NULL}, {"cutover-old-lmtp:[a]:24", "cutover-new-lmtp:[b]:24"}, NULL},
        {"other ports", {NULL}, {"cutover-old:[a]:25", "cutover-new:[a]:26"}, NULL},
        {"forgotten, without routes", {NULL}, {"", ""}, NULL},
        {"equal", {NULL}, {NEW, NEW}, "the same place"},
        {"equal but for the service", {NULL},
            {"cutover-old:[A.example]:25", "cutover-new:[a.example]:25"},
            "the same place"},
        {"old by new's service", {NULL}, {"cutover-new:[a]:25", NEW}, "`old`"},
        {"old by new's LMTP", {NULL}, {"cutover-new-lmtp:[a]:24", NEW}, "`old`"},
        {"old by standby's", {NULL}, {"cutover-standby:[a]:25", NEW}, "`old`"},
        {"new by old's service", {NULL}, {OLD, "cutover-old:[b]:25"}, "`new`"},
        {"the same as before", {OLD, NEW}, {OLD, NEW}, NULL},
        {"another new", {OLD, NEW}, {OLD, "cutover-new:[192.0.2.30]:25"}, NULL},
        {"swapped hosts", {OLD, NEW},
            {"cutover-old:[192.0.2.20]:25", "cutover-new:[192.0.2.10]:25"}, "swapping"},
        {"from the site", {"site", NEW}, {OLD, NEW}, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct domain_state from = {
            .old_route = rows[i].from[0], .new_route = rows[i].from[1]};
        const struct domain_state to = {
            .old_route = rows[i].to[0], .new_route = rows[i].to[1]};
        const char *doubt = domain_doubt(rows[i].from[0] == NULL ? NULL : &from, &to);

        print_message("# %s\n", rows[i].what);
        assert_int_equal(doubt != NULL, rows[i].doubt != NULL);
        if (doubt != NULL)
            assert_non_null(strstr(doubt, rows[i].doubt));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubts_what_is_hardly_meant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
