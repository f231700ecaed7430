/*
 * Fields that pretend to be ours, in every disguise; those of others stay.
 */
#include "tests/unit/unit.h"

#include "milters/authres/authres_forged.h"
#include "shared/base/attributes.h"

#include <stdlib.h>
#include <string.h>

static const struct span id = {"mx.example.net", sizeof("mx.example.net") - 1};

static void
knows_its_own_results(void **state)
{
    static const char *const rows[] = {
        " mx.example.net; spf=pass",
        "mx.example.net; spf=pass",
        " MX.Example.NET; none",
        " mx.example.net",
        " mx.example.net.; none",
        " mx.example.net 1; none",
        " mx.example.net 99; none",
        " mx.example.net (c) 1 (d); none",
        " mx.example.net\n\t1; none",
        "\n mx.example.net; none",
        "\r\n\t mx.example.net; none",
        " (comment) mx.example.net; none",
        " (a (b \\) c) d)(e)\n mx.example.net; none",
        " (other.example;) mx.example.net; none",
        " mx.example.net(c); none",
        " \"mx.example.net\"; none",
        " \"mx.example.net\" 1; none",
        " \"\\m\\x.example.net\"; none",
        " \"mx.example.net.\"; none",
        " \" mx.example.net \"; none",
        " \"mx.exam\r\nple.net\"; none",
        " mx.example.net=; none",
        " mx.example.net\xa0; none",
        /* The id can't be read, ours is in it. */
        " \xa0mx.example.net; none",
        " ; mx.example.net; none",
        " (unclosed mx.example.net; none",
        " \"mx.example.net; none",
        " \"mx.example.net\\",
        " <mx.example.net>; none",
        " \"\" mx.example.net; none",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %zu\n", i);
        assert_true(authres_claims(span_of(rows[i]), id));
        assert_true(authres_claims(span_of(rows[i]), SPAN("MX.example.net.")));
    }
    assert_true(authres_claims(SPAN(" mx.example.net\0; none"), id));
}

static void
knows_itself_in_other_letters(void **state)
{
    static const struct {
        const char *value;
        const char *id;
        bool ours;
    } rows[] = {
        {" b\xc3\xbc\x63her.example; none", "xn--bcher-kva.example", true},
        {" B\xc3\x9c\x43HER.example 1; none", "xn--bcher-kva.example", true},
        {" \"b\xc3\xbc\x63her.example\"; none", "xn--bcher-kva.example", true},
        {" (c) b\xc3\xbc\x63her.example.", "xn--bcher-kva.example", true},
        {" XN--BCHER-KVA.example; none", "xn--bcher-kva.example", true},
        {" \xef\xbd\x8dx.example.net; none", "mx.example.net", true},    /* full width */
        {" mx\xe3\x80\x82\x65xample.net; none", "mx.example.net", true}, /* U+3002 */
        {" mx.exam\xc2\xadple.net; none", "mx.example.net", true},       /* soft hyphen */
        {" b\xc3\xa4\x63her.example; none", "xn--bcher-kva.example", false},
        {" mx.example.n\xc3\xa9t; none", "mx.example.net", false},
        {" other.example; none (\xef\xbd\x8dx.example.net)", "mx.example.net", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].value);
        assert_int_equal(
            authres_claims(span_of(rows[i].value), span_of(rows[i].id)), rows[i].ours);
    }
}

/* Some readers decode encoded words, cut comments or join what white space parts. */
static void
knows_ids_that_readers_take_differently(void **state)
{
    static const char *const rows[] = {
        " =?utf-8?Q?=6D?=x.example.net; dmarc=pass",
        " =?UTF-8?B?bXguZXhhbXBsZS5uZXQ=?=; dmarc=pass",
        " =?utf-8?q?mx.example.net?=; dmarc=pass",
        " m=?utf-8?Q?x?=.example.net; dmarc=pass",
        " mx.example.=?us-ascii?Q?net?=; dmarc=pass",
        " =?utf-8*en?Q?mx?=.example.net; dmarc=pass",
        " =?utf-8?Q?mx=2Eexample=2Enet?= 1; dmarc=pass",
        " =?utf-8?Q?mx?=\n =?utf-8?Q?=2Eexample.net?=; dmarc=pass",
        " \"=?utf-8?Q?mx.example.net?=\"; dmarc=pass",
        " (c) =?utf-8?Q?mx.example.net?=; dmarc=pass",
        " (a;b) =?utf-8?Q?mx.example.net?=; dmarc=pass",
        " =?utf-8?Q?mx.example.net;_dmarc=3Dpass?=",
        " (=?utf-8?Q?=29mx.example.net;_dmarc=3Dpass?=",
        " (=?utf-8?Q?=29mx.example.net;=28?=) other.example; none",
        " mx .example.net; dmarc=pass",
        " mx. example.net; dmarc=pass",
        " mx.\n\texample.net; dmarc=pass",
        " mx.(c)example.net; dmarc=pass",
        " mx(c).example.net; dmarc=pass",
        " m x.example.net; dmarc=pass",
        " \"mx\".example.net; dmarc=pass",
        " mx\".example.net\"; dmarc=pass",
        " \"mx.\"example.net; dmarc=pass",
        " \"mx. example.net\"; dmarc=pass",
        " \"mx.(c)example.net\"; dmarc=pass",
        " mx\x0b.example.net; dmarc=pass",
        " mx 1.example.net; dmarc=pass",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i]);
        assert_true(authres_claims(span_of(rows[i]), id));
    }
}

