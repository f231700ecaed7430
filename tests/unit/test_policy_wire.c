/*
 * Postfix's policy delegation protocol: requests whole, half and malformed, answers.
 */
#include "tests/unit/unit.h"

#include "policyd/wire/policy_wire.h"

#include <string.h>

#define SPAN_ROW(text)                                                                   \
    {                                                                                    \
        text, sizeof(text) - 1                                                           \
    }
#define HEAD "request=smtpd_access_policy\n"

static enum wire_result
parse(struct span input, struct policy_request *request, size_t *used)
{
    struct error error = {0};
    enum wire_result result = policy_wire_parse(input, request, used, &error);

    assert_int_equal(error.kind, result == WIRE_BAD ? ERROR_PERMANENT : ERROR_NONE);
    return result;
}

static void
reads_what_postfix_sends(void **state)
{
    static const char text[] =
        HEAD "protocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=192.0.2.9\nclient_"
             "name=unknown\n"
             "client_port=51234\nreverse_client_name=unknown\nserver_address=192.0.2."
             "1\nserver_port=25\n"
             "helo_name=client.example\nsender=a=b@outside.example\nrecipient=Alice+x@"
             "Example.com\n"
             "recipient_count=0\nqueue_id=8045F2AB23\ninstance=1f4.6741b2c8.3b2e1."
             "0\nsize=0\netrn_domain=\n"
             "stress=\nsasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\nccert_"
             "issuer=\n"
             "ccert_fingerprint=\nccert_pubkey_fingerprint=\nencryption_protocol="
             "\nencryption_cipher=\n"
             "encryption_keysize=0\npolicy_context=cutover\n\nrequest=";
    struct policy_request request;
    size_t used = 0;

    (void)state;
    assert_int_equal(parse(span_of(text), &request, &used), WIRE_DONE);
    assert_int_equal(used, strlen(text) - strlen("request="));
    assert_true(span_is(request.protocol_state, "RCPT"));
    assert_true(span_is(request.client_address, "192.0.2.9"));
    assert_true(span_is(request.recipient, "Alice+x@Example.com"));
    assert_true(span_is(request.queue_id, "8045F2AB23"));
    assert_true(span_is(request.instance, "1f4.6741b2c8.3b2e1.0"));
    for (size_t length = 0; length < used; length++)
        assert_int_equal(
            parse(span_make(text, length), &request, &(size_t){0}), WIRE_MORE);
}

static void
tells_half_requests_from_bad_ones(void **state)
{
    static const struct {
        const char *what;
        struct span input;
        enum wire_result wanted;
    } rows[] = {
        {"the least", SPAN_ROW(HEAD "\n"), WIRE_DONE},
        {"empty values", SPAN_ROW(HEAD "recipient=\n\n"), WIRE_DONE},
        {"an equals sign in a value", SPAN_ROW(HEAD "sender=a=b\n\n"), WIRE_DONE},
        {"another order", SPAN_ROW("size=0\n" HEAD "\n"), WIRE_DONE},
        {"nothing yet", SPAN_ROW(""), WIRE_MORE},
        {"half a line", SPAN_ROW("request"), WIRE_MORE},
        {"no empty line", SPAN_ROW(HEAD), WIRE_MORE},
        {"an empty line alone", SPAN_ROW("\n"), WIRE_BAD},
        {"another request", SPAN_ROW("request=junk\n\n"), WIRE_BAD},
        {"no request", SPAN_ROW("recipient=a@b\n\n"), WIRE_BAD},
        {"no equals sign", SPAN_ROW("hello\n"), WIRE_BAD},
        {"no name", SPAN_ROW("=x\n"), WIRE_BAD},
        {"a blank in the name", SPAN_ROW("a b=x\n"), WIRE_BAD},
        {"the same twice", SPAN_ROW(HEAD HEAD), WIRE_BAD},
        {"an unknown one twice", SPAN_ROW(HEAD "x=1\nx=2\n"), WIRE_BAD},
        {"carriage returns alone", SPAN_ROW("request=smtpd_access_policy\r\n\r\n"),
            WIRE_BAD},
        {"carriage returns", SPAN_ROW(HEAD "x=\r\n\n"), WIRE_BAD},
        {"a NUL", SPAN_ROW(HEAD "recipient=a\0b\n\n"), WIRE_BAD},
        {"another protocol", SPAN_ROW("GET /?a=b HTTP/1.0\n"), WIRE_BAD},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct policy_request request;
        size_t used = 0;

        print_message("# %s\n", rows[i].what);
        assert_int_equal(parse(rows[i].input, &request, &used), rows[i].wanted);
        assert_true(rows[i].wanted != WIRE_DONE || used == rows[i].input.length);
    }
}

static void
keeps_its_ceilings(void **state)
{
    struct policy_request request;
    struct buffer input;
    size_t used = 0;

    (void)state;
    buffer_init(&input, (size_t)2 * POLICY_REQUEST_MAX);
    buffer_append_text(&input, HEAD);
    for (int i = 1; i < POLICY_ATTRIBUTES_MAX; i++)
        buffer_printf(&input, "x%d=\n", i);
    assert_int_equal(parse(buffer_span(&input), &request, &used), WIRE_MORE);
    buffer_append_text(&input, "one_more=\n");
    assert_int_equal(parse(buffer_span(&input), &request, &used), WIRE_BAD);

    buffer_reset(&input);
    buffer_append_text(&input, HEAD "sender=");
    while (input.length < POLICY_REQUEST_MAX - 2)
        buffer_append_octet(&input, 'a');
    assert_int_equal(parse(buffer_span(&input), &request, &used), WIRE_MORE);
    buffer_append_text(&input, "\n\n");
    assert_int_equal(input.length, POLICY_REQUEST_MAX);
    assert_int_equal(parse(buffer_span(&input), &request, &used), WIRE_DONE);
    input.length -= 2;
    buffer_append_text(&input, "a\n\n");
    assert_int_equal(parse(buffer_span(&input), &request, &used), WIRE_BAD);
    buffer_clear(&input);
}

static void
writes_one_action(void **state)
{
    struct buffer out;

    (void)state;
    buffer_init(&out, 4096);
    policy_wire_write(&out, SPAN("DUNNO"), SPAN(""));
    policy_wire_write(&out, SPAN("DEFER 4.4.6"), SPAN("a\nb"));
    assert_string_equal(buffer_text(&out), "action=DUNNO\n\naction=DEFER 4.4.6 a?b\n\n");
    buffer_clear(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_postfix_sends),
        cmocka_unit_test(tells_half_requests_from_bad_ones),
        cmocka_unit_test(keeps_its_ceilings),
        cmocka_unit_test(writes_one_action),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
