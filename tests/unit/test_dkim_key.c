/*
 * DKIM key records, the base64 and the RSA keys in them.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/records/base64.h"
#include "shared/records/dkim_key.h"
#include "shared/records/rsa_key.h"

#include <string.h>

/* 512 bits of ones, exponent 65537: SubjectPublicKeyInfo, then RSAPublicKey. */
#define SPKI                                                                             \
    "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAP////////////////////////////////////"             \
    "////////////////////////////////////////////////8CAwEAAQ=="
#define PKCS1                                                                            \
    "MEgCQQD///////////////////////////////////////////////////////////////"             \
    "//////////////////////AgMBAAE="
#define CURVE "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

static void
reads_keys(void **state)
{
    static const struct {
        const char *what;
        const char *text;
        struct dkim_key key;
    } rows[] = {
        {"a whole record", "v=DKIM1; k=rsa; p=" SPKI,
            {DKIM_KEY_RSA, 512, false, true, true, false, false,
                "v=DKIM1; k=rsa; p=" SPKI}},
        {"p= alone", "p=" SPKI,
            {DKIM_KEY_RSA, 512, false, true, true, false, false,
                "v=DKIM1; k=rsa; p=" SPKI}},
        {"PKCS #1 becomes SPKI", "p=" PKCS1,
            {DKIM_KEY_RSA, 512, false, true, true, false, false,
                "v=DKIM1; k=rsa; p=" SPKI}},
        {"white space, upper case, unknown tags",
            " v=DKIM1 ; n=for \xc3\xbc ; K2=x; k=RSA; g=*; t= y : s ; h = SHA256 : sha1; "
            "s=EMAIL;p= MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAP///// ////////////////////"
            "///////////////////////////////////////////////////////////8CAwEAAQ",
            {DKIM_KEY_RSA, 512, false, true, true, true, true,
                "v=DKIM1; k=rsa; p=" SPKI}},
        {"for other hashes and services", "h=sha1; s=tlsrpt; p=" SPKI,
            {DKIM_KEY_RSA, 512, false, false, false, false, false,
                "v=DKIM1; k=rsa; p=" SPKI}},
        {"any service", "s=x:*; p=" SPKI,
            {DKIM_KEY_RSA, 512, false, true, true, false, false,
                "v=DKIM1; k=rsa; p=" SPKI}},
        {"empty lists allow nothing", "h=; s=; p=" SPKI,
            {DKIM_KEY_RSA, 512, false, false, false, false, false,
                "v=DKIM1; k=rsa; p=" SPKI}},
        {"Ed25519", "v=DKIM1; k=ed25519; p=" CURVE,
            {DKIM_KEY_ED25519, 0, false, true, true, false, false,
                "v=DKIM1; k=ed25519; p=" CURVE}},
        {"revoked", "v=DKIM1; p=", {DKIM_KEY_RSA, 0, true, true, true, false, false, ""}},
        {"revoked, with a final semicolon", "v=DKIM1; p=;",
            {DKIM_KEY_RSA, 0, true, true, true, false, false, ""}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct dkim_key key;
        const char *wrong = "";

        print_message("# %s\n", rows[i].what);
        assert_true(dkim_key_parse(span_of(rows[i].text), &key, &wrong));
        assert_null(wrong);
        assert_int_equal(key.type, rows[i].key.type);
        assert_int_equal(key.bits, rows[i].key.bits);
        assert_int_equal(key.revoked, rows[i].key.revoked);
        assert_int_equal(key.for_mail, rows[i].key.for_mail);
        assert_int_equal(key.for_sha256, rows[i].key.for_sha256);
        assert_int_equal(key.testing, rows[i].key.testing);
        assert_int_equal(key.same_domain, rows[i].key.same_domain);
        assert_string_equal(key.record, rows[i].key.record);
    }
}

static void
refuses_what_is_no_key(void **state)
{
    static const struct {
        const char *text;
        const char *wrong;
    } rows[] = {
        {"", "no tags"},
        {"v=DKIM1", "no p= in the key record"},
        {"v=DKIM1; k=rsa", "no p= in the key record"},
        {"k=rsa; v=DKIM1; p=" SPKI, "v= is not first"},
        {"v=DKIM2; p=" SPKI, "v= is not DKIM1"},
        {"v=dkim1; p=" SPKI, "v= is not DKIM1"},
        {"v=spf1 -all", "v= is not DKIM1"},
        {"some text", "a tag without value"},
        {"v=DKIM1; k=dsa; p=" SPKI, "unknown key type"},
        {"p=" SPKI "; p=" SPKI, "a tag given twice"},
        {"v=DKIM1;; p=" SPKI, "an empty tag"},
        {"v=DKIM1\\; p=" SPKI, "v= is not DKIM1"},
        {"p=" SPKI "\x01", "a control character among the tags"},
        {"p=!" SPKI, "p= is no base64"},
        {"p=\xc3\xbc", "p= is no base64"},
        {"p=A", "p= is no base64"},
        {"p=" CURVE, "not an RSA key"},
        {"k=ed25519; p=" SPKI, "not an Ed25519 key"},
        {"k=ed25519; p=" CURVE "AAAA", "p= is no base64"},
        {"k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHUQ==",
            "not an Ed25519 key"},
        {"p=MAA=", "not an RSA key"},
        {"p=MEgC", "not an RSA key"},
        {"p=" SPKI "AAAA", "p= is no base64"},
        /* Another algorithm, other bits, something behind the key. */
        {"p="
         "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
            "not an RSA key"},
        {"p=MAYCAQMCAQA=", "not an RSA key"},
        {"p=MAYCAQACAQM=", "not an RSA key"},
        {"p=MAYCAQMCAQMA", "not an RSA key"},
        {"p=MA8CAQMCCgEAAAAAAAAAAAA=", "not an RSA key"},
    };
    static char longest[DKIM_KEY_TEXT_MAX + 1];
    struct dkim_key key;
    const char *wrong;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %zu\n", i);
        assert_false(dkim_key_parse(span_of(rows[i].text), &key, &wrong));
        assert_string_equal(wrong, rows[i].wrong);
    }
    memset(longest, 'x', sizeof(longest));
    memcpy(longest, "p=; n=", 6);
    assert_true(dkim_key_parse(span_make(longest, DKIM_KEY_TEXT_MAX), &key, &wrong));
    assert_false(dkim_key_parse(span_make(longest, DKIM_KEY_TEXT_MAX + 1), &key, &wrong));
    assert_string_equal(wrong, "key record too long");
}

