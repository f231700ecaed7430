/*
 * Mail that new took and gave back: found by its Message-ID, and by nothing less.  How
 * much there is, and from where.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "policyd/books/books_returned.h"
#include "policyd/books/books_traffic.h"
#include "shared/base/attributes.h"
#include "tests/fakes/books_feed.h"

#define AT(time, program) "Nov 29 " time " gw postfix/" program ": "
/* From a client, delivered by a service. */
#define MAIL(time, id, client, message, to, service)                                     \
    AT(time, "smtpd[1]")                                                                 \
    id ": client=x[" client "]\n" AT(time, "cleanup[4]") id ": message-id=" message      \
                                                            "\n" AT(time, "qmgr[2]") id  \
        ": from=<s@x.test>, size=9, nrcpt=1 (queue active)\n" AT(time, service "[3]") id \
        ": to=<" to ">, relay=y[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, "     \
        "status=sent (250 ok)\n" AT(time, "qmgr[2]") id ": removed\n"

static const char lines[] =
    /* Comes back from new. */
    MAIL("08:00:01", "BBBB0B0001", "192.0.2.9", "<1@x>", "a@new.test", "cutover-new/smtp")
        MAIL("08:00:02", "BBBB0B0002", "192.0.2.20", "<1@x>", "a@new.test",
            "cutover-new/smtp")
    /* A list sends it again to another; new writes of its own. */
    MAIL("08:00:03", "BBBB0B0003", "192.0.2.9", "<2@x>", "a@new.test", "cutover-new/smtp")
        MAIL("08:00:04", "BBBB0B0004", "192.0.2.20", "<2@x>", "b@new.test",
            "cutover-new/smtp")
    /* The sender sends it twice; old sends it on. */
    MAIL("08:00:05", "BBBB0B0005", "192.0.2.9", "<3@x>", "c@new.test", "cutover-new/smtp")
        MAIL("08:00:06", "BBBB0B0006", "192.0.2.9", "<3@x>", "c@new.test",
            "cutover-new/smtp") MAIL("08:00:07", "BBBB0B0007", "192.0.2.20", "<4@x>",
            "d@new.test", "cutover-old/smtp");

static bool
is_of_new(void *argument, struct span address)
{
    (void)argument;
    return span_is(address, "192.0.2.20");
}

static void
finds_what_came_back(void **state)
{
    struct books_feed feed = {.books = NULL};
    struct books_returned rows[RETURNED_MAX];
    struct arena *arena = arena_new(1 << 20);
    struct books_returned_query query = {
        .domain = SPAN("new.test"), .is_of_new = is_of_new};
    struct error error;
    uint64_t delivered;
    size_t count;

    (void)state;
    books_feed_open(&feed);
    books_feed_lines(&feed, lines, 0);
    assert_true(
        books_returned_find(feed.books, arena, &query, rows, &count, &delivered, &error));
    assert_int_equal(delivered, 6);
    assert_int_equal(count, 1);
    assert_true(span_is(rows[0].address, "a@new.test"));
    assert_true(span_is(rows[0].message_id, "1@x"));
    assert_true(span_is(rows[0].client, "x[192.0.2.20]"));
    query.since_ms = INT64_MAX;
    assert_true(
        books_returned_find(feed.books, arena, &query, rows, &count, &delivered, &error));
    assert_int_equal(count + delivered, 0);
    books_feed_remove(&feed);
    arena_free(arena);
}

static void
measures_traffic(void **state)
{
    struct books_feed feed = {.books = NULL};
    struct arena *arena = arena_new(1 << 20);
    struct error error;
    uint64_t octets;
    uint64_t count;

    (void)state;
    books_feed_open(&feed);
    assert_true(books_traffic_daily(feed.books, 0, &octets, &error));
    assert_int_equal(octets, 0);
    books_feed_lines(&feed, lines, 0);
    /* Seven of nine octets in what counts as an hour. */
    assert_true(books_traffic_daily(feed.books, feed.last_ms, &octets, &error));
    assert_int_equal(octets, 7 * 9 * 24);
    assert_true(books_traffic_from(
        feed.books, arena, SPAN("new.test"), 0, is_of_new, NULL, &count, &error));
    assert_int_equal(count, 3);
    assert_true(books_traffic_from(
        feed.books, arena, SPAN("old.test"), 0, is_of_new, NULL, &count, &error));
    assert_int_equal(count, 0);
    books_feed_remove(&feed);
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_came_back), cmocka_unit_test(measures_traffic)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
