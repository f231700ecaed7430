/*
 * Which mails a milter of ours put on hold, and what became of them.
 */
#include "tests/unit/unit.h"

#include "policyd/books/books_held.h"
#include "shared/base/attributes.h"
#include "tests/fakes/books_feed.h"

#define AT(time, program) "Nov 29 08:00:" time " gw " program ": "
#define COMES(time, id)                                                                  \
    AT(time, "postfix/smtpd[1]")                                                         \
    id ": client=x[192.0.2.9]\n" AT(time, "postfix/cleanup[4]") id ": message-id=<" id   \
                                                                   "@x.test>\n"
#define HELD(time, id)                                                                   \
    AT(time, "postfix/cleanup[4]")                                                       \
    id ": milter-hold: END-OF-MESSAGE from x[192.0.2.9]: milter triggers HOLD action; "  \
       "from=<s@x.test> to=<a@new.test> proto=ESMTP helo=<x>\n"
#define SAYS(time, program, id, text)                                                    \
    AT(time, "postshift-" program "[7]") id ": " program ": action=" text "\n"
#define CHECKED(time, id)                                                                \
    AT(time, "postfix/cleanup[4]")                                                       \
    id ": hold: header Subject: scan: action=hold from x[192.0.2.9]; from=<s@x.test> "   \
       "to=<h@new.test> proto=ESMTP helo=<x>\n"
#define SENT(time, id)                                                                   \
    AT(time, "postfix/qmgr[2]")                                                          \
    id ": from=<s@x.test>, size=9, nrcpt=1 (queue active)\n" AT(                         \
        time, "postfix/cutover-new/smtp[3]") id                                          \
        ": to=<a@new.test>, relay=y[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, " \
        "status=sent (250 ok)\n" AT(time, "postfix/qmgr[2]") id ": removed\n"
#define VIRUS "hold, client=x[192.0.2.9], from=<s@x.test>, clamav=infected (virus Eicar)"

static const char *const lines[] = {
    /* By us, still there; by both, the one that held it is named. */
    COMES("01", "BBBB0B0001"),
    SAYS("01", "scan", "BBBB0B0001", VIRUS),
    HELD("01", "BBBB0B0001"),
    COMES("02", "BBBB0B0002"),
    SAYS("02", "auth", "BBBB0B0002", "accept, from=<\"scan: action=hold (x)\"@x.test>"),
    SAYS("02", "scan", "BBBB0B0002", VIRUS),
    HELD("02", "BBBB0B0002"),
    /* By another milter, and by a header check. */
    COMES("03", "BBBB0B0003"),
    SAYS("03", "auth", "BBBB0B0003", "accept, from=<s@x.test>"),
    HELD("03", "BBBB0B0003"),
    COMES("04", "BBBB0B0004"),
    CHECKED("04", "BBBB0B0004"),
    /* Released, and delivered; deleted. */
    COMES("05", "BBBB0B0005"),
    SAYS("05", "auth", "BBBB0B0005", "hold, dmarc=fail (dmarc policy of x.test)"),
    HELD("05", "BBBB0B0005"),
    AT("06", "postfix/postsuper[9]") "BBBB0B0005: released from hold\n",
    SENT("07", "BBBB0B0005"),
    COMES("09", "BBBB0B0006"),
    SAYS("09", "scan", "BBBB0B0006", VIRUS),
    HELD("09", "BBBB0B0006"),
    AT("10", "postfix/postsuper[9]") "BBBB0B0006: removed\n",
};

static void
names_those_of_ours(void **state)
{
    struct books_feed feed = {.path = ""};
    struct arena *arena = arena_new(1 << 20);
    struct report_held report;
    struct held_mail *mails;
    struct error error;
    uint64_t counted;
    int64_t oldest;
    size_t count;

    (void)state;
    books_feed_open(&feed);
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
        books_feed_lines(&feed, lines[i], 0);
    assert_true(books_held(feed.books, arena, &mails, &count, &error));
    assert_int_equal(count, 2);
    assert_true(span_is(mails[0].queue_id, "BBBB0B0001") &&
                span_is(mails[1].queue_id, "BBBB0B0002"));
    assert_true(span_is(mails[1].by, "scan") && span_is(mails[1].verdict, "virus Eicar"));
    assert_true(span_is(mails[0].from, "s@x.test"));
    assert_true(
        span_find_text(mails[0].message_id, SPAN("BBBB0B0001@x.test")) != SPAN_NONE);
    assert_true(books_held_count(feed.books, &counted, &oldest, &error));
    assert_int_equal(counted, 2);
    assert_int_equal(oldest, mails[0].begun_ms);
    assert_true(books_held_report(feed.books, 0, INT64_MAX, &report, &error));
    assert_int_equal(report.held, 4);
    assert_int_equal(report.waiting, 2);
    assert_int_equal(report.released, 1);
    assert_int_equal(report.deleted, 1);
    arena_free(arena);
    books_feed_remove(&feed);
}

static void
reads_a_verdict(void **state)
{
    static const struct {
        const char *lines;
        const char *by; /* NULL: held by none of ours */
        const char *verdict;
    } rows[] = {
        {"scan: action=hold, x=y (virus A)", "scan", "virus A"},
        {"auth: action=accept\nscan: action=hold, x=y", "scan", "held"},
        {"auth: action=hold, x=\"scan: action=hold\" (dmarc policy of a.test)", "auth",
            "dmarc policy of a.test"},
        {"auth: action=accept, from=<scan: action=hold>", NULL, NULL},
        {"other: action=hold (x)", NULL, NULL},
        {"", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct span by;
        struct span verdict;
        bool held = books_held_verdict(span_of(rows[i].lines), &by, &verdict);

        print_message("# %s\n", rows[i].lines);
        assert_int_equal(held, rows[i].by != NULL);
        assert_true(
            !held || (span_is(by, rows[i].by) && span_is(verdict, rows[i].verdict)));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_those_of_ours),
        cmocka_unit_test(reads_a_verdict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
