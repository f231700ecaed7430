/*
 * An address to its canonical form.
 */
#include "tests/unit/unit.h"

#include "policyd/state/recipient.h"
#include "shared/base/attributes.h"

#include <string.h>

struct row {
    const char *what;
    const char *address;
    const char *wanted; /* NULL: none */
};

static const struct recipient_rules usual = {.delimiters = "+", .fold_local_part = true};

static void
check(const struct recipient_rules *rules, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct recipient recipient;
        bool done = recipient_parse(span_of(rows[i].address), rules, &recipient);

        print_message("# %s\n", rows[i].what);
        assert_int_equal(done, rows[i].wanted != NULL);
        assert_string_equal(recipient.text, done ? rows[i].wanted : "");
        assert_int_equal(recipient.length, strlen(recipient.text));
        if (!done)
            continue;
        assert_int_equal(recipient.text[recipient.local_length], '@');
        assert_int_equal(recipient_local(&recipient).length, recipient.local_length);
        assert_int_equal(recipient_domain(&recipient).length + 1 + recipient.local_length,
            recipient.length);
        assert_int_equal(span_find(recipient_domain(&recipient), '@'), SPAN_NONE);
    }
}

static void
makes_addresses_canonical(void **state)
{
    static const struct row rows[] = {
        {"as it should be", "alice@example.com", "alice@example.com"},
        {"case", "Alice.SMITH@Example.COM", "alice.smith@example.com"},
        {"an extension", "alice+list@example.com", "alice@example.com"},
        {"two extensions", "alice+a+b@example.com", "alice@example.com"},
        {"an empty extension", "alice+@example.com", "alice@example.com"},
        {"no other delimiter", "alice-list@example.com", "alice-list@example.com"},
        {"position 0: no cut", "+alice+b@example.com", "+alice+b@example.com"},
        {"a lone delimiter", "+@example.com", "+@example.com"},
        {"quoted", "\"alice smith\"@example.com", "alice smith@example.com"},
        {"quoted needlessly", "\"Alice+x\"@example.com", "alice@example.com"},
        {"a quoted pair", "\"a\\\"b\\\\c\"@example.com", "a\"b\\c@example.com"},
        {"quoted '@'", "\"q@d\"@example.com", "q@d@example.com"},
        {"bare '@': the last one", "q@d@example.com", "q@d@example.com"},
        {"quote at one end", "\"alice@example.com", "\"alice@example.com"},
        {"a quote inside", "\"a\"b\"@example.com", "\"a\"b\"@example.com"},
        {"quoted nothing", "\"\"@example.com", NULL},
        {"an escaped end", "\"alice\\\"@example.com", "\"alice\\\"@example.com"},
        {"trailing dot", "alice@example.com.", "alice@example.com"},
        {"two trailing dots", "alice@example.com..", NULL},
        {"U-label", "anna@m\xc3\xbcnchen.example", "anna@xn--mnchen-3ya.example"},
        {"U-label, capital", "anna@M\xc3\x9cNCHEN.example",
            "anna@xn--mnchen-3ya.example"},
        {"A-label", "anna@XN--MNCHEN-3YA.example", "anna@xn--mnchen-3ya.example"},
        {"a broken A-label", "anna@xn--\x80.example", NULL},
        {"no UTF-8", "anna@m\xfcnchen.example", NULL},
        {"UTF-8 local part",
            "Z\xc3\x96"
            "E@example.com",
            "z\xc3\x96"
            "e@example.com"},
        {"other octets", "z\xff@example.com", "z\xff@example.com"},
        {"one label", "alice@localhost", "alice@localhost"},
        {"percent, bang", "a%b!c@example.com", "a%b!c@example.com"},
        {"a star", "*", NULL},
        {"no '@'", "alice", NULL},
        {"nothing", "", NULL},
        {"only '@'", "@", NULL},
        {"no local part", "@example.com", NULL},
        {"no domain", "alice@", NULL},
        {"a dot for a domain", "alice@.", NULL},
        {"an IPv4 literal", "alice@[192.0.2.1]", NULL},
        {"an IPv6 literal", "alice@[IPv6:2001:db8::1]", NULL},
        {"a blank in the domain", "alice@exa mple.com", NULL},
        {"brackets around", "<alice@example.com>", NULL},
        {"a long label",
            "alice@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com",
            NULL},
    };

    (void)state;
    check(&usual, rows, ARRAY_LENGTH(rows));
}

static void
counts_a_batv_address_as_its_owner(void **state)
{
    static const struct row rows[] = {
        {"plain", "prvs=0123abcdef=alice@example.com", "alice@example.com"},
        {"case", "PRVS=0123ABCDEF=Alice@example.com", "alice@example.com"},
        {"one letter", "prvs=x=alice@example.com", "alice@example.com"},
        {"sixteen", "prvs=0123456789abcdef=alice@example.com", "alice@example.com"},
        {"seventeen: none", "prvs=0123456789abcdefg=alice@example.com",
            "prvs=0123456789abcdefg=alice@example.com"},
        {"an empty tag: none", "prvs==alice@example.com", "prvs==alice@example.com"},
        {"nobody behind: none", "prvs=abc=@example.com", "prvs=abc=@example.com"},
        {"no second '=': none", "prvs=abc@example.com", "prvs=abc@example.com"},
        {"other octets: none", "prvs=a-c=alice@example.com",
            "prvs=a-c=alice@example.com"},
        {"an extension behind", "prvs=abc=alice+x@example.com", "alice@example.com"},
        {"an extension in front", "prvs+x=abc=alice@example.com", "prvs@example.com"},
        {"'=' in the name", "prvs=abc=a=b@example.com", "a=b@example.com"},
        {"the appliances' form", "btv1==0123456789==Alice+x@example.com",
            "alice@example.com"},
        {"the appliances' form, in capitals", "BTV1==Ab9==alice@example.com",
            "alice@example.com"},
        {"the appliances' form, half of it", "btv1==abc=alice@example.com",
            "btv1==abc=alice@example.com"},
        {"the appliances' form, no tag", "btv1====alice@example.com",
            "btv1====alice@example.com"},
        {"the appliances' form, nobody", "btv1==abc==@example.com",
            "btv1==abc==@example.com"},
        {"the appliances' form, seventeen", "btv1==0123456789abcdefg==alice@example.com",
            "btv1==0123456789abcdefg==alice@example.com"},
        {"once only", "prvs=abc=prvs=def=alice@example.com",
            "prvs=def=alice@example.com"},
        {"in quotes", "\"prvs=abc=alice\"@example.com", "alice@example.com"},
        {"position 0 of the rest", "prvs=abc=+x@example.com", "+x@example.com"},
        {"in front of a name", "xprvs=abc=alice@example.com",
            "xprvs=abc=alice@example.com"},
    };

    (void)state;
    check(&usual, rows, ARRAY_LENGTH(rows));
}

