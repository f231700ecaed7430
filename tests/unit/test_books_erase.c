/*
 * An address is in no row and in no octet of the file afterwards, and is not written
 * back.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/books/books_erase.h"
#include "policyd/books/books_inputs.h"
#include "policyd/books/books_outbox.h"
#include "policyd/books/books_trace.h"
#include "shared/base/attributes.h"
#include "tests/fakes/books_feed.h"

#define Q "4jYVch3KtSz1bYF1"
#define R "4jYVch3KtSz1bYF2"
#define AGENT "Nov 29 08:00:02 gw postfix/cutover-new/smtp[10]: "

static const char lines[] =
    "Nov 29 08:00:00 gw postfix/smtpd[7]: NOQUEUE: hold: RCPT from c[192.0.2.7]: x; "
    "from=<q@x.test> to=<Alice@new.test>\n"
    "Nov 29 08:00:00 gw postfix/smtpd[6]: " Q ": client=c[192.0.2.9], sasl_method=PLAIN, "
    "sasl_username=alice@new.test\n"
    "Nov 29 08:00:00 gw postfix/cleanup[8]: " Q ": message-id=<1@x>\n"
    "Nov 29 08:00:01 gw postfix/qmgr[9]: " Q
    ": from=<alice@new.test>, size=4, nrcpt=4 (queue active)\n" AGENT Q
    ": to=<ALICE@new.test>, orig_to=<alice@new.test>, relay=h[192.0.2.1]:25, delay=1, "
    "delays=0/0/0/1, dsn=4.0.0, status=deferred (host h[192.0.2.1] said: 450 "
    "<alice@new.test>: not now (in reply to RCPT TO command))\n" AGENT Q
    ": to=<malice@new.test>, relay=h[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, "
    "status=sent (250 ok)\n" AGENT Q
    ": to=<bob@new.test>, relay=h[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, "
    "status=sent (250 alice@new.test.)\n" AGENT Q ": alice@new.test in a new form\n"
    "Nov 29 08:00:03 gw postshift-auth[3]: " Q ": auth: spf=pass, from=alice@new.test\n";

/* Written into others' addresses by forwarders, lists and senders. */
static const char forms[] =
    "Nov 29 08:00:04 gw postfix/smtpd[6]: " R ": client=c[192.0.2.9]\n"
    "Nov 29 08:00:04 gw postfix/cleanup[8]: " R ": message-id=<alice=new.test@x>\n"
    "Nov 29 08:00:04 gw postfix/qmgr[9]: " R
    ": from=<SRS0=HHHH=TT=New.test=Alice@gw.test>, size=4, nrcpt=3 (queue active)\n" AGENT
        R ": to=<bounce+alice=new.test@list.test>, orig_to=<Alice+News@new.test>, "
    "relay=h[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 "
    "ok)\n" AGENT R ": to=<prvs=0123456789=alice@new.test>, relay=h[192.0.2.1]:25, "
    "delay=1, delays=0/0/0/1, "
    "dsn=2.0.0, status=sent (250 ok)\n" AGENT R
    ": to=<bounce+malice=new.test@list.test>, relay=h[192.0.2.1]:25, delay=1, "
    "delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)\n"
    "Nov 29 08:00:05 gw postfix/qmgr[9]: " R ": removed\n";

static void
enter_others(struct books_feed *feed)
{
    struct error error;
    bool news;

    assert_true(books_begin(feed->books, &error));
    assert_true(books_enter_input(
        feed->books, 1, SPAN("pin:alice@new.test"), SPAN("new"), &error));
    assert_true(books_enter_input(
        feed->books, 1, SPAN("unit:bob@new.test"), SPAN("alice@new.test"), &error));
    assert_true(books_ledger_add(
        feed->books, SPAN("new.test"), SPAN("alice@new.test"), 1, true, &news, &error));
    assert_true(
        books_outbox_add(feed->books, SPAN("ledger alice@new.test sure"), &error));
    assert_true(books_commit(feed->books, &error));
}

static bool
is_in_file(const struct books_feed *feed, const char *end, const char *word)
{
    char path[80];
    char *octets = malloc(8 << 20);
    size_t length;
    bool found = false;
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s%s", feed->path, end);
    file = fopen(path, "r");
    assert_non_null(octets);
    length = file == NULL ? 0 : fread(octets, 1, 8 << 20, file);
    for (size_t at = 0; at + strlen(word) <= length && !found; at++)
        found = strncasecmp(octets + at, word, strlen(word)) == 0 &&
                (at == 0 || (octets[at - 1] != 'm' && octets[at - 1] != 'M'));
    if (file != NULL)
        (void)fclose(file);
    free(octets);
    return found;
}

