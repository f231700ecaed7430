#include "milters/dkim/dkim_key_cache.h"

#include <openssl/bio.h>
#include <openssl/x509.h>
#include <string.h>

#include "tests/unit/unit.h"

struct text {
    unsigned char *octets;
    size_t length;
};

static struct text
make_key(void)
{
    EVP_PKEY *key = EVP_RSA_gen(1024);
    struct text text = {0};

    assert_non_null(key);
    text.length = (size_t)i2d_PUBKEY(key, &text.octets);
    EVP_PKEY_free(key);
    return text;
}

static void
the_same_text_gives_the_same_key(void **state)
{
    struct text one = make_key();
    struct text two = make_key();
    EVP_PKEY *first = dkim_key_cache_take(one.octets, one.length);
    EVP_PKEY *other = dkim_key_cache_take(two.octets, two.length);
    EVP_PKEY *again = dkim_key_cache_take(one.octets, one.length);

    (void)state;
    assert_non_null(first);
    assert_ptr_equal(first, again);
    assert_int_equal(EVP_PKEY_eq(first, other), 0);
    EVP_PKEY_free(first);
    EVP_PKEY_free(other);
    EVP_PKEY_free(again);
    OPENSSL_free(one.octets);
    OPENSSL_free(two.octets);
}

static void
a_key_outlives_those_that_take_its_place(void **state)
{
    struct text text = make_key();
    EVP_PKEY *key = dkim_key_cache_take(text.octets, text.length);
    unsigned char *written = NULL;

    (void)state;
    /* Junk behind a key makes other texts of it, which fill every place. */
    for (unsigned i = 0; i < 3 * DKIM_KEY_CACHE_KEYS; i++) {
        unsigned char longer[512] = {0};

        assert_true(text.length + sizeof(i) <= sizeof(longer));
        memcpy(longer, text.octets, text.length);
        memcpy(longer + text.length, &i, sizeof(i));
        EVP_PKEY_free(dkim_key_cache_take(longer, text.length + sizeof(i)));
    }
    assert_int_equal(i2d_PUBKEY(key, &written), (int)text.length);
    assert_memory_equal(written, text.octets, text.length);
    EVP_PKEY_free(key);
    OPENSSL_free(written);
    OPENSSL_free(text.octets);
}

static void
what_is_no_key_gives_none(void **state)
{
    static const unsigned char junk[] = {0x30, 0x03, 0x01, 0x01, 0xff};

    (void)state;
    assert_null(dkim_key_cache_take(junk, sizeof(junk)));
    assert_null(dkim_key_cache_take(junk, 0));
    assert_null(dkim_key_cache_take(NULL, 0));
}

/* What libopendkim calls is ours. */
static void
libcryptos_reader_finds_kept_keys(void **state)
{
    struct text text = make_key();
    EVP_PKEY *kept = dkim_key_cache_take(text.octets, text.length);
    BIO *bio = BIO_new_mem_buf(text.octets, (int)text.length);
    EVP_PKEY *read = d2i_PUBKEY_bio(bio, NULL);

    (void)state;
    assert_ptr_equal(kept, read);
    BIO_free(bio);
    EVP_PKEY_free(kept);
    EVP_PKEY_free(read);
    OPENSSL_free(text.octets);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_text_gives_the_same_key),
        cmocka_unit_test(a_key_outlives_those_that_take_its_place),
        cmocka_unit_test(what_is_no_key_gives_none),
        cmocka_unit_test(libcryptos_reader_finds_kept_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