static void
chooses_the_one_that_parses(void **state)
{
    static const struct {
        const char *what;
        const char *texts[3];
        const char *wrong; /* NULL: found */
    } rows[] = {
        {"one", {"p=" SPKI}, NULL},
        {"one beside others", {"v=spf1 -all", "p=" SPKI, "hello"}, NULL},
        {"two", {"p=" SPKI, "x", "p=" SPKI}, "several keys"},
        {"one of two revoked", {"p=", "p=" SPKI}, "several keys"},
        {"none of two", {"v=spf1 -all", "hello"}, "v= is not DKIM1"},
        {"nothing", {NULL}, "no key"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct dns_record records[3] = {0};
        size_t count = 0;
        struct dkim_key key;
        const char *wrong;

        print_message("# %s\n", rows[i].what);
        for (; count < 3 && rows[i].texts[count] != NULL; count++)
            records[count].text = span_of(rows[i].texts[count]);
        assert_int_equal(
            dkim_key_choose(records, count, &key, &wrong), rows[i].wrong == NULL);
        if (rows[i].wrong == NULL)
            assert_int_equal(key.bits, 512);
        else
            assert_string_equal(wrong, rows[i].wrong);
    }
}

/* Numbers of all lengths through the writer and the reader; 8,192 bits are told. */
static void
repacks_keys_of_any_size(void **state)
{
    static unsigned char modulus[1200];
    static const unsigned char exponent[] = {1, 0, 1};

    (void)state;
    memset(modulus, 0x7f, sizeof(modulus));
    for (size_t length = 1; length < sizeof(modulus); length++) {
        const struct rsa_key key = {
            span_make(modulus, length), span_make(exponent, sizeof(exponent)), 0};
        struct buffer der;
        struct rsa_key again;

        buffer_init(&der, 4096);
        assert_true(rsa_key_write(&key, &der));
        assert_true(rsa_key_parse(buffer_span(&der), &again));
        assert_true(span_equal(again.modulus, key.modulus));
        assert_true(span_equal(again.exponent, key.exponent));
        assert_int_equal(again.bits, 8 * length - 1);
        /* Cut anywhere, it is none. */
        for (size_t cut = 0; cut < der.length; cut += 1 + length / 8)
            assert_false(rsa_key_parse(span_make(der.data, cut), &again));
        buffer_clear(&der);
    }
}

static void
tells_a_key_that_is_too_long(void **state)
{
    static unsigned char modulus[1024];
    static const unsigned char exponent[] = {3};
    static const struct {
        size_t octets;
        unsigned bits;
        bool has_record;
    } rows[] = {{512, 4096, true}, {513, 4104, false}, {1024, 8192, false}};

    (void)state;
    memset(modulus, 0xff, sizeof(modulus));
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct rsa_key key = {
            span_make(modulus, rows[i].octets), span_make(exponent, 1), 0};
        struct buffer der;
        struct buffer text;
        struct dkim_key read;
        const char *wrong;

        buffer_init(&der, 4096);
        buffer_init(&text, 4096);
        buffer_append_text(&text, "p=");
        assert_true(rsa_key_write(&key, &der));
        assert_true(base64_encode(buffer_span(&der), &text));
        assert_true(dkim_key_parse(buffer_span(&text), &read, &wrong));
        assert_int_equal(read.bits, rows[i].bits);
        assert_int_equal(read.record[0] != '\0', rows[i].has_record);
        buffer_clear(&der);
        buffer_clear(&text);
    }
}

