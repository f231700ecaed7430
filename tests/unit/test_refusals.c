/*
 * Who was refused by new at RCPT: told by the books, once, and not where it is undone.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "policyd/cutover/refusals.h"
#include "shared/base/attributes.h"
#include "tests/fakes/books_feed.h"

#define REAL "tests/data/maillog/own-status-filter-5xx-at-rcpt.log"
#define STAMP "2026-11-29T08:00:0"
#define ACTIVE(second, id)                                                               \
    STAMP second "+00:00 gw postfix/qmgr[2]: " id                                        \
                 ": from=<s@outside.example>, size=400, nrcpt=1 (queue active)\n"
#define ATTEMPT(second, service, id, to, text)                                           \
    STAMP second "+00:00 gw postfix/" service "[3]: " id ": to=<" to                     \
                 ">, relay=h[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=4.4.1, "        \
                 "status=deferred (" text ")\n"
#define SAID(reply, command)                                                             \
    "host h[192.0.2.1] said: " reply " (in reply to " command " command)"

struct told {
    unsigned count;
    struct refusal last;
    char recipients[4096];
};

static void
attempted(void *argument, const struct books_attempt *attempt)
{
    refusals_note(argument, attempt, SPAN("unit@example.com"));
}

static void
take(void *argument, const struct refusal *refusal)
{
    struct told *told = argument;

    told->count++;
    assert_string_equal(refusal->unit, "unit@example.com");
    (void)strncat(told->recipients, refusal->recipient,
        sizeof(told->recipients) - strlen(told->recipients) - 2);
    (void)strcat(told->recipients, " ");
}

static void
open_feed(struct books_feed *feed, struct refusals *refusals)
{
    feed->rules.attempted = attempted;
    feed->rules.argument = refusals;
    books_feed_open(feed);
}

static void
notes_what_new_says_to_rcpt_for_good(void **state)
{
    static const struct {
        const char *what;
        const char *attempt;
        bool wanted;
    } rows[] = {
        {"550",
            ATTEMPT("1", "cutover-new/smtp", "A0000001", "a@example.com",
                SAID("550 5.1.1 no", "RCPT TO")),
            true},
        {"Exchange Online",
            ATTEMPT("1", "cutover-new/smtp", "A0000001", "a@example.com",
                SAID("550 5.4.1 Recipient address rejected: Access denied", "RCPT TO")),
            true},
        {"553",
            ATTEMPT("1", "cutover-new/smtp", "A0000001", "a@example.com",
                SAID("553 5.3.0 <a@example.com>... No such user here", "RCPT TO")),
            true},
        {"a bare 550",
            ATTEMPT("1", "cutover-new/smtp", "A0000001", "a@example.com",
                SAID("550", "RCPT TO")),
            true},
        {"lmtp",
            ATTEMPT("1", "cutover-new-lmtp/lmtp", "A0000001", "a@example.com",
                SAID("550 5.1.1 no", "RCPT TO")),
            true},
        {"450",
            ATTEMPT("1", "cutover-new/smtp", "A0000001", "a@example.com",
                SAID("450 4.2.1 later", "RCPT TO")),
            false},
        {"at MAIL",
            ATTEMPT("1", "cutover-new/smtp", "A0000001", "a@example.com",
                SAID("550 5.7.1 no", "MAIL FROM")),
            false},
        {"after the content",
            ATTEMPT("1", "cutover-new/smtp", "A0000001", "a@example.com",
                SAID("550 5.7.1 spam", "end of DATA")),
            false},
        {"old",
            ATTEMPT("1", "cutover-old/smtp", "A0000001", "a@example.com",
                SAID("550 5.1.1 no", "RCPT TO")),
            false},
        {"the site's own",
            ATTEMPT("1", "smtp", "A0000001", "a@example.com",
                SAID("550 5.1.1 no", "RCPT TO")),
            false},
        {"suspended for what was said before",
            ATTEMPT("1", "error", "A0000001", "a@example.com",
                "delivery temporarily suspended: " SAID("550 5.1.1 no", "RCPT TO")),
            false},
        {"words of the reply about RCPT",
            ATTEMPT("1", "cutover-new/smtp", "A0000001", "a@example.com",
                SAID("550 x (in reply to RCPT TO command)", "MAIL FROM")),
            false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct books_feed feed = {.path = ""};
        struct refusals refusals = {.count = 0};

        print_message("# %s\n", rows[i].what);
        open_feed(&feed, &refusals);
        books_feed_lines(&feed, ACTIVE("0", "A0000001"), 0);
        books_feed_lines(&feed, rows[i].attempt, 0);
        assert_int_equal(refusals.count, rows[i].wanted);
        if (rows[i].wanted) {
            assert_string_equal(refusals.rows[0].recipient, "a@example.com");
            assert_string_equal(refusals.rows[0].domain, "example.com");
            assert_string_equal(refusals.rows[0].queue_id, "A0000001");
            assert_non_null(strstr(refusals.rows[0].reply, "said: 55"));
        }
        refusals_clear(&refusals);
        books_feed_remove(&feed);
    }
}

static void
a_real_log_names_each_of_them(void **state)
{
    struct books_feed feed = {.path = ""};
    struct refusals refusals = {.count = 0};
    struct told told = {.count = 0};

    (void)state;
    open_feed(&feed, &refusals);
    books_feed_file(&feed, REAL, 0);
    refusals_hand_over(&refusals, feed.last_ms, take, &told);
    assert_non_null(strstr(told.recipients, "o365@new.test "));
    assert_non_null(strstr(told.recipients, "sendmail@new.test "));
    assert_non_null(strstr(told.recipients, "nocode@new.test "));
    assert_non_null(strstr(told.recipients, "mb521@new.test "));
    assert_int_equal(refusals.count, 0);
    refusals_clear(&refusals);
    books_feed_remove(&feed);
}

static void
what_is_undone_is_told_once_when_it_is_entered_again(void **state)
{
    static const char attempt[] = ATTEMPT("1", "cutover-new/smtp", "A0000001",
        "a@example.com", SAID("550 5.1.1 no", "RCPT TO"));
    struct books_feed feed = {.path = ""};
    struct refusals refusals = {.count = 0};
    struct told told = {.count = 0};
    struct error error;

    (void)state;
    open_feed(&feed, &refusals);
    books_feed_lines(&feed, ACTIVE("0", "A0000001"), 0);
    assert_true(books_begin(feed.books, &error));
    assert_true(books_feed_line(&feed, span_make(attempt, sizeof(attempt) - 2), &error));
    assert_int_equal(refusals.count, 1);
    books_rollback(feed.books);
    refusals_forget(&refusals);
    books_feed_lines(&feed, attempt, 0);
    refusals_hand_over(&refusals, feed.last_ms, take, &told);
    refusals_hand_over(&refusals, feed.last_ms, take, &told);
    assert_int_equal(told.count, 1);
    refusals_clear(&refusals);
    books_feed_remove(&feed);
}

static struct books_attempt
refusal_of(int64_t time_ms)
{
    return (struct books_attempt){
        .time_ms = time_ms,
        .recipient = SPAN("a@example.com"),
        .domain = SPAN("example.com"),
        .backend = BACKEND_NEW,
        .phase = PHASE_RCPT,
        .code = 550,
        .reply = SPAN("no"),
        .queue_id = SPAN("A0000001"),
    };
}

static void
what_is_long_past_or_too_much_comes_with_the_next_attempt(void **state)
{
    struct refusals refusals = {.count = 0};
    struct told told = {.count = 0};
    struct books_attempt attempt = refusal_of(1000);

    (void)state;
    refusals_note(&refusals, &attempt, SPAN("unit@example.com"));
    attempt.time_ms = REFUSALS_OLD_MS + 1000;
    refusals_note(&refusals, &attempt, SPAN("unit@example.com"));
    refusals_hand_over(&refusals, REFUSALS_OLD_MS + 1000, take, &told);
    assert_int_equal(told.count, 1);
    for (int i = 0; i < REFUSALS_MAX + 5; i++)
        refusals_note(&refusals, &attempt, SPAN("unit@example.com"));
    assert_int_equal(refusals.count, REFUSALS_MAX);
    attempt.domain = SPAN("");
    refusals_forget(&refusals);
    refusals_note(&refusals, &attempt, SPAN("unit@example.com"));
    assert_int_equal(refusals.count, 0);
    refusals_clear(&refusals);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_what_new_says_to_rcpt_for_good),
        cmocka_unit_test(a_real_log_names_each_of_them),
        cmocka_unit_test(what_is_undone_is_told_once_when_it_is_entered_again),
        cmocka_unit_test(what_is_long_past_or_too_much_comes_with_the_next_attempt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
