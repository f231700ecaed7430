/*
 * What waits, by domain and reason; by how much the accounts fail to balance.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "policyd/books/books_domain.h"
#include "policyd/books/books_waiting.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "tests/fakes/books_feed.h"

#define AT(time, program) "Nov 29 " time " gw postfix/" program ": "
#define COMES(time, id, count)                                                           \
    AT(time, "smtpd[1]")                                                                 \
    id ": client=x[192.0.2.9]\n" AT(time, "qmgr[2]") id                                  \
        ": from=<s@x.test>, size=9, nrcpt=" count " (queue active)\n"
#define TRIED(time, service, id, to, text)                                               \
    AT(time, service "[3]")                                                              \
    id ": to=<" to ">, relay=y[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=4.0.0, "      \
       "status=" text "\n"
#define SAID(reply)                                                                      \
    "deferred (host y[192.0.2.1] said: " reply " (in reply to RCPT TO command))"

static const char lines[] = COMES("08:00:01", "BBBB0B0001", "1") TRIED("08:00:02",
    "cutover-new/smtp", "BBBB0B0001", "a@new.test",
    SAID("452 4.2.2 mailbox full")) COMES("08:00:03", "BBBB0B0002", "3") TRIED("08:00:04",
    "cutover-new/smtp", "BBBB0B0002", "a@new.test",
    SAID("550 5.1.1 user unknown")) TRIED("08:00:04", "error", "BBBB0B0002", "b@new.test",
    "deferred (mailbox is being moved, try again later)") COMES("08:00:05", "BBBB0B0003",
    "1") TRIED("08:00:06", "cutover-new/smtp", "BBBB0B0003", "c@new.test",
    "deferred (connect to y[192.0.2.1]:25: Connection refused)")
    COMES("08:00:07", "BBBB0B0004", "1")
        TRIED("08:00:08", "error", "BBBB0B0004", "c@new.test",
            "deferred (delivery temporarily suspended: connect to y[192.0.2.1]:25: "
            "Connection refused)") COMES("08:00:09", "BBBB0B0005", "1") TRIED("08:00:10",
            "smtp", "BBBB0B0005", "d@elsewhere.test", SAID("452 4.2.2 mailbox full"))
            AT("08:00:11", "smtpd[1]") "BBBB0B0006: client=x[192.0.2.9]\n" AT("08:00:11",
                "cleanup[4]") "BBBB0B0006: hold: header Subject: x from x[192.0.2.9]; "
                              "from=<s@x.test> "
                              "to=<h@new.test> proto=ESMTP helo=<x>\n" COMES(
                                  "08:00:12", "BBBB0B0007", "2") /* one lost */
    TRIED("08:00:13", "cutover-new/smtp", "BBBB0B0007", "a@new.test", "sent (250 ok)")
        AT("08:00:14", "qmgr[2]") "BBBB0B0007: removed\n" COMES(
            "08:00:15", "BBBB0B0008", "1") /* all well */
    TRIED("08:00:16", "cutover-new/smtp", "BBBB0B0008", "a@new.test", "sent (250 ok)")
        AT("08:00:17", "qmgr[2]") "BBBB0B0008: removed\n";

static struct span
find_domain(void *argument, struct span recipient, bool *old_is_site, char out[256])
{
    (void)argument;
    *old_is_site = false;
    if (!span_ends(recipient, SPAN("@new.test")))
        return SPAN("");
    memcpy(out, "new.test", 9);
    return span_of(out);
}

static const struct books_rules rules = {.find_domain = find_domain};

static void
gather(struct books_waiting *waiting, struct books *books, size_t messages)
{
    struct error error;
    bool done = false;

    books_waiting_begin(waiting);
    while (!done)
        assert_true(books_waiting_step(waiting, books, &rules, messages, &done, &error));
}

static struct waiting_row
find(const struct books_waiting *waiting, const char *domain, const char *reason)
{
    for (size_t i = 0; i < waiting->count; i++) {
        const struct waiting_row *row = &waiting->rows[i];

        if (strcmp(row->domain, domain) == 0 &&
            strcmp(waiting_reason_name(row->reason), reason) == 0)
            return *row;
    }
    fail_msg("nothing waits for %s with %s", domain, reason);
    return (struct waiting_row){.recipients = 0};
}

