/*
 * The value of a DKIM-Signature field to what it says, or to why it can't count.
 */
#include "tests/unit/unit.h"

#include "milters/dkim/dkim_signature.h"
#include "shared/base/attributes.h"

#include <string.h>

enum { NOW = 1000000000, CEILING = 1 << 22 };

static void
reads_what_a_signature_says(void **state)
{
    struct arena *arena = arena_new(CEILING);
    struct dkim_signature signature;

    (void)state;
    dkim_signature_parse(SPAN(" v = 1 ;\n\ta=RSA-SHA256; c=Relaxed/Simple; d=Example.COM;"
                              " s=Sel.One;\r\n t=999999999; x=1000000001; l=0042;"
                              " i==41nna@Mail.example.com; q=x/y : dns/txt;"
                              " h=From : To:\n\tTo:Subject; z=From:x|y; bh=eH\n g=;"
                              " b=YWJj\n\tZGVm\n ;"),
        NOW, arena, &signature);
    assert_int_equal(signature.result, AUTH_NONE);
    assert_null(signature.reason);
    assert_true(signature.sound);
    assert_string_equal(signature.domain, "example.com");
    assert_string_equal(signature.selector, "sel.one");
    assert_string_equal(signature.identity, "Anna@mail.example.com");
    assert_string_equal(signature.algorithm_name, "rsa-sha256");
    assert_int_equal(signature.algorithm, DKIM_RSA_SHA256);
    assert_true(span_is(signature.signature, "YWJjZGVm"));
    assert_int_equal(signature.header_form, DKIM_RELAXED);
    assert_int_equal(signature.body_form, DKIM_SIMPLE);
    assert_true(signature.has_length);
    assert_int_equal(signature.length, 42);
    assert_true(signature.has_time);
    assert_int_equal(signature.signed_at, 999999999);
    assert_true(signature.is_sub_domain);
    assert_int_equal(dkim_signature_names(&signature, SPAN("to")), 2);
    assert_int_equal(dkim_signature_names(&signature, SPAN("FROM")), 1);
    assert_int_equal(dkim_signature_names(&signature, SPAN("Date")), 0);
    arena_free(arena);
}

/* A good signature with one tag of it replaced or more added. */
struct row {
    const char *what;
    const char *value;
    enum auth_result result;
    const char *reason;
    bool sound;
};

#define HEAD "v=1; a=rsa-sha256; d=example.com; s=sel; h=From; "
#define GOOD HEAD "bh=eHg=; b=eHg="

static void
check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct arena *arena = arena_new(CEILING);
        struct dkim_signature signature;

        print_message("# %s\n", rows[i].what);
        dkim_signature_parse(span_of(rows[i].value), NOW, arena, &signature);
        assert_string_equal(
            signature.reason == NULL ? "" : signature.reason, rows[i].reason);
        assert_int_equal(signature.result, rows[i].result);
        assert_int_equal(signature.sound, rows[i].sound);
        arena_free(arena);
    }
}

static void
takes_what_the_grammar_has(void **state)
{
    static const struct row rows[] = {
        {"the least", GOOD, AUTH_NONE, "", true},
        {"a final semicolon and a fold", GOOD ";\r\n ", AUTH_NONE, "", true},
        {"no white space", "v=1;a=ed25519-sha256;d=a.b;s=c;h=from;bh=eA;b=eA", AUTH_NONE,
            "", true},
        {"an unknown tag", GOOD "; zz_9=anything at all", AUTH_NONE, "", true},
        {"an empty unknown tag", GOOD "; zz=", AUTH_NONE, "", true},
        {"a header form alone", GOOD "; c=relaxed", AUTH_NONE, "", true},
        {"underscores and digits in names",
            "v=1; a=rsa-sha256; d=a_b.1example.com; s=_2024-01; h=From; bh=eHg=; b=eHg=",
            AUTH_NONE, "", true},
        {"an identity without local part", GOOD "; i=@example.com", AUTH_NONE, "", true},
        {"l=0", GOOD "; l=0", AUTH_NONE, "", true},
        {"a time of twelve digits", GOOD "; x=999999999999", AUTH_NONE, "", true},
        {"exactly the drift", GOOD "; t=1000000300; x=1000000301", AUTH_NONE, "", true},
    };

    (void)state;
    check_rows(rows, ARRAY_LENGTH(rows));
}

