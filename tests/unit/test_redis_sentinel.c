#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policyd/redis/redis_sentinel.h"
#include "shared/base/attributes.h"

static struct redis_reply
text(const char *value)
{
    return (struct redis_reply){.kind = REDIS_STRING, .text = span_of(value)};
}

static void
an_address_is_a_host_and_a_port(void **state)
{
    static const struct {
        const char *host;
        const char *port;
        bool known;
    } rows[] = {
        {"192.0.2.1", "6379", true},
        {"redis.example.net", "1", true},
        {"2001:db8::1", "65535", true},
        {"192.0.2.1", "0", false},
        {"192.0.2.1", "65536", false},
        {"192.0.2.1", "", false},
        {"192.0.2.1", "6379x", false},
        {"", "6379", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct redis_reply words[] = {text(rows[i].host), text(rows[i].port)};
        struct redis_reply reply = {
            .kind = REDIS_ARRAY, .elements = words, .count = ARRAY_LENGTH(words)};
        struct redis_sentinel sentinel = {.known = false};

        redis_sentinel_take_address(&sentinel, &reply);
        assert_int_equal(sentinel.known, rows[i].known);
        if (rows[i].known)
            assert_string_equal(sentinel.primary.host, rows[i].host);
    }
}

static void
what_is_no_address_says_nothing(void **state)
{
    struct redis_reply nil = {.kind = REDIS_NIL};
    struct redis_reply error = {.kind = REDIS_ERROR, .text = SPAN("NOAUTH")};
    struct redis_sentinel sentinel = {.known = false};

    (void)state;
    redis_sentinel_take_address(&sentinel, &nil);
    redis_sentinel_take_address(&sentinel, &error);
    redis_sentinel_take_epoch(&sentinel, &error);
    assert_false(sentinel.known);
    assert_true(sentinel.epoch == 0);
}

static void
the_highest_epoch_counts_and_the_first_of_equals(void **state)
{
    struct redis_sentinel none[2] = {{.known = false, .epoch = 9}, {.known = false}};
    struct redis_sentinel some[4] = {
        {.known = true, .epoch = 3},
        {.known = false, .epoch = 11},
        {.known = true, .epoch = 10},
        {.known = true, .epoch = 10},
    };
    struct redis_reply words[] = {
        text("name"), text("x"), text("config-epoch"), text("10")};
    struct redis_reply reply = {.kind = REDIS_ARRAY, .elements = words, .count = 4};
    struct redis_sentinel told = {.known = true};

    (void)state;
    assert_null(redis_sentinel_best(none, 2));
    assert_ptr_equal(redis_sentinel_best(some, 4), &some[2]);
    redis_sentinel_take_epoch(&told, &reply);
    assert_true(told.epoch == 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_a_host_and_a_port),
        cmocka_unit_test(what_is_no_address_says_nothing),
        cmocka_unit_test(the_highest_epoch_counts_and_the_first_of_equals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
