/*
 * What an attempt says about the backend: by what was said and the phase, never by dsn=.
 */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "policyd/maillog/outcome.h"
#include "policyd/maillog/reply_class.h"
#include "shared/base/attributes.h"

#define SAID "host h.example[192.0.2.1] said: "
#define RCPT " (in reply to RCPT TO command)"
#define END " (in reply to end of DATA command)"

static void
knows_every_outcome(void **state)
{
    static const struct {
        const char *text;
        enum outcome outcome;
    } rows[] = {
        {SAID "550 5.1.1 no such user" RCPT, OUTCOME_UNKNOWN},
        {SAID "550 unknown user" RCPT, OUTCOME_UNKNOWN},
        {SAID "550 5.4.1 [x@new.test]: Recipient address rejected: Access denied "
              "[AM0]" RCPT,
            OUTCOME_UNKNOWN},
        {SAID "553 5.3.0 <x@new.test>... No such user here" RCPT, OUTCOME_UNKNOWN},
        {SAID "550 5.2.1 <x@new.test>... User Unknown" RCPT, OUTCOME_UNKNOWN},
        {SAID "550 5.7.1 <x@new.test>... User unknown" RCPT, OUTCOME_UNKNOWN},
        {SAID "550 5.7.1 Service unavailable; client blocked using zen" RCPT,
            OUTCOME_REJECTED},
        {SAID "554 5.4.4 no route" RCPT, OUTCOME_REJECTED},
        {SAID "550 5.7.1 spam" END, OUTCOME_REJECTED},
        {SAID "552 5.3.4 message too big" END, OUTCOME_TOO_BIG},
        {SAID "552 5.3.4 too big (in reply to MAIL FROM command)", OUTCOME_TOO_BIG},
        {SAID "530 5.7.57 not authenticated (in reply to MAIL FROM command)",
            OUTCOME_REJECTED},
        {SAID "450 4.2.1 mailbox busy" RCPT, OUTCOME_NEUTRAL},
        {SAID "452 4.2.2 over quota" RCPT, OUTCOME_NEUTRAL},
        {SAID "421 4.3.2 shutting down" RCPT, OUTCOME_FAIL},
        {SAID "451 4.3.0 trouble" RCPT, OUTCOME_NEUTRAL},
        {SAID "451 4.3.0 trouble (in reply to EHLO command)", OUTCOME_FAIL},
        {SAID "450 4.7.1 not you (in reply to EHLO command)", OUTCOME_NEUTRAL},
        {"host h[192.0.2.1] refused to talk to me: 421 4.3.2 too busy", OUTCOME_FAIL},
        {"host h[192.0.2.1] refused to talk to me: 554 no", OUTCOME_FAIL},
        {"connect to 127.0.0.1[127.0.0.1]:12699: Connection refused", OUTCOME_FAIL},
        {"lost connection with h[192.0.2.1] while sending RCPT TO", OUTCOME_FAIL},
        {"conversation with h[192.0.2.1] timed out while sending end of data -- message "
         "may be sent more than once",
            OUTCOME_FAIL},
        {"delivery temporarily suspended: connect to h[192.0.2.1]:25: Connection refused",
            OUTCOME_FAIL},
        {"message size 154676 exceeds size limit 100000 of server h[192.0.2.1]",
            OUTCOME_TOO_BIG},
        {"TLS is required, but was not offered by host h[192.0.2.1]", OUTCOME_FAIL},
        {"Cannot start TLS: handshake failure", OUTCOME_FAIL},
        {"mailbox is being moved, try again later", OUTCOME_NEUTRAL},
        {"address resolver failure", OUTCOME_NEUTRAL},
        {"Host or domain name not found. Name service error for name=x", OUTCOME_NEUTRAL},
        /* The last phase is Postfix's own. */
        {SAID "450 4.2.0 odd (in reply to end of DATA command) text" RCPT,
            OUTCOME_NEUTRAL},
        {SAID "550 5.7.1 no (in reply to RCPT TO command)" END, OUTCOME_REJECTED},
        {"host connect to said: 550 5.1.1 no" RCPT, OUTCOME_NEUTRAL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct maillog_reply reply;

        print_message("# %s\n", rows[i].text);
        maillog_reply_parse(span_of(rows[i].text), &reply);
        assert_int_equal(outcome_of(MAILLOG_DEFERRED, &reply), rows[i].outcome);
        assert_int_equal(outcome_of(MAILLOG_BOUNCED, &reply), rows[i].outcome);
        assert_int_equal(outcome_of(MAILLOG_SENT, &reply), OUTCOME_OK);
    }
}

/* A reply each of the large providers and servers, in the words they use. */
static void
knows_what_replies_are_about(void **state)
{
    static const struct {
        const char *reply;
        enum reply_class class;
    } rows[] = {
        {"550 5.1.1 The email account that you tried to reach does not exist. Please try "
         "double-checking the recipient's email address",
            REPLY_UNKNOWN},
        {"554 delivery error: dd This user doesn't have a yahoo.com account",
            REPLY_UNKNOWN},
        {"550 5.5.0 Requested action not taken: mailbox unavailable", REPLY_UNKNOWN},
        {"550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient x not found",
            REPLY_UNKNOWN},
        {"550 5.1.1 User unknown; rejecting", REPLY_UNKNOWN},
        {"550 Unknown local part x in <x@y>", REPLY_UNKNOWN},
        {"550 5.1.1 Adresse d au moins un destinataire invalide. OFR_416", REPLY_UNKNOWN},
        {"550 5.1.1 Empf\xc3\xa4nger unbekannt", REPLY_UNKNOWN},
        {"511 sorry, no mailbox here by that name (#5.1.1 - chkuser)", REPLY_UNKNOWN},
        {"550 5.2.1 The email account that you tried to reach is disabled",
            REPLY_DISABLED},
        {"550 5.2.1 This mailbox is inactive", REPLY_DISABLED},
        {"550 5.1.1 Account has been suspended", REPLY_DISABLED},
        {"552 5.2.2 The email account that you tried to reach is over quota",
            REPLY_QUOTA},
        {"452 4.2.2 Mailbox full", REPLY_QUOTA},
        {"550 5.2.2 Postfach ist voll", REPLY_QUOTA},
        {"552 5.3.4 Message size exceeds fixed limit", REPLY_SIZE},
        {"552 message too large; maximum size is 20000000", REPLY_SIZE},
        {"550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus",
            REPLY_POLICY},
        {"550 5.7.26 This mail is unauthenticated, which poses a security risk",
            REPLY_POLICY},
        {"554 5.7.1 <x@y>: Relay access denied", REPLY_POLICY},
        {"550 5.7.64 TenantAttribution; Relay Access Denied", REPLY_POLICY},
        {"550 SPF check failed", REPLY_POLICY},
        {"450 4.2.1 The user you are trying to contact is receiving mail at a rate that "
         "prevents additional messages",
            REPLY_RATE},
        {"451 4.7.1 Greylisting in action, please come back later", REPLY_RATE},
        {"421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to "
         "unexpected "
         "volume or user complaints",
            REPLY_RATE},
        {"452 4.5.3 Too many recipients", REPLY_RATE},
        {"452 4.3.1 Insufficient system storage", REPLY_OUTAGE},
        {"451 4.3.0 Temporary lookup failure", REPLY_OUTAGE},
        {"421 4.3.2 Service not available, closing transmission channel", REPLY_OUTAGE},
        {"554 5.4.6 Too many hops", REPLY_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct maillog_reply reply;
        char text[600];

        print_message("# %s\n", rows[i].reply);
        (void)snprintf(text, sizeof(text), SAID "%s" RCPT, rows[i].reply);
        maillog_reply_parse(span_of(text), &reply);
        assert_string_equal(
            reply_class_name(reply_class_of(&reply)), reply_class_name(rows[i].class));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_every_outcome),
        cmocka_unit_test(knows_what_replies_are_about),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
