/*
 * The law of the log: each special case ends as it should, however often what was entered
 * is committed between its lines.
 */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "policyd/books/books_audit.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "tests/fakes/books_feed.h"

#define ZOO "tests/data/maillog/own-postfix-3.7.11-zoo.log"

/* The newest message of an id: kind, state, recipients counted by the queue manager, and
 * their ends. */
#define ACCOUNT                                                                          \
    "SELECT (CASE kind WHEN 0 THEN 'mail' WHEN 1 THEN 'probe' ELSE 'notice' END)"        \
    " || ' ' || (CASE state WHEN 0 THEN 'begun' WHEN 1 THEN 'active' WHEN 2 THEN 'held'" \
    " ELSE 'ended' END) || ' ' || nrcpt || coalesce((SELECT ' ' || group_concat("        \
    "CASE end WHEN 0 THEN 'waiting' WHEN 1 THEN 'delivered' WHEN 2 THEN 'bounced'"       \
    " WHEN 3 THEN 'expired' WHEN 4 THEN 'discarded' WHEN 5 THEN 'deleted'"               \
    " WHEN 6 THEN 'replaced' ELSE 'lost' END || CASE maybe WHEN 1 THEN '?' ELSE '' END," \
    " ' ') FROM (SELECT * FROM recipient r WHERE r.message = m.id ORDER BY n)), '')"     \
    " FROM message m WHERE queue_id = '%s' ORDER BY id DESC LIMIT 1"

static const char *
account(struct books_feed *feed, const char *queue_id)
{
    char sql[2000];

    (void)snprintf(sql, sizeof(sql), ACCOUNT, queue_id);
    return books_feed_ask(feed, sql);
}

static const char *
story(struct books_feed *feed, const char *queue_id)
{
    char sql[300];

    (void)snprintf(sql, sizeof(sql),
        "SELECT s.queue_id FROM message m JOIN message s ON s.id = m.story"
        " WHERE m.queue_id = '%s' ORDER BY m.id DESC LIMIT 1",
        queue_id);
    return books_feed_ask(feed, sql);
}

static void
audit_all(struct books_feed *feed, struct audit *audit)
{
    struct arena *arena = arena_new(1 << 20);
    struct error error;

    assert_true(books_audit(feed->books, arena, 0, INT64_MAX, NULL, NULL, audit, &error));
    arena_free(arena);
}

