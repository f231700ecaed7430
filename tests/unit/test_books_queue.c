/*
 * What Postfix lists beside what the books have: which ids are on one side alone.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "policyd/books/queue_listing.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "tests/fakes/books_feed.h"

enum { ARENA = 8 << 20 };

/* 2026-11-29 12:00:00 UTC, when Postfix is asked. */
static const int64_t noon = INT64_C(1795953600000);

/* A mail that was accepted then and waits. */
static void
add_waiting(struct buffer *out, const char *stamp, const char *id)
{
    buffer_printf(
        out, "Nov 29 %s gw postfix/smtpd[1]: %s: client=x[192.0.2.9]\n", stamp, id);
    buffer_printf(out,
        "Nov 29 %s gw postfix/qmgr[2]: %s: from=<s@x.test>, size=9, nrcpt=1 (queue "
        "active)\n",
        stamp, id);
}

static void
add_removed(struct buffer *out, const char *stamp, const char *id)
{
    buffer_printf(out,
        "Nov 29 %s gw postfix/smtp[3]: %s: to=<a@x.test>, relay=y[192.0.2.1]:25, "
        "delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)\n",
        stamp, id);
    buffer_printf(out, "Nov 29 %s gw postfix/qmgr[2]: %s: removed\n", stamp, id);
}

static void
fill(struct books_feed *feed)
{
    struct buffer out;

    books_feed_open(feed);
    buffer_init(&out, 1 << 20);
    add_waiting(&out, "11:00:00", "BBBB0B0001"); /* listed */
    add_waiting(&out, "11:00:01", "BBBB0B0002"); /* not listed */
    add_waiting(&out, "11:00:02", "BBBB0B0003"); /* ended long ago, listed */
    add_removed(&out, "11:10:00", "BBBB0B0003");
    add_waiting(&out, "11:00:03", "BBBB0B0004"); /* ended just after it was listed */
    add_waiting(&out, "11:59:30", "BBBB0B0005"); /* the log has just spoken of it */
    add_waiting(&out, "11:00:04", "BBBB0B0006"); /* not listed */
    add_removed(&out, "12:00:01", "BBBB0B0004");
    buffer_append_octet(&out, '\0');
    books_feed_lines(feed, out.data, 0);
    buffer_clear(&out);
}

static struct queue_entry
entry(const char *id, int64_t seconds_before)
{
    return (struct queue_entry){span_of(id), noon - seconds_before * 1000};
}

static void
assert_names(const struct audit_names *names, const char *const *wanted, size_t count)
{
    assert_int_equal(names->total, count);
    assert_int_equal(names->count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(names->ids[i], wanted[i]);
}

/* In steps of one row and of many: the same. */
static void
names_what_is_on_one_side_alone(void **state)
{
    static const char *const queue_only[] = {"AAAA0A0001", "BBBB0B0003"};
    static const char *const books_only[] = {"BBBB0B0002", "BBBB0B0006"};
    static const size_t rows[] = {1, 2, 1000};
    struct books_feed feed = {.path = ""};

    (void)state;
    fill(&feed);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct arena *arena = arena_new(ARENA);
        struct queue_entry entries[] = {
            entry("BBBB0B0003", 3000),
            entry("AAAA0A0002", 10), /* it may not be in the log yet */
            entry("BBBB0B0001", 3600),
            entry("AAAA0A0001", 90),
            entry("BBBB0B0004", 3597),
        };
        struct queue_compare compare;
        struct error error;
        bool done = false;

        queue_compare_begin(&compare, arena, entries, ARRAY_LENGTH(entries), noon);
        while (!done)
            assert_true(queue_compare_step(&compare, feed.books, rows[i], &done, &error));
        assert_names(&compare.queue_only, queue_only, ARRAY_LENGTH(queue_only));
        assert_names(&compare.books_only, books_only, ARRAY_LENGTH(books_only));
        arena_free(arena);
    }
    books_feed_remove(&feed);
}

static void
an_empty_queue_beside_books_that_wait(void **state)
{
    struct books_feed feed = {.path = ""};
    struct arena *arena = arena_new(ARENA);
    struct queue_entry none[1];
    struct queue_compare compare;
    struct error error;

    (void)state;
    fill(&feed);
    queue_compare_begin(&compare, arena, none, 0, noon);
    assert_true(queue_compare_all(&compare, feed.books, &error));
    assert_int_equal(compare.queue_only.total, 0);
    assert_int_equal(compare.books_only.total, 3);
    arena_free(arena);
    books_feed_remove(&feed);
}

static void
takes_a_listing_whole_or_not_at_all(void **state)
{
    static const struct {
        const char *what;
        const char *text;
        int count; /* -1: it is none */
    } rows[] = {
        {"nothing", "", 0},
        {"one",
            "{\"queue_name\": \"deferred\", \"queue_id\": \"4jZ0\", "
            "\"arrival_time\": 1795953600, \"recipients\": []}\n",
            1},
        {"two",
            "{\"queue_id\": \"A1\", \"arrival_time\": 1}\n"
            "{\"queue_id\": \"A2\", \"arrival_time\": 2}\n",
            2},
        {"no end of the line", "{\"queue_id\": \"A1\", \"arrival_time\": 1}", 1},
        {"an end too many", "\n{\"queue_id\": \"A1\", \"arrival_time\": 1}\n\n", 1},
        {"a word", "Mail queue is empty\n", -1},
        {"cut", "{\"queue_id\": \"A1\", \"arrival_time\": 1}\n{\"queue_id\": \"A", -1},
        {"no id", "{\"arrival_time\": 1}\n", -1},
        {"no time", "{\"queue_id\": \"A1\"}\n", -1},
        {"a time that is a text", "{\"queue_id\": \"A1\", \"arrival_time\": \"1\"}\n",
            -1},
        {"a time that never was",
            "{\"queue_id\": \"A1\", \"arrival_time\": 99999999999999}\n", -1},
        {"an id with a blank", "{\"queue_id\": \"A 1\", \"arrival_time\": 1}\n", -1},
        {"an id that is empty", "{\"queue_id\": \"\", \"arrival_time\": 1}\n", -1},
        {"a list", "[{\"queue_id\": \"A1\", \"arrival_time\": 1}]\n", -1},
        {"two on a line", "{\"queue_id\": \"A1\", \"arrival_time\": 1} {}\n", -1},
        {"a NUL in a text",
            "{\"queue_id\": \"A1\", \"arrival_time\": 1, \"sender\": \"a\\u0000b\"}\n",
            1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct arena *arena = arena_new(ARENA);
        struct queue_entry *entries;
        struct error error;
        size_t count;
        bool done;

        print_message("# %s\n", rows[i].what);
        done = queue_listing_read(arena, span_of(rows[i].text), &entries, &count, &error);
        assert_int_equal(done ? (int)count : -1, rows[i].count);
        arena_free(arena);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_what_is_on_one_side_alone),
        cmocka_unit_test(an_empty_queue_beside_books_that_wait),
        cmocka_unit_test(takes_a_listing_whole_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
