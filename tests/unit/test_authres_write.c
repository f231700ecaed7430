/*
 * Our Authentication-Results field, as RFC 8601 and the manual have it.
 */
#include "tests/unit/unit.h"

#include "milters/authres/authres_write.h"
#include "shared/base/attributes.h"

#include <string.h>

static const struct author one_author = {
    .kind = AUTHOR_ONE, .domains = {"sender.example"}, .count = 1};

#define SIGNATURE(verdict, why, d, s, i, b)                                              \
    {                                                                                    \
        .signature = {                                                                   \
            .result = verdict,                                                           \
            .reason = why,                                                               \
            .domain = d,                                                                 \
            .selector = s,                                                               \
            .identity = i,                                                               \
            .algorithm_name = "rsa-sha256",                                              \
            .signature = {b, sizeof(b) - 1},                                             \
        }                                                                                \
    }

static void
check(const struct authres *results, const char *wanted)
{
    struct buffer out;

    buffer_init(&out, AUTHRES_MAX);
    assert_true(authres_write(results, &out));
    assert_string_equal(buffer_text(&out), wanted);
    buffer_clear(&out);
}

static void
writes_all_methods_in_order(void **state)
{
    const struct authres_spf spf = {
        AUTH_PASS, SPAN("sender.example"), SPAN("out.sender.example")};
    const struct dkim_plan dkim = {.candidates = {SIGNATURE(AUTH_PASS, NULL,
                                       "sender.example", "s1", "", "AbCd1234EfGh")},
        .count = 1,
        .found = 1};
    const struct dmarc_verdict dmarc = {
        .result = AUTH_PASS, .published = DMARC_POLICY_REJECT, .by_dkim = true};
    const struct authres results = {
        SPAN("mx.example.net"), &spf, &dkim, &one_author, &dmarc, true};

    (void)state;
    check(&results,
        "mx.example.net;\n"
        "\tspf=pass smtp.mailfrom=sender.example smtp.helo=out.sender.example;\n"
        "\tdkim=pass header.d=sender.example header.s=s1 header.a=rsa-sha256 "
        "header.b=AbCd1234;\n"
        "\tdmarc=pass (p=reject) header.from=sender.example policy.dmarc=none");
}

static void
writes_none_where_there_is_nothing(void **state)
{
    const struct authres_spf spf = {AUTH_NONE, {NULL, 0}, {NULL, 0}};
    const struct dkim_plan dkim = {.count = 0};
    const struct dmarc_verdict dmarc = {.result = AUTH_NONE};
    const struct authres all = {
        SPAN("mx.example.net"), &spf, &dkim, &one_author, &dmarc, true};
    const struct authres nothing = {.authserv_id = SPAN("mx.example.net")};

    (void)state;
    check(&all, "mx.example.net;\n\tspf=none;\n\tdkim=none;\n"
                "\tdmarc=none header.from=sender.example");
    check(&nothing, "mx.example.net; none");
}