static void
the_zoo_ends_as_the_law_says(void **state)
{
    static const struct {
        const char *what;
        const char *queue_id;
        const char *account;
        const char *story;
    } rows[] = {
        {"a virtual alias", "4jcfyz35LSz1dTqc", "mail ended 2 delivered delivered",
            "4jcfyz35LSz1dTqc"},
        {"postsuper -e: those without an end", "4jcfyz5C2sz1dTqf",
            "mail ended 3 expired bounced delivered", "4jcfyz5C2sz1dTqf"},
        {"postsuper -h and -H, waits on", "4jcfyz6Lj5z1dTqn", "mail active 1 waiting",
            "4jcfyz6Lj5z1dTqn"},
        {"first notice of the same", "4jcfyz6n1Wz1dTqv", "notice ended 1 bounced",
            "4jcfyz5C2sz1dTqf"},
        {"postsuper -r", "4jcfz00t8Dz1dSjG", "mail ended 1 replaced", "4jcfz00t8Dz1dSjG"},
        {"postsuper -f", "4jcfz02JHqz1dSkC", "mail ended 1 expired?", "4jcfz02JHqz1dSkC"},
        {"postsuper -d", "4jcfz036q1z1dSlS", "mail ended 1 deleted", "4jcfz036q1z1dSlS"},
        {"discard(8)", "4jcfz04L30z1dSpv", "mail ended 1 discarded", "4jcfz04L30z1dSpv"},
        {"hold by access, then released", "4jcfz05bWSz1dSpv", "mail ended 1 delivered",
            "4jcfz05bWSz1dSpv"},
        {"discard by access", "4jcfz06NWNz1dSpw", "mail ended 1 discarded",
            "4jcfz06NWNz1dSpw"},
        {"postmaster notice", "4jcfz10W8tz1dSr9", "probe ended 1 bounced",
            "4jcfz10W8tz1dSr9"},
        {"hold by header", "4jcfz12cqrz1dSs6", "mail held 1 waiting", "4jcfz12cqrz1dSs6"},
        {"discard by header", "4jcfz13Wydz1dSs7", "mail ended 1 discarded",
            "4jcfz13Wydz1dSs7"},
        {"forwarded by local", "4jcfz16RTJz1dSs7", "mail ended 1 replaced",
            "4jcfz16RTJz1dSs7"},
        {"what it became", "4jcfz16qzZz1dSsk", "mail ended 2 delivered delivered",
            "4jcfz16RTJz1dSs7"},
        {"null sender from outside", "4jcfz234YTz1dSxV", "mail ended 1 delivered",
            "4jcfz234YTz1dSxV"},
        {"quoted local part", "4jcfz24Hy7z1dSxV", "mail ended 1 delivered",
            "4jcfz24Hy7z1dSxV"},
        {"a client that vanishes", "4jcfz40ftXz1dT1d", "mail begun 0",
            "4jcfz40ftXz1dT1d"},
        {"a client that vanishes before its content", "4jcfz40kKkz1dT1d", "mail begun 0",
            "4jcfz40kKkz1dT1d"},
        {"sendmail -bv", "4jcfz430rQz1dSsm", "probe ended 2 waiting waiting",
            "4jcfz430rQz1dSsm"},
        {"and its report", "4jcfz43PQCz1dSvx", "notice ended 1 bounced",
            "4jcfz430rQz1dSsm"},
        {"reject by header", "4jcg031QTtz1dTC3", "mail begun 0", "4jcg031QTtz1dTC3"},
        {"redirect by header", "4jcg035Rhcz1dT7d", "mail ended 1 delivered",
            "4jcg035Rhcz1dT7d"},
        {"bcc by header", "4jcg036bYhz1dT7g", "mail ended 2 delivered delivered",
            "4jcg036bYhz1dT7g"},
        {"redirect by access", "4jcg044Pw9z1dT7d", "mail ended 1 delivered",
            "4jcg044Pw9z1dT7d"},
        {"bcc by access", "4jcg045tr9z1dT8X", "mail ended 2 delivered delivered",
            "4jcg045tr9z1dT8X"},
        {"verify probe", "4jcg060qdTz1dTGW", "probe ended 1 waiting", "4jcg060qdTz1dTGW"},
        {"verify probe", "4jcg0923bHz1dTHY", "probe ended 1 waiting", "4jcg0923bHz1dTHY"},
        {"XFORWARD of an id that is not here", "4jcg0D6msWz1dTGf",
            "mail ended 1 delivered", "4jcg0D6msWz1dTGf"},
        {"size", "4jcg0F1DG1z1dTGf", "mail ended 1 bounced", "4jcg0F1DG1z1dTGf"},
        {"its notice", "4jcg0F28pyz1dTj5", "notice ended 1 bounced", "4jcg0F1DG1z1dTGf"},
        {"notice of postsuper -e", "4jcg0N3Yv0z1dSjr", "notice ended 1 bounced",
            "4jcfyz5C2sz1dTqf"},
        {"notice of postsuper -f", "4jcg0N3jP3z1dSp2", "notice ended 1 bounced",
            "4jcfz02JHqz1dSkC"},
        {"what it became", "4jcg0r60zHz1dSZk", "mail active 1 waiting",
            "4jcfz00t8Dz1dSjG"},
    };
    static const unsigned commits[] = {0, 1, 7};
    struct audit audit;

    (void)state;
    for (size_t c = 0; c < ARRAY_LENGTH(commits); c++) {
        struct books_feed feed = {.path = ""};

        books_feed_open(&feed);
        books_feed_file(&feed, ZOO, commits[c]);
        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
            print_message("# commit each %u: %s\n", commits[c], rows[i].what);
            assert_string_equal(account(&feed, rows[i].queue_id), rows[i].account);
            assert_string_equal(story(&feed, rows[i].queue_id), rows[i].story);
        }
        assert_int_equal(feed.unknown, 0);
        audit_all(&feed, &audit);
        assert_true(audit.balanced);
        assert_int_equal(audit.lost.total, 0);
        assert_int_equal(audit.twice.total, 1);
        books_feed_remove(&feed);
    }
}

