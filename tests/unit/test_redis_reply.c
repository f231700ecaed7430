#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "policyd/redis/redis_reply.h"
#include "shared/base/attributes.h"

struct reading {
    struct redisReader *reader;
    struct redis_pool *pool;
};

static void
open_reading(struct reading *reading)
{
    reading->reader = redisReaderCreate();
    reading->pool = redis_pool_new();
    redis_pool_attach(reading->pool, reading->reader);
}

static void
close_reading(struct reading *reading)
{
    redisReaderFree(reading->reader);
    redis_pool_free(reading->pool);
}

/* NULL: not yet a whole reply, or none at all (`bad`). */
static const struct redis_reply *
feed(struct reading *reading, struct span octets, bool *bad)
{
    void *reply = NULL;

    redisReaderFeed(reading->reader, octets.data, octets.length);
    *bad = redisReaderGetReply(reading->reader, &reply) != REDIS_OK;
    return reply;
}

static void
each_kind_is_told_apart(void **state)
{
    static const struct {
        const char *octets;
        enum redis_kind kind;
        const char *text;
        int64_t integer;
        size_t count;
    } rows[] = {
        {"+OK\r\n", REDIS_STATUS, "OK", 0, 0},
        {"-WRONGTYPE Operation\r\n", REDIS_ERROR, "WRONGTYPE Operation", 0, 0},
        {":-12\r\n", REDIS_INTEGER, "", -12, 0},
        {"$-1\r\n", REDIS_NIL, "", 0, 0},
        {"*-1\r\n", REDIS_NIL, "", 0, 0},
        {"$0\r\n\r\n", REDIS_STRING, "", 0, 0},
        {"$4\r\na\r\nb\r\n", REDIS_STRING, "a\r\nb", 0, 0},
        {"*0\r\n", REDIS_ARRAY, "", 0, 0},
        {"*2\r\n:1\r\n$1\r\nx\r\n", REDIS_ARRAY, "", 0, 2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct reading reading;
        const struct redis_reply *reply;
        bool bad;

        open_reading(&reading);
        reply = feed(&reading, span_of(rows[i].octets), &bad);
        assert_false(bad);
        assert_non_null(reply);
        assert_int_equal(reply->kind, rows[i].kind);
        assert_true(span_is(reply->text, rows[i].text));
        assert_int_equal(reply->integer, rows[i].integer);
        assert_int_equal(reply->count, rows[i].count);
        close_reading(&reading);
    }
}

static void
arrays_stand_in_arrays(void **state)
{
    struct reading reading;
    const struct redis_reply *reply;
    bool bad;

    (void)state;
    open_reading(&reading);
    assert_null(
        feed(&reading, SPAN("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n*2\r\n$3\r\na"), &bad));
    reply = feed(&reading, SPAN("bc\r\n$2\r\nde\r\n"), &bad);
    assert_true(redis_reply_is_array(reply, 3));
    assert_true(span_is(reply->elements[0].text, "message"));
    assert_true(redis_reply_is_array(&reply->elements[2], 2));
    assert_true(span_is(reply->elements[2].elements[0].text, "abc"));
    assert_true(span_is(reply->elements[2].elements[1].text, "de"));
    close_reading(&reading);
}

static void
large_replies_and_many_of_them(void **state)
{
    struct reading reading;
    const struct redis_reply *reply = NULL;
    bool bad;

    (void)state;
    open_reading(&reading);
    for (int round = 0; round < 3; round++) {
        (void)feed(&reading, SPAN("*200000\r\n"), &bad);
        for (int i = 0; i < 200000; i++) {
            assert_null(reply);
            reply = feed(&reading, SPAN("$11\r\nhello world\r\n"), &bad);
            assert_false(bad);
        }
        assert_true(redis_reply_is_array(reply, 200000));
        assert_true(span_is(reply->elements[199999].text, "hello world"));
        redis_pool_reset(reading.pool);
        reply = NULL;
    }
    close_reading(&reading);
}

static void
what_passes_a_ceiling_is_bad(void **state)
{
    static const char *const rows[] = {"*1048577\r\n", "*2147483647\r\n",
        "HTTP/1.1 400 no\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "$abc\r\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct reading reading;
        bool bad;

        open_reading(&reading);
        assert_null(feed(&reading, span_of(rows[i]), &bad));
        assert_true(bad);
        close_reading(&reading);
    }
}

static void
errors_are_known_by_their_first_word(void **state)
{
    struct redis_reply reply = {.kind = REDIS_ERROR, .text = SPAN("NOPERM this user")};

    (void)state;
    assert_true(redis_reply_is_error(&reply));
    assert_true(redis_reply_is_error_of(&reply, "NOPERM"));
    assert_false(redis_reply_is_error_of(&reply, "NOPE"));
    reply.kind = REDIS_STRING;
    assert_false(redis_reply_is_error_of(&reply, "NOPERM"));
    assert_false(redis_reply_is_error(NULL));
    assert_false(redis_reply_is_string(NULL));
    assert_false(redis_reply_is_array(NULL, 0));
    assert_false(redis_reply_is_status(NULL, "OK"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_told_apart),
        cmocka_unit_test(arrays_stand_in_arrays),
        cmocka_unit_test(large_replies_and_many_of_them),
        cmocka_unit_test(what_passes_a_ceiling_is_bad),
        cmocka_unit_test(errors_are_known_by_their_first_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
