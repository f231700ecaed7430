/*
 * SipHash-2-4: the values that its authors published for the key 00 01 .. 0f.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/base/hash.h"

static void
gives_the_published_values(void **state)
{
    static const struct {
        size_t length;
        uint64_t wanted;
    } rows[] = {
        {0, UINT64_C(0x726fdb47dd0e0e31)},
        {1, UINT64_C(0x74f839c593dc67fd)},
        {7, UINT64_C(0xab0200f58b01d137)},
        {8, UINT64_C(0x93f5f5799a932462)},
        {15, UINT64_C(0xa129ca6149be45e5)},
    };
    const struct hash_key key = {
        UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    char input[16];

    (void)state;
    for (size_t i = 0; i < sizeof(input); i++)
        input[i] = (char)i;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        assert_true(hash_of(span_make(input, rows[i].length), key) == rows[i].wanted);
    assert_true(hash_of(span_of(NULL), key) == rows[0].wanted);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_published_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
