/*
 * What the site knows of its people: right, wrong, and not to be told.
 */
#include "tests/unit/check_three.h"

#include <string.h>

#include "policyd/checks/check_people.h"
#include "shared/base/attributes.h"

static void
expect(
    enum check_name name, struct check *check, enum check_result wanted, const char *line)
{
    const char *found = check_found(check, check->arena);

    if (check->result != wanted || strstr(found, line) == NULL)
        fail_msg("%s: %s:\n%s", check_rows[name].name, check_result_name(check->result),
            found);
    three_note(name, check->result);
    check_begin(check, check->arena);
}

static void
judges_units(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    static const struct check_belongs together[] = {
        {"a.smith@x", "alice@x", ROUTE_NEW, ROUTE_NEW},
        {"b.jones@x", "bob@x", ROUTE_OLD, ROUTE_OLD}};
    static const struct check_belongs split[] = {
        {"a.smith@x", "alice@x", ROUTE_OLD, ROUTE_NEW}};
    static const struct check_belongs unsure[] = {
        {"a.smith@x", "alice@x", ROUTE_UNKNOWN, ROUTE_NEW}};
    struct check check;

    (void)state;
    check_begin(&check, arena);
    check_people_units(together, 2, &check);
    expect(CHECK_UNITS, &check, CHECK_PASS, "2 of 2 pairs");
    check_people_units(split, 1, &check);
    expect(CHECK_UNITS, &check, CHECK_FAIL, "a.smith@x goes to old, alice@x to new");
    check_people_units(unsure, 1, &check);
    expect(CHECK_UNITS, &check, CHECK_UNKNOWN, "no route is known");
    arena_free(arena);
}

static void
reads_lines(void **state)
{
    static const struct {
        const char *line;
        const char *address;
        const char *owner;
    } rows[] = {
        {"a.smith@x alice@x", "a.smith@x", "alice@x"},
        {"  a.smith:\talice  ", "a.smith", "alice"},
        {"# a b", NULL, NULL},
        {"", NULL, NULL},
        {"alone", NULL, NULL},
        {": alice", NULL, NULL},
        {"team alice, bob", NULL, NULL},
        {"team alice,bob", NULL, NULL},
        {"team :include:/x", NULL, NULL},
        {"team /var/mail/x", NULL, NULL},
        {"team |program", NULL, NULL},
        {"team \"|program\"", NULL, NULL},
    };
    struct check_room room;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct span address;
        struct span owner;
        bool read = check_people_read_alias(span_of(rows[i].line), &address, &owner);

        assert_int_equal(read, rows[i].address != NULL);
        if (read)
            assert_true(
                span_is(address, rows[i].address) && span_is(owner, rows[i].owner));
    }
    assert_true(check_people_read_room(SPAN("alice@x 2G\r"), &room));
    assert_true(span_is(room.address, "alice@x") && room.octets == UINT64_C(2) << 30);
    assert_true(check_people_read_room(SPAN("alice@x 0"), &room));
    assert_false(check_people_read_room(SPAN("alice@x"), &room));
    assert_false(check_people_read_room(SPAN("alice@x 2G more"), &room));
    assert_false(check_people_read_room(SPAN("alice@x many"), &room));
}

static void
judges_quota(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    static const struct check_quota fits[] = {
        {"a@x", 1000, 1000, true}, {"b@x", 1000, 0, true}};
    static const struct check_quota small[] = {
        {"a@x", UINT64_C(2) << 30, UINT64_C(1) << 30, true}};
    static const struct check_quota missing[] = {{"a@x", 1000, 0, false}};
    struct check check;

    (void)state;
    check_begin(&check, arena);
    check_people_quota(fits, 2, &check);
    expect(CHECK_QUOTA, &check, CHECK_PASS, "2 of 2 mailboxes fit");
    check_people_quota(small, 1, &check);
    expect(
        CHECK_QUOTA, &check, CHECK_FAIL, "uses 2048 MiB on old, has room for 1024 MiB");
    check_people_quota(missing, 1, &check);
    expect(CHECK_QUOTA, &check, CHECK_UNKNOWN, "a@x: not in [ctl] quota_new");
    arena_free(arena);
}

static void
judges_what_was_exported(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct check check;

    (void)state;
    check_begin(&check, arena);
    check_people_forwards(SPAN("# by hand\nforwards 2026-11-20 alice\n"
                               "filters 2026-11-21\r\n aliases  2026-11-22 all\n"),
        NULL, &check);
    expect(CHECK_FORWARDS, &check, CHECK_PASS, "filters: exported on 2026-11-21");
    check_people_forwards(
        SPAN("forwards 2026-11-20\nfilters soon\naliases 2026-11-2x\n"), NULL, &check);
    expect(CHECK_FORWARDS, &check, CHECK_FAIL, "filters: nobody says");
    check_people_forwards(SPAN(""), "permission denied", &check);
    expect(CHECK_FORWARDS, &check, CHECK_UNKNOWN, "permission denied");
    arena_free(arena);
}

static void
judges_loops_and_arrival(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    static const struct check_returned back[] = {
        {"a@x", "<1@y>", "new.example[192.0.2.20]"}};
    struct check check;

    (void)state;
    check_begin(&check, arena);
    check_people_loop(NULL, 12, 7, NULL, 0, &check);
    expect(CHECK_LOOP, &check, CHECK_PASS, "of 12 delivered to new in 7 days");
    check_people_loop(NULL, 12, 7, back, 1, &check);
    expect(
        CHECK_LOOP, &check, CHECK_FAIL, "<1@y> came back from new.example[192.0.2.20]");
    check_people_loop(NULL, 0, 7, NULL, 0, &check);
    expect(CHECK_LOOP, &check, CHECK_UNKNOWN, "no mail in 7 days");
    check_people_loop("the books are locked", 0, 7, NULL, 0, &check);
    expect(CHECK_LOOP, &check, CHECK_UNKNOWN, "are locked");

    check_people_arrival(
        &(struct check_arrival){.has_come = true, .after_ms = 1500}, &check);
    expect(CHECK_ARRIVAL, &check, CHECK_PASS, "seen after 1.5 s");
    check_people_arrival(&(struct check_arrival){.after_ms = 60000}, &check);
    expect(CHECK_ARRIVAL, &check, CHECK_FAIL, "not there after 60 s");
    check_people_arrival(&(struct check_arrival){.trouble = "login denied"}, &check);
    expect(CHECK_ARRIVAL, &check, CHECK_UNKNOWN, "login denied");
    arena_free(arena);
}

static void
has_three_of_each(void **state)
{
    (void)state;
    three_count(THREE_PEOPLE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_units),
        cmocka_unit_test(reads_lines),
        cmocka_unit_test(judges_quota),
        cmocka_unit_test(judges_what_was_exported),
        cmocka_unit_test(judges_loops_and_arrival),
        cmocka_unit_test(has_three_of_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
