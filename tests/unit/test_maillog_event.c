/*
 * What happened to which message, by the text of a line; strangers' words imitate
 * nothing.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "policyd/maillog/maillog_event.h"
#include "policyd/maillog/queue_id.h"
#include "shared/base/attributes.h"

static struct maillog_event
read(const char *daemon, const char *text)
{
    const struct maillog_line line = {.program = MAILLOG_POSTFIX,
        .instance = SPAN("postfix"),
        .daemon = span_of(daemon),
        .text = span_of(text)};
    struct maillog_event event;

    maillog_event_parse(&line, &event);
    return event;
}

#define Q "4jYVch3KtSz1bYFk: "

static void
knows_every_form(void **state)
{
    static const struct {
        const char *daemon;
        const char *text;
        enum maillog_kind kind;
    } rows[] = {
        {"smtpd", "connect from localhost[127.0.0.1]", MAILLOG_SESSION},
        {"smtpd", Q "client=localhost[127.0.0.1]", MAILLOG_BEGUN},
        {"pickup", Q "uid=0 from=<local@s.test>", MAILLOG_BEGUN},
        {"cleanup", Q "message-id=<x@y>", MAILLOG_MESSAGE_ID},
        {"cleanup", Q "message-id=", MAILLOG_MESSAGE_ID},
        {"cleanup", Q "resent-message-id=<x@y>", MAILLOG_NOTHING},
        {"qmgr", Q "from=<a@b>, size=4, nrcpt=2 (queue active)", MAILLOG_ACTIVE},
        {"qmgr", Q "from=<>, size=4, nrcpt=2 (queue active)", MAILLOG_ACTIVE},
        {"qmgr", Q "from=<\"a b\"@s.test>, size=4, nrcpt=2 (queue active)",
            MAILLOG_ACTIVE},
        {"qmgr", Q "from=<a@b>, status=expired, returned to sender", MAILLOG_GIVEN_UP},
        {"qmgr", Q "from=<a@b>, status=force-expired, returned to sender",
            MAILLOG_GIVEN_UP},
        {"qmgr", Q "removed", MAILLOG_REMOVED},
        {"qmgr", Q "skipped, still being delivered", MAILLOG_NOTHING},
        {"postsuper", Q "removed", MAILLOG_REMOVED},
        {"cleanup", Q "removed (canceled)", MAILLOG_REMOVED},
        {"postsuper", Q "placed on hold", MAILLOG_HELD},
        {"postsuper", Q "released from hold", MAILLOG_RELEASED},
        {"postsuper", Q "requeued", MAILLOG_REQUEUED},
        {"postsuper", Q "expired", MAILLOG_EXPIRE_ORDER},
        {"postsuper", "Deleted: 1 message", MAILLOG_NOTHING},
        {"bounce", Q "sender non-delivery notification: 4jYVch3KtSz1bYFm",
            MAILLOG_NOTICE},
        {"bounce", Q "sender delay notification: 3A7AEA72180", MAILLOG_NOTICE},
        {"smtp",
            Q "to=<a@b>, new=x, relay=h[1.2.3.4]:25, more=y, delay=1, delays=0/0/0/1, "
              "tls=may, dsn=2.0.0, else=z, status=sent (ok)",
            MAILLOG_ATTEMPT},
        {"bounce", "warning: " Q "undeliverable postmaster notification discarded",
            MAILLOG_NOTHING},
        {"bounce", Q "sender notification failed to <a@s.test>: queue file write error",
            MAILLOG_NOTHING},
        {"cleanup", Q "hold: header Subject: x from c[1.2.3.4]; from=<a@b> to=<c@d>",
            MAILLOG_ACTION},
        {"cleanup",
            Q "milter-reject: END-OF-MESSAGE from c[1.2.3.4]: 5.7.1 no; "
              "from=<a@b> to=<c@d> proto=ESMTP helo=<x>",
            MAILLOG_ACTION},
        {"smtpd", "NOQUEUE: reject: RCPT from c[1.2.3.4]: 550 no; from=<a@b> to=<c@d>",
            MAILLOG_ACTION},
        {"cutover-new/smtp",
            Q "host h[1.2.3.4] said: 450 x (in reply to RCPT TO command)",
            MAILLOG_NOTHING},
        {"smtp", Q "passing <a@b> to transport=lmtp", MAILLOG_NOTHING},
        {"smtp", "Trusted TLS connection established to h[1.2.3.4]:25: TLSv1.3 with x",
            MAILLOG_TLS},
        {"smtp", Q "something new altogether", MAILLOG_UNKNOWN_FORM},
        {"smtp", "note: nothing to do with a message", MAILLOG_NOTHING},
        {"master", "daemon started -- version 3.7.11, configuration /etc/postfix",
            MAILLOG_START},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s: %s\n", rows[i].daemon, rows[i].text);
        assert_int_equal(read(rows[i].daemon, rows[i].text).kind, rows[i].kind);
    }
}

static void
reads_an_attempt(void **state)
{
    struct maillog_event event = read("smtp",
        Q "to=<Ok+x@new.test>, orig_to=<alias@new.test>, "
          "relay=new.test[192.0.2.20]:25, conn_use=2, delay=7.28, "
          "delays=0.03/0.18/7/0.015, tls=may:none, dsn=2.0.0, status=sent (250 2.0.0 Ok: "
          "queued as 4ABCDEF012)");

    (void)state;
    assert_int_equal(event.kind, MAILLOG_ATTEMPT);
    assert_true(span_is(event.queue_id, "4jYVch3KtSz1bYFk"));
    assert_true(span_is(event.to, "Ok+x@new.test"));
    assert_true(span_is(event.orig_to, "alias@new.test"));
    assert_true(span_is(event.relay, "new.test[192.0.2.20]:25"));
    assert_int_equal(event.delay_ms, 7280);
    assert_int_equal(event.delays_ms[0], 30);
    assert_int_equal(event.delays_ms[2], 7000);
    assert_int_equal(event.delays_ms[3], 15);
    assert_true(span_is(event.dsn, "2.0.0"));
    assert_int_equal(event.status, MAILLOG_SENT);
    assert_true(span_is(event.other_id, "4ABCDEF012"));
    assert_false(event.is_forwarded || event.maybe_double);
}

static void
a_header_names_nobody(void **state)
{
    struct maillog_event event = read("cleanup",
        Q "hold: header Subject: x; from=<fake@x> to=<fake@y> from c[192.0.2.9]; "
          "from=<a@s.test> to=<b@new.test> proto=ESMTP helo=<c>: held");

    (void)state;
    assert_int_equal(event.action, MAILLOG_ACTION_HOLD);
    assert_true(span_is(event.from, "a@s.test"));
    assert_true(span_is(event.to, "b@new.test"));
}

/* HELO stands behind the envelope, and may hold blanks. */
static void
a_helo_names_nobody(void **state)
{
    static const struct {
        const char *daemon;
        const char *text;
        const char *to;
    } rows[] = {
        {"smtpd",
            "NOQUEUE: hold: RCPT from c[192.0.2.9]: <b@new.test>: Recipient address "
            "triggers HOLD action; from=<a@s.test> to=<b@new.test> proto=ESMTP "
            "helo=<x; from=<fake@x> to=<fake@y> proto=ESMTP helo=<z>",
            "b@new.test"},
        {"smtpd",
            "NOQUEUE: hold: RCPT from c[192.0.2.9]: <\"; from=<x> to=<y> "
            "proto=\"@new.test>:"
            " HOLD; from=<a@s.test> to=<b@new.test> proto=ESMTP helo=<c>",
            "b@new.test"},
        {"smtpd",
            "NOQUEUE: hold: RCPT from c[192.0.2.9]: see <https: HOLD; from=<a@s.test> "
            "to=<b@new.test> proto=ESMTP helo=<c>",
            "b@new.test"},
        {"cleanup",
            Q "hold: header Subject: x from c[192.0.2.9]; from=<a@s.test> "
              "to=<b@new.test> proto=ESMTP helo=<x; from=<fake@x> to=<fake@y>>",
            "b@new.test"},
        {"cleanup",
            Q "hold: header Subject: x from c[192.0.2.9]; from=<a@s.test> "
              "to=<b@new.test> proto=ESMTP helo=<x; from=<fake@x> to=<fake@y> proto=z>",
            ""},
        {"cleanup",
            Q "hold: header Subject: x from local; from=<a@s.test> to=<b@new.test>",
            "b@new.test"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct maillog_event event = read(rows[i].daemon, rows[i].text);

        print_message("# %s\n", rows[i].text);
        assert_int_equal(event.action, MAILLOG_ACTION_HOLD);
        assert_true(span_is(event.to, rows[i].to));
        assert_true(span_is(event.from, rows[i].to[0] != '\0' ? "a@s.test" : ""));
    }
}

static void
strangers_imitate_nothing(void **state)
{
    static const struct {
        const char *what;
        const char *text;
        const char *to;
        enum maillog_status status;
    } rows[] = {
        {"a reply that looks like the keys",
            Q "to=<a@b>, relay=h[1.2.3.4]:25, delay=1, delays=0/0/0/1, dsn=4.2.0, "
              "status=deferred (host h[1.2.3.4] said: 450 x>, relay=none, delay=0, "
              "delays=0/0/0/0, dsn=2.0.0, status=sent (250 ok) (in reply to RCPT TO "
              "command))",
            "a@b", MAILLOG_DEFERRED},
        {"a quoted local part that looks like them",
            Q
            "to=<\"x>, relay=none, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (250 "
            "ok\"@b>, relay=none, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced "
            "(no)",
            "\"x>, relay=none, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (250 "
            "ok\"@b",
            MAILLOG_BOUNCED},
        {"an escaped quote in it",
            Q "to=<\"a\\\">, relay=x\"@b>, relay=none, delay=1, delays=0/0/0/1, "
              "dsn=4.4.1, status=deferred (x)",
            "\"a\\\">, relay=x\"@b", MAILLOG_DEFERRED},
        {"blanks in a bare one",
            Q "to=<a b@c>, relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1, "
              "status=deferred (x)",
            "a b@c", MAILLOG_DEFERRED},
        {"a line that was cut",
            Q "to=<a@b>, relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1, status=deferred "
              "(connect to h",
            "a@b", MAILLOG_DEFERRED},
        {"a key of a later version between them",
            Q "to=<a@b>, relay=none, delay=1, delays=0/0/0/1, tls=may, what_else=1, "
              "dsn=4.4.1, status=SOFTBOUNCE (x)",
            "a@b", MAILLOG_SOFTBOUNCE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct maillog_event event = read("smtp", rows[i].text);

        print_message("# %s\n", rows[i].what);
        assert_int_equal(event.kind, MAILLOG_ATTEMPT);
        assert_true(span_is(event.to, rows[i].to));
        assert_int_equal(event.status, rows[i].status);
        assert_int_equal(event.other_id.length, 0);
    }
    assert_int_equal(
        read("smtp", Q "to=<a@b>, relay=none, delay=x, dsn=2.0.0, status=sent (x)").kind,
        MAILLOG_UNKNOWN_FORM);
}

static void
reads_who_follows_whom(void **state)
{
    struct maillog_event event;

    (void)state;
    event = read("local", Q "to=<f@l>, relay=local, delay=0, delays=0/0/0/0, dsn=2.0.0, "
                            "status=sent (forwarded as 4jYVch3KtSz1bYFm)");
    assert_true(event.is_forwarded && span_is(event.other_id, "4jYVch3KtSz1bYFm"));
    event = read("pickup", Q "uid=102 from=<a@s.test> orig_id=4jYVch3KtSz1bYFm");
    assert_true(span_is(event.other_id, "4jYVch3KtSz1bYFm"));
    event = read("smtpd", Q "client=c[1.2.3.4], orig_queue_id=3A7AEA72180, "
                            "orig_client=d[1.2.3.5]");
    assert_true(span_is(event.other_id, "3A7AEA72180"));
    assert_true(span_is(event.client, "c[1.2.3.4]"));
    assert_true(span_is(event.orig_client, "d[1.2.3.5]"));
    event = read("smtpd", Q "client=c[1.2.3.4], sasl_method=PLAIN, sasl_username=u@s");
    assert_true(span_is(event.login, "u@s"));
    event =
        read("smtp", Q "to=<a@b>, relay=h[1.2.3.4]:25, delay=1, delays=0/0/0/1, "
                       "dsn=4.4.2, status=deferred (conversation with h[1.2.3.4] timed "
                       "out while sending end of data -- message may be sent more than "
                       "once)");
    assert_true(event.maybe_double);
}

static void
knows_queue_ids(void **state)
{
    static const char *const good[] = {
        "3A7AEA72180", "886662A1CAD", "4jYVch3KtSz1bYFk", "4jcfyz2BY5z1dTqX"};
    static const char *const bad[] = {"", "NOQUEUE", "12345", "3a7aea72180x!", "warning",
        "4jYVch3KtSa1bYFk", "statistics"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
        assert_true(queue_id_is_valid(span_of(good[i])));
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        print_message("# %s\n", bad[i]);
        assert_false(queue_id_is_valid(span_of(bad[i])));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_every_form),
        cmocka_unit_test(reads_an_attempt),
        cmocka_unit_test(a_header_names_nobody),
        cmocka_unit_test(a_helo_names_nobody),
        cmocka_unit_test(strangers_imitate_nothing),
        cmocka_unit_test(reads_who_follows_whom),
        cmocka_unit_test(knows_queue_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