#define SMTPD "Nov 29 08:00:00 gw postfix/smtpd[7]: "
#define CLEANUP "Nov 29 08:00:00 gw postfix/cleanup[8]: "
#define QMGR "Nov 29 08:00:01 gw postfix/qmgr[9]: "
#define NEW "Nov 29 08:00:02 gw postfix/cutover-new/smtp[10]: "
#define RELAY ", relay=h[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status="
#define COMES(Q) SMTPD Q ": client=c[192.0.2.9]\n" CLEANUP Q ": message-id=<" Q "@x>\n"
#define ACTIVE(Q, N) QMGR Q ": from=<s@x.test>, size=4, nrcpt=" N " (queue active)\n"
#define SENT(Q, TO) NEW Q ": to=<" TO "@new.test>" RELAY "sent (250 ok)\n"
#define REMOVED(Q) "Nov 29 08:00:09 gw postfix/qmgr[9]: " Q ": removed\n"
#define Q1 "4jYVch3KtSz1bYF1"
#define Q2 "4jYVch3KtSz1bYF2"

static void
each_case_by_itself(void **state)
{
    static const struct {
        const char *what;
        const char *lines;
        const char *queue_id;
        const char *account;
    } rows[] = {
        {"fewer ends than recipients",
            COMES(Q1) ACTIVE(Q1, "2") SENT(Q1, "a") REMOVED(Q1), Q1,
            "mail ended 2 delivered lost"},
        {"an activation alone is enough", ACTIVE(Q1, "2") SENT(Q1, "a") REMOVED(Q1), Q1,
            "mail ended 2 delivered lost"},
        {"a message older than the log: others may have ended before",
            ACTIVE(Q1, "3") NEW Q1
            ": to=<a@new.test>, relay=h[192.0.2.1]:25, delay=4000, delays=3999/0/0/1, "
            "dsn=2.0.0, status=sent (250 ok)\n" REMOVED(Q1),
            Q1, "mail ended 0 delivered"},
        {"told twice", COMES(Q1) ACTIVE(Q1, "1") SENT(Q1, "a") SENT(Q1, "a") REMOVED(Q1),
            Q1, "mail ended 1 delivered?"},
        {"delivered stays so",
            COMES(Q1) ACTIVE(Q1, "1") SENT(Q1, "a") NEW Q1
            ": to=<a@new.test>" RELAY "deferred (lost connection with h while x)\n",
            Q1, "mail active 1 delivered?"},
        {"may be sent more than once",
            COMES(Q1) ACTIVE(Q1, "1") NEW Q1
            ": to=<a@new.test>" RELAY
            "deferred (conversation with h[192.0.2.1] timed out "
            "while sending end of data -- message may be sent more than once)\n",
            Q1, "mail active 1 waiting?"},
        {"a bounce that failed is tried again",
            COMES(Q1) ACTIVE(Q1, "1") NEW Q1
            ": to=<a@new.test>" RELAY "bounced (host h[192.0.2.1] said: 550 no)\n" NEW Q1
            ": status=deferred (bounce failed)\n" SENT(Q1, "a") REMOVED(Q1),
            Q1, "mail ended 1 delivered"},
        {"a held alias becomes others",
            COMES(Q1) CLEANUP Q1 ": hold: header X: y from c[192.0.2.9]; from=<s@x.test> "
                                 "to=<all@new.test> proto=ESMTP helo=<c>\n"
                                 "Nov 29 08:00:01 gw postfix/postsuper[3]: " Q1
                                 ": released from hold\n" ACTIVE(Q1, "2") NEW Q1
            ": to=<a@new.test>, orig_to=<all@new.test>" RELAY "sent (250 ok)\n" NEW Q1
            ": to=<b@new.test>, orig_to=<all@new.test>" RELAY
            "sent (250 ok)\n" REMOVED(Q1),
            Q1, "mail ended 2 delivered delivered"},
        {"a hold of the client before is not this one's",
            SMTPD "NOQUEUE: hold: RCPT from c[192.0.2.9]: x; from=<a@x> to=<b@y>\n" SMTPD
                  "disconnect from c[192.0.2.9]\n" SMTPD
                  "connect from d[192.0.2.8]\n" COMES(Q1),
            Q1, "mail begun 0"},
        {"a hold with the id known",
            SMTPD Q1 ": client=c[192.0.2.9]\n" SMTPD Q1
                     ": hold: RCPT from c[192.0.2.9]: x; from=<a@x> to=<b@y>\n" CLEANUP Q1
                     ": message-id=<x@y>\n",
            Q1, "mail held 1 waiting"},
        {"a client that is gone before its content is not held",
            SMTPD
            "NOQUEUE: hold: RCPT from c[192.0.2.9]: x; from=<a@x> to=<b@y>\n" SMTPD Q1
            ": client=c[192.0.2.9]\n",
            Q1, "mail begun 0"},
        {"milter-hold",
            COMES(Q1) CLEANUP Q1
            ": milter-hold: END-OF-MESSAGE from "
            "c[192.0.2.9]: dmarc; from=<a@x> to=<b@y> proto=ESMTP helo=<c>\n",
            Q1, "mail held 1 waiting"},
        {"milter-reject has no end line",
            COMES(Q1) CLEANUP Q1
            ": milter-reject: "
            "END-OF-MESSAGE from c[192.0.2.9]: 5.7.1 no; from=<a@x> to=<b@y>\n",
            Q1, "mail begun 0"},
        {"3.10: cancelled", COMES(Q1) CLEANUP Q1 ": removed (canceled)\n", Q1,
            "mail ended 0"},
        {"3.10: discarded", COMES(Q1) CLEANUP Q1 ": removed (discarded)\n", Q1,
            "mail ended 1 discarded"},
        {"a short id that comes back: the earlier one lost its end",
            COMES("886662A1CAD") ACTIVE("886662A1CAD", "1") COMES("886662A1CAD"),
            "886662A1CAD", "mail begun 0"},
        {"discarded at its recipient: what comes with its content is no other message",
            SMTPD
            "NOQUEUE: discard: RCPT from c[192.0.2.9]: x; from=<a@x> to=<b@y>\n" COMES(
                Q1),
            Q1, "mail ended 1 discarded"},
        {"and from 3.10 it is removed",
            SMTPD
            "NOQUEUE: discard: RCPT from c[192.0.2.9]: x; from=<a@x> to=<b@y>\n" COMES(Q1)
                CLEANUP Q1 ": removed (discarded)\n",
            Q1, "mail ended 1 discarded"},
        {"discarded at its second recipient, too",
            SMTPD
            "NOQUEUE: discard: RCPT from c[192.0.2.9]: x; from=<a@x> to=<b@y>\n" COMES(Q1)
                SMTPD Q1
            ": discard: RCPT from c[192.0.2.9]: x; from=<a@x> to=<c@y>\n" CLEANUP Q1
            ": removed (discarded)\n",
            Q1, "mail ended 2 discarded discarded"},
        {"an id that comes back after a discard",
            SMTPD
            "NOQUEUE: discard: RCPT from c[192.0.2.9]: x; from=<a@x> to=<b@y>\n" COMES(Q1)
                COMES(Q1) ACTIVE(Q1, "1"),
            Q1, "mail active 1"},
        {"another site's own sender is mail as any other",
            COMES(Q1) QMGR Q1
            ": from=<double-bounce@x.test>, size=4, nrcpt=1 (queue active)\n" SENT(
                Q1, "a") REMOVED(Q1),
            Q1, "mail ended 1 delivered"},
        {"a field that stands twice is no second message",
            COMES(Q1) CLEANUP Q1 ": message-id=<other@x>\n" ACTIVE(Q1, "1"), Q1,
            "mail active 1"},
        {"expired",
            COMES(Q1) ACTIVE(Q1, "2") SENT(Q1, "a") QMGR Q1
            ": from=<s@x.test>, status=expired, returned to sender\n" REMOVED(Q1),
            Q1, "mail ended 2 delivered expired"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        for (unsigned each = 0; each < 2; each++) {
            struct books_feed feed = {.path = ""};

            print_message("# %s, commit each %u\n", rows[i].what, each);
            books_feed_open(&feed);
            books_feed_lines(&feed, rows[i].lines, each);
            assert_string_equal(account(&feed, rows[i].queue_id), rows[i].account);
            books_feed_remove(&feed);
        }
    }
}

/* One log of two hosts, which gave the same short id; and one whose smtpd for a content
 * filter's mail has a name of its own. */
static void
an_id_is_its_hosts(void **state)
{
    static const char two[] = SMTPD
        "886662A1CAD: client=c[192.0.2.9]\n"
        "Nov 29 08:00:00 gx postfix/smtpd[7]: 886662A1CAD: client=d[192.0.2.8]\n" CLEANUP
        "886662A1CAD: message-id=<1@x>\n"
        "Nov 29 08:00:00 gx postfix/cleanup[8]: 886662A1CAD: message-id=<2@x>\n" ACTIVE(
            "886662A1CAD",
            "1") "Nov 29 08:00:01 gx postfix/qmgr[9]: 886662A1CAD: from=<s@x>, size=4, "
                 "nrcpt=2 (queue active)\n" SENT("886662A1CAD", "a")
                     REMOVED("886662A1CAD") "Nov 29 08:00:09 gx postfix/qmgr[9]: "
                                            "886662A1CAD: removed\n";
    static const char named[] =
        "Nov 29 08:00:00 filter postfix/smtpd[7]: 886662A1CAD: "
        "client=c[192.0.2.9]\n" CLEANUP
        "886662A1CAD: message-id=<1@x>\n" ACTIVE("886662A1CAD", "1")
            ACTIVE("886662A1CAD", "1") SENT("886662A1CAD", "a") REMOVED("886662A1CAD");

    (void)state;
    for (unsigned each = 0; each < 2; each++) {
        struct books_feed feed = {.path = ""};

        books_feed_open(&feed);
        books_feed_lines(&feed, two, each);
        assert_string_equal(
            books_feed_ask(&feed, "SELECT host, message_id, group_concat(end) FROM "
                                  "message m JOIN recipient "
                                  "r ON r.message = m.id GROUP BY m.id ORDER BY 1"),
            "gw 1@x 1\ngx 2@x 7,7");
        books_feed_remove(&feed);
        books_feed_open(&feed);
        books_feed_lines(&feed, named, each);
        assert_string_equal(account(&feed, "886662A1CAD"), "mail ended 1 delivered");
        assert_string_equal(books_feed_ask(&feed, "SELECT count(*) FROM message"), "1");
        books_feed_remove(&feed);
    }
}

static void
ids_of_one_mail_are_one_story(void **state)
{
    static const char two_passes[] = COMES(Q1) ACTIVE(Q1, "1") SMTPD Q2
        ": client=localhost[127.0.0.1]\n" CLEANUP Q2 ": message-id=<" Q1 "@x>\n"
        "Nov 29 08:00:02 gw postfix/smtp[4]: " Q1 ": to=<a@new.test>" RELAY
        "sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as " Q2
        ")\n" REMOVED(Q1) ACTIVE(Q2, "1") SENT(Q2, "a") REMOVED(Q2);
    static const char another[] = COMES(Q1) ACTIVE(Q1, "1")
        COMES(Q2) "Nov 29 08:00:02 gw postfix/smtp[4]: " Q1 ": to=<a@new.test>" RELAY
                  "sent (250 Ok: queued as " Q2 ")\n";

    (void)state;
    for (unsigned each = 0; each < 2; each++) {
        struct books_feed feed = {.path = ""};
        struct audit audit;

        books_feed_open(&feed);
        books_feed_lines(&feed, two_passes, each);
        assert_string_equal(story(&feed, Q2), Q1);
        audit_all(&feed, &audit);
        assert_int_equal(audit.messages, 2);
        assert_int_equal(audit.stories, 1);
        books_feed_remove(&feed);
        books_feed_open(&feed);
        books_feed_lines(&feed, another, each);
        assert_string_equal(story(&feed, Q2), Q2);
        books_feed_remove(&feed);
    }
}

/* Fifty thousand at once, each heard of twice: no square of them. */
static void
many_recipients_take_no_longer_each(void **state)
{
    enum { MANY = 50000 };
    struct books_feed feed = {.path = ""};
    struct buffer out;

    (void)state;
    buffer_init(&out, 64 << 20);
    buffer_append_text(&out, COMES(Q1) ACTIVE(Q1, "50000"));
    for (int i = 0; i < 2 * MANY; i++)
        buffer_printf(&out, NEW Q1 ": to=<u%d@new.test>" RELAY "%s\n", i % MANY,
            i < MANY ? "deferred (later)" : "sent (ok)");
    buffer_append_text(&out, REMOVED(Q1));
    buffer_append_octet(&out, '\0');
    books_feed_open(&feed);
    books_feed_lines(&feed, out.data, 0);
    buffer_clear(&out);
    assert_string_equal(
        books_feed_ask(
            &feed, "SELECT end, attempts, count(*) FROM recipient GROUP BY 1, 2"),
        "1 2 50000");
    books_feed_remove(&feed);
}

static void
tls_is_of_the_next_delivery(void **state)
{
    static const char lines[] =
        "Nov 29 08:00:02 gw postfix/cutover-new/smtp[10]: Trusted TLS connection "
        "established to h[192.0.2.1]:25: TLSv1.3 with cipher X\n" COMES(Q1) SENT(Q1, "a")
            SENT(Q1, "b") COMES(Q2) SENT(Q2, "c");
    struct books_feed feed = {.path = ""};

    (void)state;
    books_feed_open(&feed);
    books_feed_lines(&feed, lines, 1);
    assert_string_equal(
        books_feed_ask(&feed, "SELECT substr(addr, 1, 1), tls FROM recipient ORDER BY 1"),
        "a TLSv1.3\nb TLSv1.3\nc ");
    books_feed_remove(&feed);
}

/* It is counted by the queue manager, and in no account of ours. */
static void
a_copy_for_undo_is_in_no_balance(void **state)
{
    static const char copy[] = "Nov 29 08:00:03 gw postfix/cutover-undo/lmtp[11]: " Q1
                               ": to=<undo@undo.postshift.invalid>" RELAY;
    static const struct {
        const char *what;
        const char *lines; /* behind those of the copy */
        const char *ends;
        unsigned accepted;
        unsigned waiting;
        bool balanced;
    } rows[] = {
        {"sent (ok)\n", SENT(Q1, "a") REMOVED(Q1), "8 1", 1, 0, true},
        {"bounced (no)\n", SENT(Q1, "a") REMOVED(Q1), "8 1", 1, 0, true},
        {"deferred (later)\n", SENT(Q1, "a"), "8 1", 1, 0, true},
        {"sent (ok)\n", "", "8", 1, 1, true},
        /* The other one has lost its end. */
        {"sent (ok)\n", REMOVED(Q1), "8 7", 1, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct books_feed feed = {.path = ""};
        struct audit audit;
        char lines[4000];

        print_message("# %s", rows[i].what);
        (void)snprintf(lines, sizeof(lines), "%s%s%s%s", COMES(Q1) ACTIVE(Q1, "2"), copy,
            rows[i].what, rows[i].lines);
        books_feed_open(&feed);
        books_feed_lines(&feed, lines, 1);
        assert_string_equal(
            books_feed_ask(&feed, "SELECT group_concat(end, ' ') FROM recipient"),
            rows[i].ends);
        audit_all(&feed, &audit);
        assert_int_equal(audit.accepted, rows[i].accepted);
        assert_int_equal(audit.ends[END_WAITING], rows[i].waiting);
        assert_int_equal(audit.balanced, rows[i].balanced);
        books_feed_remove(&feed);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_zoo_ends_as_the_law_says),
        cmocka_unit_test(each_case_by_itself),
        cmocka_unit_test(an_id_is_its_hosts),
        cmocka_unit_test(ids_of_one_mail_are_one_story),
        cmocka_unit_test(many_recipients_take_no_longer_each),
        cmocka_unit_test(tls_is_of_the_next_delivery),
        cmocka_unit_test(a_copy_for_undo_is_in_no_balance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