static void
reads_and_writes_base64(void **state)
{
    /* RFC 4648, section 10. */
    static const struct {
        const char *text;
        const char *data;
    } rows[] = {{"", ""}, {"Zg==", "f"}, {"Zm8=", "fo"}, {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"}, {"Zm9vYmE=", "fooba"}, {"Zm9vYmFy", "foobar"}};
    static const char *const lenient[] = {"Zm9vYg", " Zm9v\r\n\tYg = =", "Zm9vYg= ="};
    static const char *const bad[] = {"Z", "Zm9vY", "Zg=", "Zg===", "Zm9v=", "=",
        "====", "Zg==Zg==", "Zg==x", "Z-9v", "Zm9v\f"};
    struct buffer out;

    (void)state;
    buffer_init(&out, 64);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        buffer_reset(&out);
        assert_true(base64_decode(span_of(rows[i].text), &out));
        assert_true(span_is(buffer_span(&out), rows[i].data));
        buffer_reset(&out);
        assert_true(base64_encode(span_of(rows[i].data), &out));
        assert_true(span_is(buffer_span(&out), rows[i].text));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(lenient); i++) {
        buffer_reset(&out);
        assert_true(base64_decode(span_of(lenient[i]), &out));
        assert_true(span_is(buffer_span(&out), "foob"));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        buffer_reset(&out);
        assert_false(base64_decode(span_of(bad[i]), &out));
    }
    buffer_reset(&out);
    assert_false(
        base64_decode(SPAN("Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFy"
                           "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFy"),
            &out));
    buffer_clear(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_keys),
        cmocka_unit_test(refuses_what_is_no_key),
        cmocka_unit_test(chooses_the_one_that_parses),
        cmocka_unit_test(repacks_keys_of_any_size),
        cmocka_unit_test(tells_a_key_that_is_too_long),
        cmocka_unit_test(reads_and_writes_base64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
