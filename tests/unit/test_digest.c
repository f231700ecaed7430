/*
 * SHA-256 as FIPS 180-4 has it: the examples of NIST.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/base/digest.h"

#include <stdio.h>

struct row {
    const char *what;
    const char *input;
    const char *wanted;
};

static const struct row rows[] = {
    {"nothing", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"one block", "abc",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"two blocks", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void
gives_the_published_digests(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint8_t digest[DIGEST_SHA256_SIZE];
        char text[2 * DIGEST_SHA256_SIZE + 1];

        digest_sha256(span_of(rows[i].input), digest);
        for (size_t n = 0; n < sizeof(digest); n++)
            (void)snprintf(text + 2 * n, 3, "%02x", digest[n]);
        print_message("# %s\n", rows[i].what);
        assert_string_equal(text, rows[i].wanted);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_published_digests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