static void
cuts_extensions_as_postfix_does(void **state)
{
    static const struct recipient_rules both = {
        .delimiters = "+-", .fold_local_part = true};
    static const struct row two[] = {
        {"the first of the set", "alice-a+b@example.com", "alice@example.com"},
        {"the other first", "alice+a-b@example.com", "alice@example.com"},
        {"position 0 of either", "-alice+b@example.com", "-alice+b@example.com"},
        {"owner-", "owner-list@example.com", "owner-list@example.com"},
        {"owner- and plus", "Owner-list+x@example.com", "owner-list+x@example.com"},
        {"-request", "list-request@example.com", "list-request@example.com"},
        {"-request, case", "list-REQUEST@example.com", "list-request@example.com"},
        {"only -request", "-request@example.com", "-request@example.com"},
        {"-request inside", "list-requests@example.com", "list@example.com"},
        {"mailer-daemon", "Mailer-Daemon@example.com", "mailer-daemon@example.com"},
        {"double-bounce", "double-bounce@example.com", "double-bounce@example.com"},
        {"postmaster", "postmaster@example.com", "postmaster@example.com"},
        {"more than the name", "mailer-daemons@example.com", "mailer@example.com"},
        {"mailer-daemon's extension", "mailer-daemon+x@example.com",
            "mailer@example.com"},
        {"postmaster's extension", "postmaster+x@example.com", "postmaster@example.com"},
    };
    static const struct row one[] = {
        {"owner- is cut at plus", "owner-list+x@example.com", "owner-list@example.com"},
        {"-request as well", "list+x-request@example.com", "list@example.com"},
    };
    static const struct row kept[] = {
        {"none is cut", "Alice+x@Example.com", "alice+x@example.com"},
    };

    (void)state;
    check(&both, two, ARRAY_LENGTH(two));
    check(&usual, one, ARRAY_LENGTH(one));
    check(&(struct recipient_rules){.delimiters = "", .fold_local_part = true}, kept, 1);
    check(
        &(struct recipient_rules){.delimiters = NULL, .fold_local_part = true}, kept, 1);
}

static void
keeps_case_where_told_to(void **state)
{
    static const struct recipient_rules unfolded = {
        .delimiters = "+", .fold_local_part = false};
    static const struct row rows[] = {
        {"the local part's only", "Alice+X@Example.COM", "Alice@example.com"},
        {"batv has no case", "PRVS=ab=Alice@Example.COM", "Alice@example.com"},
        {"postmaster has none", "PostMaster@Example.COM", "PostMaster@example.com"},
    };

    (void)state;
    check(&unfolded, rows, ARRAY_LENGTH(rows));
}

static void
refuses_nul_and_what_is_too_long(void **state)
{
    static char longest[4 * RECIPIENT_MAX];
    struct recipient recipient;

    (void)state;
    assert_false(recipient_parse(span_make("a\0b@example.com", 15), &usual, &recipient));
    assert_false(recipient_parse(span_make("a@exa\0mple.com", 14), &usual, &recipient));
    assert_false(
        recipient_parse(span_make("\"a\\\0b\"@example.com", 18), &usual, &recipient));

    memset(longest, 'a', sizeof(longest));
    memcpy(longest + RECIPIENT_MAX - 12, "@example.com", 12);
    assert_true(recipient_parse(span_make(longest, RECIPIENT_MAX), &usual, &recipient));
    assert_int_equal(recipient.length, RECIPIENT_MAX);

    memset(longest, 'a', sizeof(longest));
    memcpy(longest + RECIPIENT_MAX - 11, "@example.com", 12);
    assert_false(
        recipient_parse(span_make(longest, RECIPIENT_MAX + 1), &usual, &recipient));
    assert_int_equal(recipient.length, 0);

    /* Quotes and quoted pairs do not count. */
    memset(longest, '\\', sizeof(longest));
    longest[0] = '"';
    memcpy(longest + 2001, "\"@example.com", 13);
    assert_true(recipient_parse(span_make(longest, 2014), &usual, &recipient));
    assert_int_equal(recipient.local_length, 1000);

    memset(longest, 'a', sizeof(longest));
    memcpy(longest + sizeof(longest) - 12, "@example.com", 12);
    assert_false(
        recipient_parse(span_make(longest, sizeof(longest)), &usual, &recipient));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_addresses_canonical),
        cmocka_unit_test(counts_a_batv_address_as_its_owner),
        cmocka_unit_test(cuts_extensions_as_postfix_does),
        cmocka_unit_test(keeps_case_where_told_to),
        cmocka_unit_test(refuses_nul_and_what_is_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