static void
writes_spf_with_what_is_fit_to_be_shown(void **state)
{
    const struct {
        struct authres_spf spf;
        const char *wanted;
    } rows[] = {
        {{AUTH_SOFTFAIL, SPAN("a.example"), SPAN("b.example")},
            "id;\n\tspf=softfail smtp.mailfrom=a.example smtp.helo=b.example"},
        {{AUTH_PASS, {NULL, 0}, SPAN("b.example")},
            "id;\n\tspf=pass smtp.helo=b.example"},
        {{AUTH_NEUTRAL, SPAN("a.example"), SPAN("[192.0.2.1]")},
            "id;\n\tspf=neutral smtp.mailfrom=a.example smtp.helo=\"[192.0.2.1]\""},
        {{AUTH_FAIL, SPAN("a.example"), SPAN("x;dkim=pass")},
            "id;\n\tspf=fail smtp.mailfrom=a.example"},
        {{AUTH_TEMPERROR, SPAN("a(.example"), SPAN("b\n.example")},
            "id;\n\tspf=temperror"},
        {{AUTH_PERMERROR, SPAN("a\".example"), SPAN("\xc3\xbc.example")},
            "id;\n\tspf=permerror"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct authres results = {.authserv_id = SPAN("id"), .spf = &rows[i].spf};

        check(&results, rows[i].wanted);
    }
}

static void
writes_one_result_a_signature(void **state)
{
    struct dkim_plan dkim = {
        .candidates =
            {
                SIGNATURE(AUTH_PASS, NULL, "a.example", "s", "x@b.a.example",
                    "Xh4/Ujb2wAAAAAA"),
                SIGNATURE(AUTH_FAIL, "body hash mismatch", "a.example", "s", "",
                    "Xh4/Ujb2wAAAAAB"),
                SIGNATURE(AUTH_PERMERROR, "a tag given twice", "", "", "", ""),
                SIGNATURE(
                    AUTH_POLICY, "l= covers 10 of 42 octets", "a.example", "", "", "abc"),
                SIGNATURE(AUTH_TEMPERROR, "key look-up: timeout", "c.example", "t",
                    "@c.example", "0123456789"),
                SIGNATURE(AUTH_TEMPERROR, "key look-up: timeout", "c.example", "t",
                    "a/b@c.example", "0123456789"),
            },
        .count = 6,
        .found = 7,
    };
    const struct authres results = {.authserv_id = SPAN("id"), .dkim = &dkim};

    (void)state;
    dkim.candidates[0].testing = true;
    dkim.candidates[1].testing = true;
    dkim.candidates[2].signature.algorithm_name = "";
    check(&results,
        "id;\n"
        "\tdkim=pass (test key) header.d=a.example header.i=x@b.a.example header.s=s "
        "header.a=rsa-sha256 header.b=\"Xh4/Ujb2wAAAAAA\";\n"
        "\tdkim=fail reason=\"body hash mismatch\" header.d=a.example header.s=s "
        "header.a=rsa-sha256 header.b=\"Xh4/Ujb2wAAAAAB\";\n"
        "\tdkim=permerror reason=\"a tag given twice\";\n"
        "\tdkim=policy reason=\"l= covers 10 of 42 octets\" header.d=a.example "
        "header.a=rsa-sha256 header.b=abc;\n"
        "\tdkim=temperror reason=\"key look-up: timeout\" header.d=c.example "
        "header.i=@c.example header.s=t header.a=rsa-sha256 header.b=01234567;\n"
        "\tdkim=temperror reason=\"key look-up: timeout\" header.d=c.example "
        "header.i=\"a/b@c.example\" header.s=t header.a=rsa-sha256 header.b=01234567");
}

static void
writes_what_dmarc_came_to(void **state)
{
    static const struct author several = {.kind = AUTHOR_SEVERAL,
        .reason = "several author domains",
        .domains = {"a.example", "b.example"},
        .count = 2};
    static const struct author bad = {.kind = AUTHOR_BAD, .reason = "no From field"};
    static const struct {
        const struct author *author;
        struct dmarc_verdict verdict;
        const char *wanted;
    } rows[] = {
        {&one_author,
            {.result = AUTH_FAIL,
                .published = DMARC_POLICY_REJECT,
                .policy = DMARC_POLICY_QUARANTINE},
            "id;\n\tdmarc=fail (p=reject) header.from=sender.example "
            "policy.dmarc=quarantine"},
        {&one_author, {.result = AUTH_FAIL, .published = DMARC_POLICY_NONE},
            "id;\n\tdmarc=fail (p=none) header.from=sender.example policy.dmarc=none"},
        {&one_author, {.result = AUTH_TEMPERROR, .reason = "policy look-up failed"},
            "id;\n\tdmarc=temperror (policy look-up failed) header.from=sender.example"},
        {&several, {.result = AUTH_FAIL, .policy = DMARC_POLICY_REJECT},
            "id;\n\tdmarc=permerror (several author domains)"},
        {&bad, {.result = AUTH_NONE}, "id;\n\tdmarc=permerror (no From field)"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct authres results = {.authserv_id = SPAN("id"),
            .author = rows[i].author,
            .dmarc = &rows[i].verdict,
            .wants_dmarc = true};

        check(&results, rows[i].wanted);
    }
}

static void
folds_lines_that_grow_long(void **state)
{
    char long_name[DOMAIN_MAX + 1];
    struct dkim_plan dkim = {
        .candidates = {SIGNATURE(AUTH_PASS, NULL, "", "", "", "abcdefgh")},
        .count = 1,
        .found = 1};
    const struct authres results = {.authserv_id = SPAN("id"), .dkim = &dkim};
    struct buffer out;
    struct span rest;
    struct span line;
    size_t lines = 0;

    (void)state;
    memset(long_name, 'x', DOMAIN_MAX);
    for (size_t i = 60; i < DOMAIN_MAX; i += 61)
        long_name[i] = '.';
    long_name[DOMAIN_MAX] = '\0';
    dkim.candidates[0].signature.domain = long_name;
    dkim.candidates[0].signature.selector = long_name;
    buffer_init(&out, AUTHRES_MAX);
    assert_true(authres_write(&results, &out));
    for (rest = buffer_span(&out); span_split(&rest, '\n', &line); lines++)
        assert_true(line.length < 300);
    assert_true(lines > 3);
    buffer_clear(&out);
    buffer_init(&out, 20);
    assert_false(authres_write(&results, &out));
    buffer_clear(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_all_methods_in_order),
        cmocka_unit_test(writes_none_where_there_is_nothing),
        cmocka_unit_test(writes_spf_with_what_is_fit_to_be_shown),
        cmocka_unit_test(writes_one_result_a_signature),
        cmocka_unit_test(writes_what_dmarc_came_to),
        cmocka_unit_test(folds_lines_that_grow_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