static void
names_domain_and_reason(void **state)
{
    static const struct {
        const char *domain;
        const char *reason;
        unsigned recipients;
        int second; /* of the oldest one's acceptance */
    } rows[] = {
        {"new.test", "quota", 1, 1},
        {"new.test", "unknown", 1, 3},
        {"new.test", "hold", 2, 3}, /* by its route; by an action */
        {"new.test", "outage", 2, 5},
        {"other", "untried", 1, 3}, /* whose name nobody has said */
        {"elsewhere.test", "quota", 1, 9},
    };
    static const size_t steps[] = {1, 2, 100};
    struct books_feed feed = {.path = ""};
    struct books_waiting waiting = {.rows = NULL};

    (void)state;
    books_feed_open(&feed);
    books_feed_lines(&feed, lines, 0);
    for (size_t k = 0; k < ARRAY_LENGTH(steps); k++) {
        gather(&waiting, feed.books, steps[k]);
        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
            struct waiting_row row = find(&waiting, rows[i].domain, rows[i].reason);

            print_message("# %s %s\n", rows[i].domain, rows[i].reason);
            assert_int_equal(row.recipients, rows[i].recipients);
            assert_int_equal(row.oldest_ms / 1000 % 60, rows[i].second);
        }
        assert_int_equal(waiting.count, ARRAY_LENGTH(rows));
        assert_int_equal(waiting.recipients, 8);
        assert_int_equal(waiting.oldest_ms / 1000 % 60, 1);
    }
    books_waiting_clear(&waiting);
    books_feed_remove(&feed);
}

static void
take_untried(void *argument, struct span recipient, int64_t begun_ms)
{
    struct buffer *out = argument;

    buffer_printf(out, "%.*s %d ", (int)recipient.length, recipient.data,
        (int)(begun_ms / 1000 % 60));
}

static void
names_whom_no_backend_was_asked_for(void **state)
{
    struct books_feed feed = {.path = ""};
    struct books_domain_sides sides;
    struct buffer out;
    struct error error;

    (void)state;
    books_feed_open(&feed);
    books_feed_lines(&feed, lines, 0);
    assert_true(books_domain_sides(feed.books, SPAN("new.test"), &sides, &error));
    assert_int_equal(sides.waiting[BACKEND_OTHER], 1);
    buffer_init(&out, 1000);
    assert_true(books_domain_untried(
        feed.books, SPAN("new.test"), 10, take_untried, &out, &error));
    assert_true(span_is(buffer_span(&out), "b@new.test 3 "));
    assert_true(books_domain_untried(
        feed.books, SPAN("new.test"), 0, take_untried, &out, &error));
    assert_true(span_is(buffer_span(&out), "b@new.test 3 "));
    buffer_clear(&out);
    books_feed_remove(&feed);
}

static void
counts_what_the_accounts_lack(void **state)
{
    struct books_feed feed = {.path = ""};
    uint64_t difference = 9;
    uint64_t gaps = 9;
    struct error error;

    (void)state;
    books_feed_open(&feed);
    assert_true(books_difference(feed.books, &difference, &gaps, &error));
    assert_int_equal(difference, 0);
    assert_int_equal(gaps, 0);
    books_feed_lines(&feed, lines, 0);
    assert_true(books_difference(feed.books, &difference, &gaps, &error));
    assert_int_equal(difference, 1);
    /* Without reading all accounts. */
    assert_non_null(strstr(
        books_feed_ask(&feed, "EXPLAIN QUERY PLAN SELECT count(*) FROM recipient r JOIN"
                              " message m ON m.id = r.message WHERE r.end = 7 AND"
                              " m.kind = 0"),
        "recipient_lost"));
    books_feed_remove(&feed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_domain_and_reason),
        cmocka_unit_test(names_whom_no_backend_was_asked_for),
        cmocka_unit_test(counts_what_the_accounts_lack),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
