/*
 * What is older than it has to be goes, with all that belongs to it; what waits stays.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "policyd/books/books_base.h"
#include "policyd/books/books_retire.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "tests/fakes/books_feed.h"

#define ZOO "tests/data/maillog/own-postfix-3.7.11-zoo.log"
#define COUNTS                                                                           \
    "SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM recipient),"           \
    " (SELECT count(*) FROM attempt), (SELECT count(*) FROM handle)"

enum { DAY_MS = 86400000, STEP = 2000, NOTES = 4 /* what a step writes down besides */ };

static bool
retire_step(struct books_feed *feed, int64_t keep_ms, uint64_t octets_max, int64_t now_ms)
{
    const struct books_keeping keeping = {keep_ms, octets_max};
    int before = sqlite3_total_changes(feed->books->file);
    struct error error;
    bool left;

    assert_true(books_retire(feed->books, &keeping, now_ms, STEP, &left, &error));
    assert_true(sqlite3_total_changes(feed->books->file) - before <= STEP + NOTES);
    return left;
}

static unsigned
retire_all(struct books_feed *feed, int64_t keep_ms, uint64_t octets_max, int64_t now_ms)
{
    unsigned steps = 1;

    for (; retire_step(feed, keep_ms, octets_max, now_ms); steps++)
        assert_true(steps < 10000);
    return steps;
}

static void
the_old_goes_and_what_waits_stays(void **state)
{
    struct books_feed feed = {.path = ""};
    char before[100];

    (void)state;
    books_feed_open(&feed);
    books_feed_file(&feed, ZOO, 0);
    (void)snprintf(before, sizeof(before), "%s", books_feed_ask(&feed, COUNTS));
    (void)retire_all(
        &feed, 30 * INT64_C(86400000), UINT64_MAX, feed.last_ms + DAY_MS / 2);
    assert_string_equal(books_feed_ask(&feed, COUNTS), before);
    (void)retire_all(&feed, DAY_MS, UINT64_MAX, feed.last_ms + 2 * DAY_MS);
    /* Three that wait, two that are held; the begun ones are gone, too. */
    assert_string_equal(
        books_feed_ask(&feed, "SELECT count(*), min(ended), max(ended), min(accepted) > 0"
                              " FROM message"),
        "4 0 0 1");
    assert_string_equal(
        books_feed_ask(&feed, "SELECT count(*) FROM recipient WHERE end != 0"), "0");
    assert_string_equal(
        books_feed_ask(&feed, "SELECT count(*) FROM handle WHERE message NOT IN"
                              " (SELECT id FROM message)"),
        "0");
    assert_string_equal(
        books_feed_ask(&feed, "SELECT count(*) FROM attempt WHERE message NOT IN"
                              " (SELECT id FROM message)"),
        "0");
    books_feed_remove(&feed);
}

static void
a_step_is_small_however_large_the_message(void **state)
{
    struct books_feed feed = {.path = ""};
    struct buffer out;

    (void)state;
    books_feed_open(&feed);
    buffer_init(&out, 8 << 20);
    buffer_append_text(&out, "Nov 29 08:00:00 gw postfix/qmgr[1]: 4jYVch3KtSz1bYF1: "
                             "from=<a@b>, size=4, nrcpt=6000 (queue active)\n");
    for (int i = 0; i < 6000; i++)
        buffer_printf(&out,
            "Nov 29 08:00:01 gw postfix/smtp[2]: 4jYVch3KtSz1bYF1: to=<u%d@x.test>, "
            "relay=h[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent "
            "(ok)\n",
            i);
    buffer_append_text(&out, "Nov 29 08:00:02 gw postfix/qmgr[1]: 4jYVch3KtSz1bYF1: "
                             "removed\nNov 29 08:00:03 gw postfix/smtpd[3]: "
                             "4jYVch3KtSz1bYF2: client=c[192.0.2.9]\n");
    buffer_append_octet(&out, '\0');
    books_feed_lines(&feed, out.data, 0);
    buffer_clear(&out);
    /* What is left of it balances in the meantime. */
    assert_true(retire_step(&feed, DAY_MS, UINT64_MAX, feed.last_ms + 2 * DAY_MS));
    assert_string_equal(
        books_feed_ask(&feed, "SELECT nrcpt < 6000 AND nrcpt = (SELECT count(*) FROM"
                              " recipient) FROM message ORDER BY id LIMIT 1"),
        "1");
    assert_true(retire_all(&feed, DAY_MS, UINT64_MAX, feed.last_ms + 2 * DAY_MS) >= 4);
    assert_string_equal(books_feed_ask(&feed, COUNTS), "1 0 0 2");
    books_feed_remove(&feed);
}

static void
write_messages(struct buffer *out, const char *day, int from, int to)
{
    for (int i = from; i < to; i++)
        buffer_printf(out,
            "%s gw postfix/smtpd[4]: %08XAB: client=c%d[192.0.2.%d]\n"
            "%s gw postfix/qmgr[1]: %08XAB: from=<a%d@b>, size=4, nrcpt=1 (queue "
            "active)\n"
            "%s gw postfix/smtp[2]: %08XAB: to=<u%d@x.test>, relay=h[192.0.2.1]:25, "
            "delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (ok)\n"
            "%s gw postfix/qmgr[1]: %08XAB: removed\n",
            day, i, i, i % 250, day, i, i, day, i, i, day, i);
}

/* Round after round, a part at a time; what is still there is found. */
static void
what_it_was_found_by_is_swept(void **state)
{
    static const char stale[] =
        "SELECT count(*) FROM handle WHERE message NOT IN (SELECT id FROM message)";
    struct books_feed feed = {.path = ""};
    struct buffer out;

    (void)state;
    books_feed_open(&feed);
    buffer_init(&out, 16 << 20);
    write_messages(&out, "Nov 20 08:00:00", 0, 200);
    write_messages(&out, "Nov 29 08:00:00", 200, 8000);
    buffer_append_octet(&out, '\0');
    books_feed_lines(&feed, out.data, 0);
    buffer_clear(&out);
    (void)retire_all(&feed, DAY_MS, UINT64_MAX, feed.last_ms);
    assert_string_equal(books_feed_ask(&feed, "SELECT count(*) FROM message"), "7800");
    assert_string_not_equal(books_feed_ask(&feed, stale), "0");
    for (int minute = 0; minute < 12; minute++)
        (void)retire_step(&feed, DAY_MS, UINT64_MAX, feed.last_ms);
    assert_string_equal(books_feed_ask(&feed, stale), "0");
    assert_string_equal(
        books_feed_ask(&feed, "SELECT count(*) / 7800, count(*) % 7800 FROM handle"),
        "5 0");
    books_feed_remove(&feed);
}

static void
the_oldest_goes_where_there_is_too_much(void **state)
{
    struct books_feed feed = {.path = ""};

    (void)state;
    books_feed_open(&feed);
    books_feed_file(&feed, ZOO, 0);
    (void)retire_all(&feed, 30 * INT64_C(86400000), 4096, feed.last_ms);
    assert_string_equal(
        books_feed_ask(&feed, "SELECT count(*) FROM message WHERE ended != 0"), "0");
    assert_string_not_equal(books_feed_ask(&feed, "SELECT count(*) FROM message"), "0");
    books_feed_remove(&feed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_old_goes_and_what_waits_stays),
        cmocka_unit_test(a_step_is_small_however_large_the_message),
        cmocka_unit_test(what_it_was_found_by_is_swept),
        cmocka_unit_test(the_oldest_goes_where_there_is_too_much),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
