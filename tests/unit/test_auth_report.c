/*
 * What a message's findings look like as header edits.
 */
#include "tests/unit/unit.h"

#include "milters/auth/auth_report.h"

#include <string.h>

static const struct milter_client client = {
    .address = "192.0.2.1", .helo = "client.example"};

static const struct auth_config config = {
    .authserv_id = "gw.example", .dmarc = true, .spf = true};

static struct auth_findings
all_findings(void)
{
    struct auth_findings findings = {
        .has_spf = true,
        .client = {.address = {192, 0, 2, 1},
            .address_length = 4,
            .helo = SPAN("client.example"),
            .receiver = SPAN("gw.example")},
        .mailbox = SPAN("alice@example.org"),
        .spf = {.result = AUTH_PASS,
            .identity = SPF_IDENTITY_MAILFROM,
            .domain = SPAN("example.org")},
        .has_helo = true,
        .helo = {.result = AUTH_NONE,
            .identity = SPF_IDENTITY_HELO,
            .domain = SPAN("client.example")},
        .author = {.kind = AUTHOR_ONE, .domains = {"example.org"}, .count = 1},
        .has_dmarc = true,
        .dmarc = {{.result = AUTH_PASS, .by_spf = true}},
        .dmarc_count = 1,
    };

    return findings;
}

static void
ours_stand_above_and_forged_ones_go(void **state)
{
    struct auth_session *session = auth_session_new(&client);
    struct auth_findings findings = all_findings();
    struct verdict verdict = {.action = VERDICT_ACCEPT};

    (void)state;
    auth_session_forged(session, "Authentication-Results", 1);
    auth_session_forged(session, "Authentication-Results", 3);
    auth_report_fields(&config, session, &findings, &verdict);
    assert_int_equal(verdict.edit_count, 5);
    assert_int_equal(verdict.edits[0].kind, VERDICT_DELETE);
    assert_int_equal(verdict.edits[1].kind, VERDICT_DELETE);
    assert_int_equal(verdict.edits[0].number + verdict.edits[1].number, 4);
    assert_string_equal(verdict.edits[2].name, "Received-SPF");
    assert_non_null(strstr(verdict.edits[2].value, "identity=helo"));
    assert_string_equal(verdict.edits[3].name, "Received-SPF");
    assert_non_null(strstr(verdict.edits[3].value, "identity=mailfrom"));
    assert_int_equal(verdict.edits[4].kind, VERDICT_INSERT);
    assert_string_equal(verdict.edits[4].name, "Authentication-Results");
    assert_ptr_equal(
        strstr(verdict.edits[4].value, "gw.example;"), verdict.edits[4].value);
    assert_non_null(strstr(verdict.edits[4].value, "spf=pass"));
    assert_non_null(strstr(verdict.edits[4].value, "dmarc=pass"));
    auth_session_free(session);
}

static void
of_a_message_that_was_not_checked_forged_ones_go_all_the_same(void **state)
{
    struct auth_session *session = auth_session_new(&client);
    struct verdict verdict = {.action = VERDICT_ACCEPT};

    (void)state;
    auth_session_forged(session, "Received-SPF", 2);
    auth_report_fields(&config, session, NULL, &verdict);
    assert_int_equal(verdict.edit_count, 1);
    assert_int_equal(verdict.edits[0].kind, VERDICT_DELETE);
    assert_int_equal(verdict.edits[0].number, 2);
    auth_session_free(session);
}

static void
without_an_address_there_is_no_received_spf(void **state)
{
    struct auth_session *session = auth_session_new(&client);
    struct auth_findings findings = all_findings();
    struct verdict verdict = {.action = VERDICT_ACCEPT};

    (void)state;
    findings.client.address_length = 0;
    findings.has_helo = false;
    auth_report_fields(&config, session, &findings, &verdict);
    assert_int_equal(verdict.edit_count, 1);
    assert_string_equal(verdict.edits[0].name, "Authentication-Results");
    auth_session_free(session);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ours_stand_above_and_forged_ones_go),
        cmocka_unit_test(of_a_message_that_was_not_checked_forged_ones_go_all_the_same),
        cmocka_unit_test(without_an_address_there_is_no_received_spf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