static void
refuses_what_it_has_not(void **state)
{
    static const struct row rows[] = {
        {"nothing", "", AUTH_PERMERROR, "no tags", false},
        {"white space alone", " \n ", AUTH_PERMERROR, "an empty tag", false},
        {"no tags", "nonsense", AUTH_PERMERROR, "a tag without value", false},
        {"a duplicate tag", GOOD "; s=sel", AUTH_PERMERROR, "a tag given twice", false},
        {"one in upper case", GOOD "; S=sel", AUTH_PERMERROR, "a tag given twice", false},
        {"an unknown one", GOOD "; y=1; y=1", AUTH_PERMERROR, "a tag given twice", false},
        {"an empty tag", "v=1;; " GOOD, AUTH_PERMERROR, "an empty tag", false},
        {"two final semicolons", GOOD ";;", AUTH_PERMERROR, "an empty tag", false},
        {"a semicolon first", ";" GOOD, AUTH_PERMERROR, "an empty tag", false},
        {"a tag without name", GOOD "; =x", AUTH_PERMERROR, "a tag name that is none",
            false},
        {"a name that begins with a digit", GOOD "; 1=x", AUTH_PERMERROR,
            "a tag name that is none", false},
        {"a name with a hyphen", GOOD "; a-b=x", AUTH_PERMERROR,
            "a tag name that is none", false},
        {"white space inside a name", GOOD "; a b=x", AUTH_PERMERROR,
            "a tag name that is none", false},
        {"a control character", GOOD "; z=\x01", AUTH_PERMERROR,
            "a control character among the tags", false},
        {"a form feed", GOOD ";\f z=x", AUTH_PERMERROR,
            "a control character among the tags", false},
        {"a bare CR", GOOD ";\r z=x", AUTH_PERMERROR,
            "a control character among the tags", false},
        {"a line end that is no fold", GOOD ";\nz=x", AUTH_PERMERROR,
            "a control character among the tags", false},
        {"another version",
            "v=2; a=rsa-sha256; d=example.com; s=sel; h=From; bh=eA; b=eA",
            AUTH_PERMERROR, "v= is not 1", true},
        {"no version", "a=rsa-sha256; d=example.com; s=sel; h=From; bh=eA; b=eA",
            AUTH_PERMERROR, "no v=", false},
        {"no algorithm", "v=1; d=example.com; s=sel; h=From; bh=eA; b=eA", AUTH_PERMERROR,
            "no a=", false},
        {"no domain", "v=1; a=rsa-sha256; s=sel; h=From; bh=eA; b=eA", AUTH_PERMERROR,
            "no d=", false},
        {"no selector", "v=1; a=rsa-sha256; d=example.com; h=From; bh=eA; b=eA",
            AUTH_PERMERROR, "no s=", false},
        {"no fields", "v=1; a=rsa-sha256; d=example.com; s=sel; bh=eA; b=eA",
            AUTH_PERMERROR, "no h=", false},
        {"no body hash", HEAD "b=eA", AUTH_PERMERROR, "no bh=", false},
        {"no signature", HEAD "bh=eA", AUTH_PERMERROR, "no b=", false},
        {"an empty signature", HEAD "bh=eA; b=", AUTH_PERMERROR, "b= is no base64", true},
        {"a signature of one digit", HEAD "bh=eA; b=e", AUTH_PERMERROR, "b= is no base64",
            true},
        {"a signature with other characters", HEAD "bh=eA; b=e*A=", AUTH_PERMERROR,
            "b= is no base64", true},
        {"an empty body hash", HEAD "bh=; b=eA", AUTH_PERMERROR, "bh= is no base64",
            true},
        {"padding inside", HEAD "bh=eA==eA; b=eA", AUTH_PERMERROR, "bh= is no base64",
            true},
        {"an empty domain", "v=1; a=rsa-sha256; d=; s=sel; h=From; bh=eA; b=eA",
            AUTH_PERMERROR, "d= is no domain", false},
        {"a domain of one label", "v=1; a=rsa-sha256; d=com; s=sel; h=From; bh=eA; b=eA",
            AUTH_PERMERROR, "d= is no domain", false},
        {"a domain with a parenthesis",
            "v=1; a=rsa-sha256; d=victim.example(.evil.example; s=s; h=From; bh=eA; b=eA",
            AUTH_PERMERROR, "d= is no domain", false},
        {"a selector with a slash",
            "v=1; a=rsa-sha256; d=example.com; s=a/b; h=From; bh=eA; b=eA",
            AUTH_PERMERROR, "s= is no selector", false},
        {"white space inside the domain",
            "v=1; a=rsa-sha256; d=exa mple.com; s=sel; h=From; bh=eA; b=eA",
            AUTH_PERMERROR, "white space inside a tag", false},
        {"an unknown algorithm",
            "v=1; a=rsa-md5; d=example.com; s=sel; h=From; bh=eA; b=eA", AUTH_PERMERROR,
            "unknown algorithm", true},
        {"rsa-sha1", "v=1; a=rsa-sha1; d=example.com; s=sel; h=From; bh=eA; b=eA",
            AUTH_PERMERROR, "rsa-sha1", true},
        {"an unknown form", GOOD "; c=nofws", AUTH_PERMERROR, "unknown c=", true},
        {"an unknown body form", GOOD "; c=simple/nofws", AUTH_PERMERROR,
            "unknown c=", true},
        {"a form more", GOOD "; c=simple/simple/simple", AUTH_PERMERROR,
            "unknown c=", true},
        {"an empty form", GOOD "; c=/simple", AUTH_PERMERROR, "unknown c=", true},
        {"another look-up", GOOD "; q=http", AUTH_PERMERROR, "unknown q=", false},
        {"no look-up", GOOD "; q=", AUTH_PERMERROR, "unknown q=", false},
        {"From is not signed",
            "v=1; a=rsa-sha256; d=example.com; s=sel; h=To:Resent-From; bh=eA; b=eA",
            AUTH_PERMERROR, "h= lacks From", false},
        {"an empty name",
            "v=1; a=rsa-sha256; d=example.com; s=s; h=From::To; bh=eA; b=eA",
            AUTH_PERMERROR, "h= is no list of fields", false},
        {"a name of two words",
            "v=1; a=rsa-sha256; d=example.com; s=sel; h=From:To Cc; bh=eA; b=eA",
            AUTH_PERMERROR, "h= is no list of fields", false},
        {"an empty length", GOOD "; l=", AUTH_PERMERROR, "l= is no number", false},
        {"a negative length", GOOD "; l=-1", AUTH_PERMERROR, "l= is no number", false},
        {"a length beyond 64 bits", GOOD "; l=99999999999999999999", AUTH_PERMERROR,
            "l= is beyond the body", false},
        {"a length as libopendkim's no limit", GOOD "; l=18446744073709551615",
            AUTH_PERMERROR, "l= is beyond the body", false},
        {"a time with a sign", GOOD "; t=+1", AUTH_PERMERROR, "t= is no time", false},
        {"a time of thirteen digits", GOOD "; x=1000000000000", AUTH_PERMERROR,
            "x= is no time", false},
        {"x= equal to t=", GOOD "; t=999999999; x=999999999", AUTH_PERMERROR,
            "x= is not after t=", true},
        {"an identity without at sign", GOOD "; i=example.com", AUTH_PERMERROR,
            "i= is no identity", false},
        {"an identity outside", GOOD "; i=a@notexample.com", AUTH_PERMERROR,
            "i= is outside d=", false},
        {"an identity above", GOOD "; i=a@com", AUTH_PERMERROR,
            "i= is outside d=", false},
        {"half a quoted octet", GOOD "; i=a@example.com=4", AUTH_PERMERROR,
            "i= is no identity", false},
        {"an equals sign at the end", GOOD "; i=a@example.com=", AUTH_PERMERROR,
            "i= is no identity", false},
        {"no hexadecimal digits", GOOD "; i==xy@example.com", AUTH_PERMERROR,
            "i= is no identity", false},
        {"a quoted semicolon in the domain", GOOD "; i=x@example.com=3B.example.com",
            AUTH_PERMERROR, "i= is no identity", false},
        {"octets above 0x7f", GOOD "; z=\xc3\xbc", AUTH_NEUTRAL, "not in ASCII", false},
        {"white space behind b", HEAD "bh=eA; b =eA", AUTH_NEUTRAL,
            "white space behind the name of b=", false},
        {"a tag that ends in b", GOOD "; xb=1", AUTH_NEUTRAL, "a tag that ends in b",
            false},
        {"expired", GOOD "; x=999999699", AUTH_POLICY, "expired", true},
        {"signed in the future", GOOD "; t=1000000301", AUTH_POLICY,
            "signed in the future", true},
    };

    (void)state;
    check_rows(rows, ARRAY_LENGTH(rows));
}