static void
keeps_results_of_others(void **state)
{
    static const char *const rows[] = {
        "",
        " ",
        " other.example; spf=pass",
        " xmx.example.net; none",
        " x.mx.example.net; none",
        " mx.example.net.evil.example; none",
        " mx.example.net/x; none",
        " mx.example.net..; none",
        " mx-example.net; none",
        " other.example; spf=pass smtp.helo=mx.example.net",
        " other.example (mx.example.net); none",
        " (mx.example.net) other.example; none",
        " \"mx.example.net x\"; none",
        " \"other.example\"; none; mx.example.net",
        " (unclosed other.example; none",
        " other.example (=) 1 (c); spf=pass",
        " other.example; spf=pass reason=\"=?utf-8?Q?x?=\"",
        " dkim=pass (2048-bit key) header.d=other.example; spf=pass",
        " dkim = pass; spf=pass",
        " dkim/1=pass; spf=pass",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %zu\n", i);
        assert_false(authres_claims(span_of(rows[i]), id));
    }
}

static void
knows_received_spf_of_its_own(void **state)
{
    static const char *const ours[] = {
        " pass (mx.example.net: domain of a@b.example designates 192.0.2.1) receiver=x",
        " pass client-ip=192.0.2.1; receiver=mx.example.net; helo=a",
        " pass receiver=MX.example.NET.",
        " pass receiver=\"mx.example.net\"",
        " pass receiver=\"\\m\\x.example.net\"",
        " pass receiver =\n\tmx.example.net;",
        " mx.example.net: pass",
        "mx.example.net",
        " pass x=mx.example.net",
        " pass receiver=mx .example.net",
        " pass receiver=mx.(c)example.net; helo=a",
        " pass receiver=mx.\n\texample.net",
        " pass receiver==?utf-8?Q?=6D?=x.example.net",
        " =?utf-8?Q?pass_receiver=3Dmx.example.net?=",
        " pass receiver=\xef\xbd\x8dx.example.net",
        " pass receiver=\"mx.exam\xc2\xadple.net\"",
    };
    static const char *const others[] = {
        "",
        " pass receiver=other.example; helo=mx.example.net",
        " pass receiver=other.example; client-ip=192.0.2.1; helo=\"mx.example.net\"",
        " pass (other.example: domain of a@mx.example.net designates 192.0.2.1)",
        " pass envelope-from=\"a@mx.example.net\"; receiver=other.example",
        " pass receiver=mx.example.net.evil.example",
        " pass receiver=xmx.example.net",
        " pass receiver=mx.example.network",
        " pass receiver=mx.example.n\xc3\xa9t",
        " pass (other.example. mx) receiver=other.example. helo=mx.example.net",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(ours); i++) {
        print_message("# %s\n", ours[i]);
        assert_true(authres_received_spf_claims(span_of(ours[i]), id));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        print_message("# %s\n", others[i]);
        assert_false(authres_received_spf_claims(span_of(others[i]), id));
    }
}

static void
finds_it_in_values_of_any_size(void **state)
{
    const size_t size = 1 << 20;
    char *value = malloc(size);

    (void)state;
    assert_non_null(value);
    /* A comment of a megabyte before the id; a megabyte of opening parentheses; results
     * without end. */
    memset(value, 'x', size);
    value[0] = '(';
    memcpy(value + size - 24, ")mx.example.net; spf=pass", 24);
    assert_true(authres_claims(span_make(value, size), id));
    memset(value, '(', size);
    assert_false(authres_claims(span_make(value, size), id));
    memcpy(value + size - 24, " mx.example.net; spf=pass", 24);
    assert_true(authres_claims(span_make(value, size), id));
    memset(value, ';', size);
    memcpy(value, "mx.example.net", 14);
    assert_true(authres_claims(span_make(value, size), id));
    /* And none takes longer the longer it is. */
    memset(value, '(', size);
    assert_false(authres_received_spf_claims(span_make(value, size), id));
    memset(value, ' ', size);
    assert_false(authres_received_spf_claims(span_make(value, size), id));
    for (size_t i = 0; i < size; i += 2)
        memcpy(value + i, "( ", 2);
    assert_false(authres_received_spf_claims(span_make(value, size), id));
    free(value);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_own_results),
        cmocka_unit_test(knows_itself_in_other_letters),
        cmocka_unit_test(knows_ids_that_readers_take_differently),
        cmocka_unit_test(keeps_results_of_others),
        cmocka_unit_test(knows_received_spf_of_its_own),
        cmocka_unit_test(finds_it_in_values_of_any_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
