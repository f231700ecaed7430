/*
 * Received-SPF: what is said for each result, and that strangers' octets stay in quotes.
 */
#include "tests/unit/unit.h"

#include "milters/spf/spf_received.h"
#include "shared/base/attributes.h"

#include <arpa/inet.h>
#include <string.h>

struct row {
    const char *what;
    enum auth_result result;
    enum spf_identity identity;
    const char *address;
    const char *mailbox;
    const char *helo;
    const char *domain;
    const char *problem;
    const char *wanted; /* unfolded */
};

#define PASS AUTH_PASS, SPF_IDENTITY_MAILFROM, "192.0.2.1"

/* clang-format off */
static const struct row rows[] = {
    {"a pass", PASS, "alice@example.com", "out.example.com", "example.com", NULL,
        "pass (mx.example.net: domain of example.com designates 192.0.2.1 as permitted sender)"
        " client-ip=192.0.2.1; envelope-from=\"alice@example.com\"; helo=out.example.com;"
        " receiver=mx.example.net; identity=mailfrom"},
    {"a fail from IPv6", AUTH_FAIL, SPF_IDENTITY_MAILFROM, "2001:db8::1", "a@example.com", "out", "example.com", NULL,
        "fail (mx.example.net: domain of example.com does not designate 2001:db8::1 as permitted sender)"
        " client-ip=\"2001:db8::1\"; envelope-from=\"a@example.com\"; helo=out;"
        " receiver=mx.example.net; identity=mailfrom"},
    {"IPv4 in IPv6", AUTH_SOFTFAIL, SPF_IDENTITY_MAILFROM, "::ffff:192.0.2.1", "a@example.com", "out", "example.com", NULL,
        "softfail (mx.example.net: domain of example.com discourages 192.0.2.1 as sender)"
        " client-ip=192.0.2.1; envelope-from=\"a@example.com\"; helo=out;"
        " receiver=mx.example.net; identity=mailfrom"},
    {"HELO, neutral", AUTH_NEUTRAL, SPF_IDENTITY_HELO, "192.0.2.1", "", "out.example.com", "out.example.com", NULL,
        "neutral (mx.example.net: domain of out.example.com neither permits nor denies 192.0.2.1 as sender)"
        " client-ip=192.0.2.1; envelope-from=\"\"; helo=out.example.com;"
        " receiver=mx.example.net; identity=helo"},
    {"none", AUTH_NONE, SPF_IDENTITY_MAILFROM, "192.0.2.1", "a@example.com", "out", "example.com", NULL,
        "none (mx.example.net: domain of example.com has no SPF record)"
        " client-ip=192.0.2.1; envelope-from=\"a@example.com\"; helo=out;"
        " receiver=mx.example.net; identity=mailfrom"},
    {"none to check", AUTH_NONE, SPF_IDENTITY_MAILFROM, "192.0.2.1", "a@[192.0.2.1]", "[192.0.2.1]", "", "no domain to check",
        "none (mx.example.net: no domain to check)"
        " client-ip=192.0.2.1; envelope-from=\"a@[192.0.2.1]\"; helo=\"[192.0.2.1]\";"
        " receiver=mx.example.net; identity=mailfrom"},
    {"an error", AUTH_TEMPERROR, SPF_IDENTITY_MAILFROM, "192.0.2.1", "a@example.com", "out", "example.com", "DNS timeout",
        "temperror (mx.example.net: DNS timeout)"
        " client-ip=192.0.2.1; envelope-from=\"a@example.com\"; helo=out;"
        " receiver=mx.example.net; problem=\"DNS timeout\"; identity=mailfrom"},
    {"quotes and backslashes", PASS, "\"a\\\"b\"@example.com", "\\", "example.com", NULL,
        "pass (mx.example.net: domain of example.com designates 192.0.2.1 as permitted sender)"
        " client-ip=192.0.2.1; envelope-from=\"\\\"a\\\\\\\"b\\\"@example.com\"; helo=\"\\\\\";"
        " receiver=mx.example.net; identity=mailfrom"},
    {"line ends and 8 bit", PASS, "a\r\nX: y\xc3\xa9@example.com", "out\t\x7f", "example.com", NULL,
        "pass (mx.example.net: domain of example.com designates 192.0.2.1 as permitted sender)"
        " client-ip=192.0.2.1; envelope-from=\"a??X: y??@example.com\"; helo=\"out??\";"
        " receiver=mx.example.net; identity=mailfrom"},
    {"a domain that would end the comment", PASS, "a@x", "y", "a);pass.example", NULL,
        "pass (mx.example.net: domain designates 192.0.2.1 as permitted sender)"
        " client-ip=192.0.2.1; envelope-from=\"a@x\"; helo=y;"
        " receiver=mx.example.net; identity=mailfrom"},
};
/* clang-format on */

static void
write_row(const struct row *row, struct buffer *out)
{
    struct spf_client client = {
        .helo = span_of(row->helo), .receiver = SPAN("mx.example.net")};
    struct spf_report report = {.result = row->result,
        .identity = row->identity,
        .domain = span_of(row->domain),
        .problem = row->problem};
    bool is_v6 = strchr(row->address, ':') != NULL;

    client.address_length = is_v6 ? 16 : 4;
    assert_int_equal(
        inet_pton(is_v6 ? AF_INET6 : AF_INET, row->address, client.address), 1);
    spf_received_write(&report, &client, span_of(row->mailbox), out);
    assert_true(buffer_ok(out));
}

static void
unfold(struct buffer *text)
{
    char *fold;

    (void)buffer_text(text);
    while ((fold = strstr(text->data, "\n\t")) != NULL) {
        *fold = ' ';
        memmove(fold + 1, fold + 2, strlen(fold + 2) + 1);
        text->length--;
    }
}

static void
says_what_was_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buffer out;

        print_message("# %s\n", rows[i].what);
        buffer_init(&out, SPF_RECEIVED_MAX);
        write_row(&rows[i], &out);
        unfold(&out);
        assert_string_equal(buffer_text(&out), rows[i].wanted);
        buffer_clear(&out);
    }
}

static void
folds_and_stays_within_its_ceiling(void **state)
{
    static char long_text[3000];
    struct row row = rows[0];
    struct buffer out;
    struct span rest;
    struct span line;

    (void)state;
    memset(long_text, '"', 320);
    row.mailbox = long_text;
    row.helo = long_text;
    buffer_init(&out, SPF_RECEIVED_MAX);
    write_row(&row, &out);
    rest = buffer_span(&out);
    while (span_split(&rest, '\n', &line))
        assert_true(line.length < 998 && line.length > 1);
    buffer_reset(&out);

    memset(long_text, '"', 2999);
    write_row(&row, &out);
    assert_null(strstr(buffer_text(&out), "envelope-from="));
    assert_non_null(strstr(buffer_text(&out), "client-ip=192.0.2.1;"));
    buffer_clear(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_was_found),
        cmocka_unit_test(folds_and_stays_within_its_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