static void
shows_only_what_is_safe_to_show(void **state)
{
    static const struct {
        const char *value;
        const char *domain;
        const char *selector;
        const char *identity;
    } rows[] = {
        {"v=1; d=Example.com; s=x(; i=a@example.com", "example.com", "", "a@example.com"},
        {"v=1; d=vic/tim; s=sel; i=a@example.com", "", "sel", "a@example.com"},
        {"d=example.com; s=a; i=x=3Bdkim=3Dpass=20header.d=3Dbank.example=3B@example.com",
            "example.com", "a", ""},
        {"d=example.com; s=a; i=\"q q\"@example.com", "example.com", "a", ""},
        {"d=example.com; s=a; i=a..b@example.com", "example.com", "a", ""},
        {"d=example.com; s=a; i=a@evil@example.com", "example.com", "a", ""},
        {"d=example.com; s=a; i==0D=0AX:@example.com", "example.com", "a", ""},
        {"d=example.com; s=a; i==C3=BC@example.com", "example.com", "a", ""},
        {"d=example.com; s=a; i=@EXAMPLE.com", "example.com", "a", "@example.com"},
        {"d=example.com; d=bank.example; s=a", "example.com", "", ""},
        {"d=example.com; s=\xc3\xbc", "example.com", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct arena *arena = arena_new(CEILING);
        struct dkim_signature signature;

        print_message("# %zu\n", i);
        dkim_signature_parse(span_of(rows[i].value), NOW, arena, &signature);
        assert_string_equal(signature.domain, rows[i].domain);
        assert_string_equal(signature.selector, rows[i].selector);
        assert_string_equal(signature.identity, rows[i].identity);
        arena_free(arena);
    }
}

static void
keeps_its_ceilings(void **state)
{
    const struct {
        const char *what;
        const char *head;
        const char *unit; /* repeated */
        size_t count;
        const char *tail;
        const char *reason;
    } rows[] = {
        {"500 names", "h=From", ":x", 499, "; bh=eA; b=eA", ""},
        {"501 names", "h=From", ":x", 500, "; bh=eA; b=eA", "h= names too many fields"},
        {"4,095 octets of names", "h=From", ":12345678901234", 272,
            ":1234567890; bh=eA; b=eA", ""},
        {"4,096 octets of names", "h=From", ":12345678901234", 272,
            ":12345678901; bh=eA; b=eA", "h= too long"},
        {"an identity of 255 octets", "h=From; bh=eA; b=eA; i=", "x", 243, "@example.com",
            ""},
        {"an identity of 256 octets", "h=From; bh=eA; b=eA; i=", "x", 244, "@example.com",
            "i= is no identity"},
        {"16,385 octets", "h=From; bh=eA; b=eA; z=", "x", 16384, "",
            "signature too long"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct arena *arena = arena_new(CEILING);
        struct dkim_signature signature;
        struct buffer text;

        print_message("# %s\n", rows[i].what);
        buffer_init(&text, CEILING);
        buffer_append_text(&text, "v=1; a=rsa-sha256; d=example.com; s=sel; ");
        buffer_append_text(&text, rows[i].head);
        for (size_t j = 0; j < rows[i].count; j++)
            buffer_append_text(&text, rows[i].unit);
        buffer_append_text(&text, rows[i].tail);
        dkim_signature_parse(buffer_span(&text), NOW, arena, &signature);
        assert_string_equal(
            signature.reason == NULL ? "" : signature.reason, rows[i].reason);
        buffer_clear(&text);
        arena_free(arena);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_a_signature_says),
        cmocka_unit_test(takes_what_the_grammar_has),
        cmocka_unit_test(refuses_what_it_has_not),
        cmocka_unit_test(shows_only_what_is_safe_to_show),
        cmocka_unit_test(keeps_its_ceilings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