static bool
is_anywhere(const struct books_feed *feed)
{
    static const char *const words[] = {
        "alice@new.test", "alice=new.test", "new.test=alice", "alice+news"};

    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (is_in_file(feed, "", words[i]) || is_in_file(feed, "-wal", words[i]))
            return true;
    }
    return false;
}

static size_t
count_found(struct books_feed *feed, const struct trace_query *asked)
{
    const struct trace_query query = *asked;
    struct arena *arena = arena_new(16 << 20);
    struct trace_story *stories;
    struct error error;
    size_t count = 0;
    bool more;

    assert_true(books_trace(feed->books, arena, &query, &stories, &count, &more, &error));
    arena_free(arena);
    return count;
}

static size_t
count_traced(struct books_feed *feed, const char *to)
{
    return count_found(feed, &(struct trace_query){.to = span_of(to)});
}

/* By the name that stands there now, in the form that it had. */
static void
assert_forms_are_found(struct books_feed *feed, const char *name)
{
    struct span local = span_first(span_of(name), span_find(span_of(name), '@'));
    char sender[200];
    char message_id[200];
    char to[200];

    (void)snprintf(sender, sizeof(sender), "SRS0=HHHH=TT=new.test=%.*s@gw.test",
        (int)local.length, local.data);
    (void)snprintf(
        message_id, sizeof(message_id), "%.*s=new.test@x", (int)local.length, local.data);
    (void)snprintf(
        to, sizeof(to), "bounce+%.*s=new.test@list.test", (int)local.length, local.data);
    assert_int_equal(
        count_found(feed, &(struct trace_query){.from = span_of(sender)}), 1);
    assert_int_equal(
        count_found(feed, &(struct trace_query){.message_id = span_of(message_id)}), 1);
    assert_int_equal(count_traced(feed, to), 1);
    assert_int_equal(count_traced(feed, "bounce+malice=new.test@list.test"), 1);
}

static void
nothing_is_left(void **state)
{
    struct books_feed feed = {.path = ""};
    struct books_feed other = {.path = ""};
    struct books_erased erased;
    struct error error = {.text = ""};

    (void)state;
    books_feed_open(&feed);
    books_feed_lines(&feed, lines, 1);
    books_feed_lines(&feed, forms, 1);
    enter_others(&feed);
    assert_int_equal(feed.unknown, 1);
    assert_true(is_in_file(&feed, "", "alice@new.test") ||
                is_in_file(&feed, "-wal", "alice@new.test"));
    /* By another process, as it were: ours goes on with what it has in memory. */
    memcpy(other.path, feed.path, sizeof(feed.path));
    books_feed_open(&other);
    if (!books_erase(other.books, SPAN("Alice@New.test"), &erased, &error))
        print_message("# %s\n", error.text);
    assert_string_equal(error.text, "");
    assert_int_equal(erased.messages, 2);
    assert_int_equal(erased.recipients, 4);
    assert_true(erased.others >= 8);
    assert_false(is_anywhere(&feed));
    assert_int_equal(count_traced(&other, "alice@new.test"), 0);
    assert_int_equal(count_traced(&other, erased.name), 2);
    assert_forms_are_found(&other, erased.name);
    assert_int_equal(count_traced(&other, "malice@new.test"), 1);
    books_feed_close(&other);
    books_feed_lines(&feed,
        AGENT Q ": to=<carl@new.test>, relay=h[192.0.2.1]:25, delay=1, delays=0/0/0/1, "
                "dsn=2.0.0, status=sent (250 ok)\n"
                "Nov 29 08:00:09 gw postfix/qmgr[9]: " Q ": removed\n",
        1);
    books_feed_close(&feed);
    assert_false(is_anywhere(&feed));
    books_feed_remove(&feed);
}

static void
an_address_is_asked_for(void **state)
{
    static const char *const rows[] = {"", "alice", "@new.test", "alice@"};
    struct books_feed feed = {.path = ""};
    struct books_erased erased;
    struct error error;

    (void)state;
    books_feed_open(&feed);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        assert_false(books_erase(feed.books, span_of(rows[i]), &erased, &error));
    books_feed_remove(&feed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left),
        cmocka_unit_test(an_address_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
