/*
 * The journal's files by their names, and which of them go: the oldest, by age and by
 * room, never the one that is written.
 */
#include "tests/unit/unit.h"

#include "policyd/copies/copies_name.h"
#include "shared/base/attributes.h"

#include <stdlib.h>

#define HOUR INT64_C(1795986000) /* 2026-11-29T21:00:00Z */

static void
names_are_read_back(void **state)
{
    static const char *const bad[] = {"", "told.json", "20261129T210000Z-0001.und",
        "20261129T210000Z-001.undo", "20261329T210000Z-0001.undo",
        "20261129T210000Z-00x1.undo", "20261129T210000Z_0001.undo",
        "20261129T250000Z-0001.undo"};
    const struct copies_name name = {HOUR, 12};
    struct copies_name again;
    char text[COPIES_NAME_SIZE];

    (void)state;
    copies_name_write(&name, text);
    assert_string_equal(text, "20261129T210000Z-0012.undo");
    assert_true(copies_name_read(span_of(text), &again));
    assert_true(again.hour == name.hour && again.part == name.part);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        print_message("# %s\n", bad[i]);
        assert_false(copies_name_read(span_of(bad[i]), &again));
    }
}

static void
the_oldest_go_first(void **state)
{
    static const struct {
        const char *what;
        uint64_t octets;
        uint64_t coming;
        int64_t now;
        size_t surplus;
    } rows[] = {
        {"all have room", 1000, 0, HOUR + 3 * 3600, 0},
        {"just so", 600, 0, HOUR + 3 * 3600, 0},
        {"one octet too many", 599, 0, HOUR + 3 * 3600, 1},
        {"what comes counts", 600, 1, HOUR + 3 * 3600, 1},
        {"two make the room", 300, 0, HOUR + 3 * 3600, 2},
        {"the last one stays", 10, 0, HOUR + 3 * 3600, 2},
        {"an hour is over when all of it is", 1000, 0, HOUR + 3600 + 7200, 0},
        {"and then it goes", 1000, 0, HOUR + 3600 + 7201, 1},
        {"all are too old", 1000, 0, HOUR + 100 * 3600, 2},
    };
    struct copies_file files[] = {
        {{HOUR + 7200, 1}, 300},
        {{HOUR, 1}, 100},
        {{HOUR + 3600, 1}, 200},
    };

    (void)state;
    qsort(files, ARRAY_LENGTH(files), sizeof(files[0]), copies_file_compare);
    assert_int_equal(files[0].size, 100);
    assert_int_equal(files[2].size, 300);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct copies_limits limits = {7200, rows[i].octets};

        print_message("# %s\n", rows[i].what);
        assert_int_equal(copies_name_surplus(files, ARRAY_LENGTH(files), &limits,
                             rows[i].coming, rows[i].now),
            rows[i].surplus);
    }
    assert_int_equal(
        copies_name_surplus(files, 0, &(struct copies_limits){0, 0}, 5, HOUR), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_back),
        cmocka_unit_test(the_oldest_go_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
