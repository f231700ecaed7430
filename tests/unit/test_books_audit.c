/*
 * Twenty thousand messages with five things wrong: audit names exactly those.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "policyd/books/books_audit.h"
#include "policyd/books/books_inputs.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "tests/fakes/books_feed.h"

enum {
    MESSAGES = 20000,
    EACH = 5000, /* lines a transaction */
    TWICE = 4242,
    MISROUTED = 15151,
    DEFERRED_EACH = 50, /* every so many waits once */
    BOUNCED_EACH = 97,
    WAITING_EACH = 1999,
};

static const int lost[] = {777, 9001, 19998};

static bool
is_lost(int i)
{
    for (size_t k = 0; k < ARRAY_LENGTH(lost); k++) {
        if (lost[k] == i)
            return true;
    }
    return false;
}

/* A queue id without vowels. */
static const char *
id_of(int i, char out[20])
{
    static const char digits[] = "0123456789BCDFGHJKLMNPQRSTVWXYZ";
    char *at = out + 15;

    memcpy(out, "4jZ0000000z00000", 16);
    out[16] = '\0';
    for (; i > 0; i /= 31)
        *--at = digits[i % 31];
    return out;
}

static void
stamp(struct buffer *out, int i, int later)
{
    int second = i / 10 + later;

    buffer_printf(out, "Nov 29 %02d:%02d:%02d gw postfix/", 8 + second / 3600,
        second / 60 % 60, second % 60);
}

/* On old below 30 minutes from eight, on new from then on. */
static const char *
backend_at(int i)
{
    bool is_new = i / 10 >= 1800;

    return is_new == (i != MISROUTED) ? "new" : "old";
}

static void
attempt(struct buffer *out, int i, int later, const char *status)
{
    const char *backend = backend_at(i);
    char id[20];

    stamp(out, i, later);
    buffer_printf(out,
        "cutover-%s/smtp[30]: %s: to=<u%d@new.test>, relay=%s[192.0.2.1]:25, delay=1, "
        "delays=0/0/0.5/0.5, dsn=2.0.0, status=%s\n",
        backend, id_of(i, id), i, backend, status);
}

static void
write_message(struct buffer *out, int i)
{
    char id[20];

    (void)id_of(i, id);
    stamp(out, i, 0);
    buffer_printf(out, "smtpd[20]: %s: client=c%d.test[192.0.2.9]\n", id, i);
    stamp(out, i, 0);
    buffer_printf(out, "cleanup[21]: %s: message-id=<m%d@x.test>\n", id, i);
    stamp(out, i, 0);
    buffer_printf(out,
        "qmgr[22]: %s: from=<s%d@x.test>, size=999, nrcpt=1 (queue active)\n", id,
        i % 100);
    if (i == TWICE)
        attempt(out, i, 1,
            "deferred (conversation with new[192.0.2.1] timed out while sending end of "
            "data -- message may be sent more than once)");
    if (i % DEFERRED_EACH == 0 || i % WAITING_EACH == 0)
        attempt(out, i, 1,
            "deferred (host new[192.0.2.1] said: 450 4.2.0 to=<x@y>, relay=z, delay=0, "
            "delays=0/0/0/0, dsn=2.0.0, status=sent (250 ok) (in reply to RCPT TO "
            "command))");
    if (i % WAITING_EACH == 0)
        return;
    if (!is_lost(i) && i % BOUNCED_EACH == 0)
        attempt(out, i, 2,
            "bounced (host new[192.0.2.1] said: 550 5.1.1 no; status=sent (250 ok) (in "
            "reply to RCPT TO command))");
    else if (!is_lost(i))
        attempt(out, i, 2, "sent (250 2.0.0 Ok: status=deferred (later) removed)");
    stamp(out, i, 2);
    buffer_printf(out, "qmgr[22]: %s: removed\n", id);
}

static void
enter_input(struct books_feed *feed, int64_t time_ms, const char *weight)
{
    char value[200];
    struct error error;

    (void)snprintf(value, sizeof(value),
        "old=cutover-old:[192.0.2.10]:25\nnew=cutover-new:[192.0.2.20]:25\nweight=%s",
        weight);
    assert_true(books_begin(feed->books, &error) &&
                books_enter_input(feed->books, time_ms, SPAN("domain:new.test"),
                    span_of(value), &error) &&
                books_commit(feed->books, &error));
}

static void
fill(struct books_feed *feed)
{
    const int64_t eight = INT64_C(1795939200000);
    struct buffer out;

    books_feed_open(feed);
    enter_input(feed, eight - 3600000, "0");
    enter_input(feed, eight + 1800000, "100");
    buffer_init(&out, 64 << 20);
    for (int i = 0; i < MESSAGES; i++)
        write_message(&out, i);
    buffer_append_octet(&out, '\0');
    books_feed_lines(feed, out.data, EACH);
    buffer_clear(&out);
}

static void
assert_names(const struct audit_names *names, const int *wanted, size_t count)
{
    char id[20];

    assert_int_equal(names->total, count);
    assert_int_equal(names->count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(names->ids[i], id_of(wanted[i], id));
}

static void
audit_names_exactly_those(void **state)
{
    static const struct route_rules rules = {
        .recipient = {.delimiters = "+", .fold_local_part = true}};
    static const struct domain_state_rules state_rules = {0};
    static const int twice[] = {TWICE};
    static const int misrouted[] = {MISROUTED};
    struct books_feed feed = {.path = ""};
    struct arena *arena = arena_new(16 << 20);
    struct audit audit;
    struct error error;
    uint64_t sum = 0;

    (void)state;
    fill(&feed);
    assert_int_equal(feed.unknown, 0);
    assert_true(books_audit(
        feed.books, arena, 0, INT64_MAX, &rules, &state_rules, &audit, &error));
    assert_false(audit.balanced);
    assert_names(&audit.lost, lost, ARRAY_LENGTH(lost));
    assert_names(&audit.twice, twice, ARRAY_LENGTH(twice));
    assert_names(&audit.misrouted, misrouted, ARRAY_LENGTH(misrouted));
    assert_int_equal(audit.messages, MESSAGES);
    assert_int_equal(audit.stories, MESSAGES);
    assert_int_equal(audit.accepted, MESSAGES);
    for (size_t i = 0; i < END_COUNT; i++)
        sum += audit.ends[i];
    assert_int_equal(sum, MESSAGES);
    assert_int_equal(audit.ends[END_LOST], ARRAY_LENGTH(lost));
    assert_int_equal(
        audit.ends[END_WAITING], (MESSAGES + WAITING_EACH - 1) / WAITING_EACH);
    assert_int_equal(audit.backends[BACKEND_OTHER] + audit.backends[BACKEND_STANDBY], 0);
    arena_free(arena);
    books_feed_remove(&feed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(audit_names_exactly_those),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
