/*
 * Attacks on author, alignment and results (Chen et al. 2020, CVEs), through the same
 * steps as a message: fields, author, DMARC, header.  victim.example wants mail refused
 * that fails; evil.example is the attacker's, has no policy to fear and passes SPF and
 * DKIM wherever it can.
 */
#include "tests/unit/unit.h"

#include "milters/authres/authres_forged.h"
#include "milters/authres/authres_write.h"
#include "milters/dmarc/dmarc_fetch.h"
#include "shared/base/attributes.h"
#include "tests/fakes/dns_table.h"

#include <string.h>

enum { CEILING = 1 << 24, NOW = 1000000000 };

static const struct dns_table_row zone[] = {
    {"_dmarc.victim.example", DNS_TXT, "v=DMARC1; p=reject"},
    {"_dmarc.evil.example", DNS_TXT, "v=DMARC1; p=none"},
};

struct row {
    const char *what;
    struct {
        const char *name;
        const char *value;
    } fields[3];
    const char *spf;  /* domain that passed; NULL: none */
    const char *dkim; /* d= that passed; NULL: none */
    const char *wanted;
};

/* The dmarc part of our header. */
static const char *
dmarc_of(const struct row *row, struct arena *arena)
{
    struct dns_table table = {.rows = zone, .count = ARRAY_LENGTH(zone), .arena = arena};
    struct dns_lookup lookup = dns_table_lookup(&table);
    struct dmarc_identifier identifiers[] = {
        {.domain = span_of(row->spf), .is_spf = true, .passed = true},
        {.domain = span_of(row->dkim), .passed = true},
    };
    struct header_field fields[3];
    struct dmarc_verdict verdict = {.result = AUTH_NONE};
    struct author author;
    struct authres results = {
        .authserv_id = SPAN("mx.example.net"), .author = &author, .wants_dmarc = true};
    struct buffer out;
    size_t count = 0;
    const char *text;

    for (; count < 3 && row->fields[count].name != NULL; count++)
        fields[count] = (struct header_field){
            span_of(row->fields[count].name), span_of(row->fields[count].value)};
    author_read(fields, count, &author);
    for (size_t i = 0; i < author.count; i++) {
        dmarc_fetch(&lookup, NULL, span_of(author.domains[i]), identifiers, 2, &verdict);
        results.dmarc = author.kind == AUTHOR_ONE ? &verdict : NULL;
    }
    assert_true(table.asked <= 4 * DMARC_WALK_QUERIES);
    buffer_init(&out, AUTHRES_MAX);
    assert_true(authres_write(&results, &out));
    text = arena_text(arena, span_from(buffer_span(&out), strlen("mx.example.net;\n\t")));
    buffer_clear(&out);
    return text;
}

#define VICTIM_FAILS                                                                     \
    "dmarc=fail (p=reject) header.from=victim.example policy.dmarc=reject"
#define FROM(value)                                                                      \
    {                                                                                    \
        {                                                                                \
            "From", value                                                                \
        }                                                                                \
    }

