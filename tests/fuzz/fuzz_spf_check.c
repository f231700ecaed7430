/*
 * A whole SPF check, libspf2 in it, whose DNS is the fuzzer.  Lines: a client (`4` or
 * `6`), HELO, mailbox, then an answer to each question as it comes: a letter for its
 * status (see below) and, for `o`, records parted by '|' (of addresses, `c` is the
 * client's own).
 */
#include "milters/spf/spf_check.h"

#include <assert.h>
#include <string.h>

enum { ANSWERS_MAX = 300, RECORDS_MAX = 16 };

struct dns_question {
    struct dns_answer answer;
    struct dns_record records[RECORDS_MAX];
};

struct liar {
    struct span rest;
    const struct spf_client *client;
    struct dns_question questions[ANSWERS_MAX];
    size_t count;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fill_address(struct dns_record *record, struct span text, const struct spf_client *client)
{
    if (span_is(text, "c"))
        memcpy(record->address, client->address, sizeof(record->address));
    else if (text.length > 0)
        memcpy(record->address, text.data, text.length < 16 ? text.length : 16);
}

static enum dns_status
status_of(char letter)
{
    static const char letters[] = "onxsrtbml"; /* as enum dns_status */
    const char *found = letter == '\0' ? NULL : strchr(letters, letter);

    return found == NULL ? DNS_NXDOMAIN : (enum dns_status)(found - letters);
}

static struct dns_question *
ask(void *context, struct span name, enum dns_type type)
{
    struct liar *liar = context;
    struct dns_question *question = &liar->questions[liar->count++];
    struct span line = {NULL, 0};
    struct span text;

    (void)name;
    assert(liar->count < ANSWERS_MAX);
    (void)span_split(&liar->rest, '\n', &line);
    *question = (struct dns_question){.answer.records = question->records};
    question->answer.status = status_of(line.length > 0 ? line.data[0] : '\0');
    if (question->answer.status != DNS_OK)
        return question;
    line = span_from(line, 1);
    while (question->answer.count < RECORDS_MAX && span_split(&line, '|', &text)) {
        struct dns_record *record = &question->records[question->answer.count++];

        record->text = text;
        if (type == DNS_A || type == DNS_AAAA)
            fill_address(record, text, liar->client);
    }
    return question;
}

static const struct dns_answer *
wait_for(void *context, struct dns_question *question)
{
    (void)context;
    return &question->answer;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct liar liar;
    struct spf_client client = {
        .address = {192, 0, 2, 1}, .receiver = SPAN("mx.example.net"), .now = 1700000000};
    struct dns_lookup lookup = {&liar, ask, wait_for};
    struct arena *arena = arena_new(256 << 10);
    struct spf_report report;
    struct span kind;
    struct span mailbox;

    liar.rest = span_make(data, size);
    liar.client = &client;
    liar.count = 0;
    if (span_split(&liar.rest, '\n', &kind) &&
        span_split(&liar.rest, '\n', &client.helo) &&
        span_split(&liar.rest, '\n', &mailbox)) {
        client.address_length = span_is(kind, "6") ? 16 : 4;
        report = spf_check_mailfrom(&client, mailbox, &lookup, arena);
        assert(report.explanation.length <= 400);
        assert(
            !span_has_control(report.explanation) && span_is_ascii(report.explanation));
        assert(report.problem != NULL ||
               (report.result != AUTH_TEMPERROR && report.result != AUTH_PERMERROR));
    }
    arena_free(arena);
    return 0;
}
