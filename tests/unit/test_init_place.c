/*
 * Backends as people write them, and what the file has to allow for them.
 */
#include "tests/unit/unit.h"

#include "policyd/terminal/init_place.h"
#include "shared/base/attributes.h"

enum { ARENA_SIZE = 1 << 20 };

static void
makes_routes(void **state)
{
    static const struct {
        const char *text;
        const char *side;
        const char *wanted;
    } rows[] = {
        {"192.0.2.20", "new", "cutover-new:[192.0.2.20]:25"},
        {"new.example.net", "new", "cutover-new:[new.example.net]:25"},
        {"new.example.net:2525", "old", "cutover-old:[new.example.net]:2525"},
        {"[192.0.2.20]", "new", "cutover-new:[192.0.2.20]:25"},
        {"[192.0.2.20]:26", "new", "cutover-new:[192.0.2.20]:26"},
        {"2001:db8::1", "new", "cutover-new:[2001:db8::1]:25"},
        {"[2001:db8::1]:26", "new", "cutover-new:[2001:db8::1]:26"},
        {"smtp:new.example.net", "new", "cutover-new:[new.example.net]:25"},
        {"smtp:[new.example.net]:26", "new", "cutover-new:[new.example.net]:26"},
        {"lmtp:192.0.2.20", "new", "cutover-new-lmtp:[192.0.2.20]:24"},
        {"lmtp:192.0.2.20:2424", "new", "cutover-new-lmtp:[192.0.2.20]:2424"},
        {"lmtp:unix:/run/lmtp", "new", "cutover-new-lmtp:unix:/run/lmtp"},
        {"unix:/run/lmtp", "old", "cutover-old-lmtp:unix:/run/lmtp"},
        {"site", "old", "site"},
        {"relay:[192.0.2.10]:25", "old", "relay:[192.0.2.10]:25"},
        {"cutover-new:[192.0.2.20]:25", "new", "cutover-new:[192.0.2.20]:25"},
        {"cutover-new-lmtp:unix:/run/lmtp", "new", "cutover-new-lmtp:unix:/run/lmtp"},
        {"cutover-new:[a.example]:25,[b.example]:25", "new",
            "cutover-new:[a.example]:25,[b.example]:25"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct arena *arena = arena_new(ARENA_SIZE);
        const char *route = NULL;
        struct error error;

        print_message("# %s\n", rows[i].text);
        assert_true(
            init_place_read(span_of(rows[i].text), rows[i].side, arena, &route, &error));
        assert_string_equal(route, rows[i].wanted);
        arena_free(arena);
    }
}

static void
refuses_what_is_none(void **state)
{
    static const char *const rows[] = {"", "site", "127.1", "a b", "[192.0.2.20",
        "[192.0.2.20]25", "[192.0.2.20]:", "192.0.2.20:", "192.0.2.20:0",
        "192.0.2.20:99999", "192.0.2.20:smtp", "a..b", "unix:", "unix:/a b",
        "lmtp:", "x@y", "new.example.net/25", "\xc3\xa4.example", "a\nb", "2001:db8::g"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct arena *arena = arena_new(ARENA_SIZE);
        const char *route = NULL;
        struct error error = {ERROR_NONE, ""};

        print_message("# %s\n", rows[i]);
        assert_false(init_place_read(span_of(rows[i]), "new", arena, &route, &error));
        assert_true(error.text[0] != '\0');
        arena_free(arena);
    }
}

static void
says_what_must_be_allowed(void **state)
{
    static const struct {
        const char *route;
        const char *transport;
        bool loopback;
    } rows[] = {
        {"site", NULL, false},
        {"cutover-new:[192.0.2.20]:25", NULL, false},
        {"relay:[192.0.2.10]:25", "relay", false},
        {"cutover-new:[127.0.0.1]:2525", NULL, true},
        {"cutover-new:[localhost]:2525", NULL, true},
        {"cutover-new:[192.0.2.99]:25", NULL, true},
        {"cutover-new-lmtp:unix:/run/lmtp", NULL, false},
        {"mine-lmtp:unix:/run/lmtp", "mine-lmtp", false},
    };
    static const char *const own[] = {"192.0.2.99"};
    static const char *const none[] = {"192.0.2.1"};
    const struct domain_state_rules rules = {.nexthops = none,
        .nexthop_count = 1,
        .own_addresses = own,
        .own_address_count = 1};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct arena *arena = arena_new(ARENA_SIZE);
        struct init_place_needs needs;
        struct error error;

        print_message("# %s\n", rows[i].route);
        assert_true(init_place_needs(rows[i].route, &rules, arena, &needs, &error));
        if (rows[i].transport == NULL)
            assert_null(needs.transport);
        else
            assert_string_equal(needs.transport, rows[i].transport);
        assert_int_equal(needs.loopback, rows[i].loopback);
        arena_free(arena);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_routes),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(says_what_must_be_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