static void
comes_to_nothing(void **state)
{
    static const struct row rows[] = {
        {"A1: HELO or MAIL FROM passes for the attacker alone", FROM(" a@victim.example"),
            "evil.example", NULL, VICTIM_FAILS},
        {"A2: no identity at all", FROM(" a@victim.example"), NULL, NULL, VICTIM_FAILS},
        {"A4: an apostrophe ends nothing", FROM(" a@victim.example"),
            "victim.example'.evil.example", NULL, VICTIM_FAILS},
        {"A5: nor does a parenthesis", FROM(" a@victim.example"), NULL,
            "victim.example(.evil.example", VICTIM_FAILS},
        {"a name that ends like it", FROM(" a@victim.example"), "notvictim.example",
            "xvictim.example", VICTIM_FAILS},
        {"A6: two From, the victim first",
            {{"From", " a@victim.example"}, {"From", " a@evil.example"}}, "evil.example",
            "evil.example", "dmarc=permerror (several From fields)"},
        {"A6: two From, the victim last",
            {{"From", " a@evil.example"}, {"from", " a@victim.example"}}, "evil.example",
            "evil.example", "dmarc=permerror (several From fields)"},
        {"A7: a blank before the colon",
            {{"From", " a@evil.example"}, {"From ", " a@victim.example"}}, "evil.example",
            "evil.example",
            "dmarc=permerror (white space before the colon of the From field)"},
        {"A7: a tab before the colon", {{"From\t", " a@evil.example"}}, "evil.example",
            "evil.example",
            "dmarc=permerror (white space before the colon of the From field)"},
        {"A8: Sender without From", {{"Sender", " a@evil.example"}}, "evil.example",
            "evil.example", "dmarc=permerror (no From field)"},
        {"A8: Resent-From without From", {{"Resent-From", " a@evil.example"}},
            "evil.example", "evil.example", "dmarc=permerror (no From field)"},
        {"A9: several addresses", FROM(" a@victim.example, b@evil.example"),
            "evil.example", "evil.example", "dmarc=permerror (several author domains)"},
        {"A10: an address in an encoded-word",
            FROM(" =?utf-8?B?YUB2aWN0aW0uZXhhbXBsZQ==?= a@evil.example"), "evil.example",
            "evil.example", "dmarc=permerror (no local part before the at sign)"},
        {"A11: a route", FROM(" <@victim.example:a@evil.example>"), "evil.example",
            "evil.example", "dmarc=permerror (source route)"},
        {"A12: a quoted comma", FROM(" <a@victim.example>\\,<a@evil.example>"),
            "evil.example", "evil.example", "dmarc=permerror (text behind an address)"},
        {"A13: an address before the brackets",
            FROM(" a@victim.example,<a@evil.example>"), "evil.example", "evil.example",
            "dmarc=permerror (several author domains)"},
        {"A13: an address behind the brackets", FROM(" <a@victim.example>a@evil.example"),
            "evil.example", "evil.example", "dmarc=permerror (text behind an address)"},
        {"two bracketed addresses", FROM(" <a@evil.example><a@victim.example>"),
            "evil.example", "evil.example", "dmarc=permerror (text behind an address)"},
        {"two at signs", FROM(" <a@victim.example@evil.example>"), "evil.example",
            "evil.example", "dmarc=permerror (no closing bracket behind the address)"},
        {"full-width letters are what a reader sees",
            FROM(" a@\xef\xbd\x96ictim.example"), "evil.example", "evil.example",
            VICTIM_FAILS},
        {"an ideographic full stop too",
            FROM(" a@victim\xe3\x80\x82"
                 "example"),
            "evil.example", "evil.example", VICTIM_FAILS},
        {"a name of thirteen labels", FROM(" a@1.2.3.4.5.6.7.8.9.a.b.victim.example"),
            "evil.example", "evil.example",
            "dmarc=fail (p=reject) header.from=1.2.3.4.5.6.7.8.9.a.b.victim.example "
            "policy.dmarc=reject"},
        {"a display name is out of scope", FROM(" \"a@victim.example\" <a@evil.example>"),
            "evil.example", NULL,
            "dmarc=pass (p=none) header.from=evil.example policy.dmarc=none"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct arena *arena = arena_new(CEILING);

        print_message("# %s\n", rows[i].what);
        assert_string_equal(dmarc_of(&rows[i], arena), rows[i].wanted);
        arena_free(arena);
    }
}

/* i= is quoted-printable and the sender's text: it must not close the field. */
static void
never_shows_what_would_forge_a_result(void **state)
{
    static const char *const values[] = {
        " v=1; a=rsa-sha256; d=evil.example; s=s; h=From; bh=eA; b=eA;"
        " i=x=3Bdkim=3Dpass=20header.d=3Dvictim.example=3B@evil.example",
        " v=1; a=rsa-sha256; d=evil.example; s=x(; h=From; bh=eA; b=eA",
        " v=1; a=rsa-sha256; d=victim.example;dkim=pass; s=s; h=From; bh=eA; b=eA",
        " v=1; a=x;dkim=pass header.d=victim.example; d=evil.example; s=s; h=From; b=eA",
        " v=1; a=rsa-sha256; d=evil.example; s=s; h=From; bh=eA; b=eA;"
        " i=\"\\\";dkim=pass\"@evil.example",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        const struct header_field field = {SPAN("DKIM-Signature"), span_of(values[i])};
        struct arena *arena = arena_new(CEILING);
        struct author author = {.kind = AUTHOR_BAD};
        struct dkim_plan plan;
        struct authres results = {.authserv_id = SPAN("mx.example.net"), .dkim = &plan};
        struct buffer out;

        print_message("# %zu\n", i);
        dkim_plan_make(&plan, &field, 1, &author, 10, NOW, arena);
        dkim_candidate_decide(&plan.candidates[0], AUTH_FAIL, "signature mismatch");
        buffer_init(&out, AUTHRES_MAX);
        assert_true(authres_write(&results, &out));
        assert_null(strstr(buffer_text(&out), "pass"));
        assert_null(strchr(buffer_text(&out), '('));
        buffer_clear(&out);
        arena_free(arena);
    }
}

static void
stands_a_thousand_authors(void **state)
{
    struct arena *arena = arena_new(CEILING);
    struct buffer value;
    struct row row = {.fields = {{"From", NULL}}};

    (void)state;
    buffer_init(&value, CEILING);
    for (int i = 0; i < 1000; i++)
        buffer_printf(&value, "a@d%d.example,", i);
    row.fields[0].value = buffer_text(&value);
    assert_string_equal(dmarc_of(&row, arena), "dmarc=permerror (From field too long)");
    buffer_clear(&value);
    arena_free(arena);
}

/* CVE-2022-48521: a large one was left. */
static void
sees_a_large_forged_result(void **state)
{
    char large[6000];

    (void)state;
    memset(large, ';', sizeof(large));
    memcpy(large, " mx.example.net", 15);
    assert_true(authres_claims(span_make(large, sizeof(large)), SPAN("mx.example.net")));
    assert_false(authres_claims(SPAN(" other.example; none"), SPAN("mx.example.net")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_to_nothing),
        cmocka_unit_test(never_shows_what_would_forge_a_result),
        cmocka_unit_test(stands_a_thousand_authors),
        cmocka_unit_test(sees_a_large_forged_result),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
