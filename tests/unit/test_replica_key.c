#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policyd/replica/replica_key.h"
#include "shared/base/attributes.h"

static const struct recipient_rules rules = {.delimiters = "+", .fold_local_part = true};

static void
keys_become_what_they_are_about(void **state)
{
    static const struct {
        const char *what;
        const char *key;
        enum replica_key_kind kind;
        const char *name;
        const char *list;
        bool as_written;
    } rows[] = {
        {"a domain", "cutover:domain:example.com", REPLICA_KEY_DOMAIN, "example.com", "",
            true},
        {"in capitals", "cutover:domain:Example.COM", REPLICA_KEY_DOMAIN, "example.com",
            "", false},
        {"a pin on a domain", "cutover:pin:@example.com", REPLICA_KEY_BAD, "", "", false},
        {"a pin on a pattern", "cutover:pin:*@example.com", REPLICA_KEY_BAD, "", "",
            false},
        {"a unit of a pattern", "cutover:unit:*@example.com", REPLICA_KEY_BAD, "", "",
            false},
        {"a pattern in quotes", "cutover:pin:\"*\"@example.com", REPLICA_KEY_BAD, "", "",
            false},
        {"a pattern that is a local part", "cutover:pin:\"*@b\"@example.com",
            REPLICA_KEY_PIN, "*@b@example.com", "", false},
        {"a domain that is a local part", "cutover:pin:\"@b\"@example.com",
            REPLICA_KEY_PIN, "@b@example.com", "", false},
        {"a star in a name", "cutover:pin:a*@example.com", REPLICA_KEY_PIN,
            "a*@example.com", "", true},
        {"a U-label",
            "cutover:domain:b\xc3\xbc"
            "cher.example",
            REPLICA_KEY_DOMAIN, "xn--bcher-kva.example", "", false},
        {"no domain", "cutover:domain:a..b", REPLICA_KEY_BAD, "", "", false},
        {"nothing", "cutover:domain:", REPLICA_KEY_BAD, "", "", false},
        {"a pin", "cutover:pin:alice@example.com", REPLICA_KEY_PIN, "alice@example.com",
            "", true},
        {"extension and case", "cutover:pin:Alice+x@Example.com", REPLICA_KEY_PIN,
            "alice@example.com", "", false},
        {"a unit's pin", "cutover:pin:Sales", REPLICA_KEY_PIN, "Sales", "", true},
        {"an odd unit's pin", "cutover:pin:sales@", REPLICA_KEY_PIN, "sales@", "", true},
        {"a pin with a control octet", "cutover:pin:a\tb", REPLICA_KEY_BAD, "", "",
            false},
        {"a unit", "cutover:unit:alice@example.com", REPLICA_KEY_UNIT,
            "alice@example.com", "", true},
        {"a unit of no recipient", "cutover:unit:alice", REPLICA_KEY_BAD, "", "", false},
        {"a list", "cutover:list:example.com:canary", REPLICA_KEY_LIST, "example.com",
            "canary", true},
        {"a list of a domain in capitals", "cutover:list:EXAMPLE.com:It:2",
            REPLICA_KEY_LIST, "example.com", "It:2", false},
        {"a list without a name", "cutover:list:example.com:", REPLICA_KEY_BAD, "", "",
            false},
        {"a list without a colon", "cutover:list:example.com", REPLICA_KEY_BAD, "", "",
            false},
        {"accept", "cutover:accept", REPLICA_KEY_ACCEPT, "", "", true},
        {"more than accept", "cutover:accepted", REPLICA_KEY_OTHER, "", "", false},
        {"a plan", "cutover:plan:example.com", REPLICA_KEY_OTHER, "", "", false},
        {"another's", "other:domain:example.com", REPLICA_KEY_OTHER, "", "", false},
        {"empty", "", REPLICA_KEY_OTHER, "", "", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct replica_key key;

        print_message("%s\n", rows[i].what);
        replica_key_parse(span_of(rows[i].key), SPAN("cutover:"), &rules, &key);
        assert_int_equal(key.kind, rows[i].kind);
        if (key.kind != REPLICA_KEY_BAD)
            assert_string_equal(key.name.text, rows[i].name);
        if (key.kind == REPLICA_KEY_LIST)
            assert_true(span_is(key.list, rows[i].list));
        if (key.kind > REPLICA_KEY_BAD)
            assert_int_equal(key.as_written, rows[i].as_written);
    }
}

static void
what_is_written_is_read_as_the_same(void **state)
{
    static const char *const keys[] = {"p:domain:Example.com",
        "p:pin:ALICE+a@example.com", "p:pin:Sales", "p:unit:a.smith@Example.com",
        "p:list:Example.COM:it", "p:accept"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
        struct replica_key key;
        struct replica_key again;
        struct buffer out;

        buffer_init(&out, 4096);
        replica_key_parse(span_of(keys[i]), SPAN("p:"), &rules, &key);
        replica_key_write(&key, SPAN("p:"), &out);
        replica_key_parse(buffer_span(&out), SPAN("p:"), &rules, &again);
        assert_int_equal(key.kind, again.kind);
        assert_true(again.as_written);
        assert_string_equal(key.name.text, again.name.text);
        assert_true(span_equal(key.list, again.list));
        buffer_clear(&out);
    }
}

static void
names_have_domains_only_as_addresses(void **state)
{
    struct replica_name name;
    static char longest[REPLICA_NAME_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(longest) - 1; i++)
        longest[i] = 'u';
    assert_true(replica_name_read(SPAN("Bob+1@Example.com"), &rules, &name));
    assert_true(span_is(replica_name_domain(replica_name_span(&name)), "example.com"));
    assert_true(replica_name_read(SPAN("team one"), &rules, &name));
    assert_true(span_is(replica_name_domain(replica_name_span(&name)), ""));
    assert_false(replica_name_read(SPAN(""), &rules, &name));
    assert_false(replica_name_read(SPAN("a\nb"), &rules, &name));
    assert_false(
        replica_name_read(span_make(longest, REPLICA_NAME_MAX + 1), &rules, &name));
    assert_true(replica_name_read(span_make(longest, REPLICA_NAME_MAX), &rules, &name));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_become_what_they_are_about),
        cmocka_unit_test(what_is_written_is_read_as_the_same),
        cmocka_unit_test(names_have_domains_only_as_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
