/*
 * Whose mail landed on new, by the books: what is brought to old, and what is not.
 */
#include "tests/unit/unit.h"

#include "policyd/books/books_landed.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "tests/fakes/books_feed.h"

#include <stdio.h>
#include <string.h>

#define LINE "Nov 29 08:00:0"
#define COMES(Q)                                                                         \
    LINE "0 gw postfix/smtpd[7]: " Q ": client=c[192.0.2.9]\n" LINE                      \
         "0 gw postfix/cleanup[8]: " Q ": message-id=<" Q "@x>\n" LINE                   \
         "1 gw postfix/qmgr[9]: " Q                                                      \
         ": from=<s@x.test>, size=4, nrcpt=1 (queue active)\n"
#define TRIED(SERVICE, Q, TO, STATUS)                                                    \
    LINE "2 gw postfix/" SERVICE "[10]: " Q ": to=<" TO                                  \
         ">, relay=h[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=" STATUS  \
         "\n"
#define REMOVED(Q) LINE "9 gw postfix/qmgr[9]: " Q ": removed\n"
#define OK "sent (250 ok)"
#define IN_DOUBT                                                                         \
    "deferred (lost connection with h[192.0.2.1] while sending end of data -- message "  \
    "may be sent more than once)"

static const char *const lines[] = {
    /* On new. */
    COMES("4jYVch3KtSz1bYF1") TRIED("cutover-new/smtp", "4jYVch3KtSz1bYF1", "a@new.test",
        OK) REMOVED("4jYVch3KtSz1bYF1"),
    /* On old, and another domain's on new. */
    COMES("4jYVch3KtSz1bYF2") TRIED("cutover-old/smtp", "4jYVch3KtSz1bYF2", "b@new.test",
        OK) TRIED("cutover-new/smtp", "4jYVch3KtSz1bYF2", "b@other.test", OK)
        REMOVED("4jYVch3KtSz1bYF2"),
    /* In doubt, then on new: sure. */
    COMES("4jYVch3KtSz1bYF3") TRIED("cutover-new/smtp", "4jYVch3KtSz1bYF3", "c@new.test",
        IN_DOUBT) TRIED("cutover-new/smtp", "4jYVch3KtSz1bYF3", "c@new.test", OK)
        REMOVED("4jYVch3KtSz1bYF3"),
    /* In doubt, then on old: he has it. */
    COMES("4jYVch3KtSz1bYF4") TRIED("cutover-new/smtp", "4jYVch3KtSz1bYF4", "d@new.test",
        IN_DOUBT) TRIED("cutover-old/smtp", "4jYVch3KtSz1bYF4", "d@new.test", OK)
        REMOVED("4jYVch3KtSz1bYF4"),
    /* In doubt, and it waits: the queue brings it. */
    COMES("4jYVch3KtSz1bYF5")
        TRIED("cutover-new/smtp", "4jYVch3KtSz1bYF5", "e@new.test", IN_DOUBT),
    /* In doubt, then given up: maybe. */
    COMES("4jYVch3KtSz1bYF6") TRIED("cutover-new/smtp", "4jYVch3KtSz1bYF6", "f@new.test",
        IN_DOUBT) LINE "3 gw postfix/postsuper[11]: 4jYVch3KtSz1bYF6: removed\n",
    /* By a content filter: two ids, one story. */
    COMES("4jYVch3KtSz1bYF7") LINE
    "2 gw postfix/smtpd[7]: 4jYVch3KtSz1bYF8: client=localhost[127.0.0.1]\n" LINE
    "2 gw postfix/cleanup[8]: 4jYVch3KtSz1bYF8: message-id=<4jYVch3KtSz1bYF7@x>\n" TRIED(
        "filter/smtp", "4jYVch3KtSz1bYF7", "g@new.test",
        "sent (250 2.0.0 Ok: queued as 4jYVch3KtSz1bYF8)") LINE
    "2 gw postfix/qmgr[9]: 4jYVch3KtSz1bYF8: from=<s@x.test>, size=4, nrcpt=1 "
    "(queue active)\n" TRIED("cutover-new/smtp", "4jYVch3KtSz1bYF8", "g@new.test", OK),
};

static void
feed_all(struct books_feed *feed)
{
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
        books_feed_lines(feed, lines[i], 0);
}

static bool
take(void *argument, const struct landed *landed)
{
    struct buffer *out = argument;

    buffer_printf(out, "%.*s%s ", (int)landed->recipient.length, landed->recipient.data,
        landed->is_maybe ? "?" : "");
    return true;
}

static void
all_that_landed_and_no_more(void **state)
{
    struct books_feed feed = {.path = ""};
    struct landed_query query = {.domain = SPAN("new.test")};
    struct error error;
    struct buffer out;

    (void)state;
    books_feed_open(&feed);
    feed_all(&feed);
    buffer_init(&out, 10000);
    assert_true(books_landed_all(feed.books, &query, take, &out, &error));
    assert_string_equal(buffer_text(&out), "a@new.test c@new.test g@new.test ");
    buffer_reset(&out);
    query.with_maybe = true;
    assert_true(books_landed_all(feed.books, &query, take, &out, &error));
    assert_string_equal(
        buffer_text(&out), "a@new.test c@new.test f@new.test? g@new.test ");
    buffer_reset(&out);
    query.since_ms = feed.last_ms + 60000;
    assert_true(books_landed_all(feed.books, &query, take, &out, &error));
    assert_int_equal(out.length, 0);
    buffer_clear(&out);
    books_feed_remove(&feed);
}

static void
finds_whom_a_copy_is_of(void **state)
{
    static const struct {
        const char *queue_id;
        const char *message_id;
        const char *wanted;
    } rows[] = {
        {"4jYVch3KtSz1bYF1", "", "a@new.test"},
        {"4jYVch3KtSz1bYF1", "4jYVch3KtSz1bYF3@x", "a@new.test"},
        {"", "4jYVch3KtSz1bYF3@x", "c@new.test"},
        {"4jYVch3KtSz1bYF2", "", ""},
        {"4jYVch3KtSz1bYF7", "", "g@new.test"},
        {"4jYVch3KtSz1bYF8", "", "g@new.test"},
        {"4jYVch3KtSz1bYFF", "", ""},
        {"4jYVch3KtSz1bYFF", "4jYVch3KtSz1bYF1@x", ""},
        {"", "", ""},
    };
    struct books_feed feed = {.path = ""};
    const struct landed_query query = {.domain = SPAN("new.test")};
    struct arena *arena = arena_new(1 << 20);

    (void)state;
    books_feed_open(&feed);
    feed_all(&feed);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct landed_mail mail = {
            span_of(rows[i].queue_id), span_of(rows[i].message_id), feed.last_ms};
        struct landed found[4];
        struct error error;
        size_t count;

        print_message("# row %zu\n", i);
        assert_true(books_landed_of(feed.books, &query, &mail, arena, found,
            ARRAY_LENGTH(found), &count, &error));
        assert_int_equal(count, rows[i].wanted[0] != '\0');
        if (count > 0)
            assert_true(span_is(found[0].recipient, rows[i].wanted));
    }
    arena_free(arena);
    books_feed_remove(&feed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_landed_and_no_more),
        cmocka_unit_test(finds_whom_a_copy_is_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
