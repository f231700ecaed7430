/*
 * DMARC's decision over a table of DNS: result, policy, and what was asked for it.
 */
#include "tests/unit/unit.h"

#include "milters/dmarc/dmarc_fetch.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "tests/fakes/dns_table.h"

#include <string.h>

enum { ZONE_MAX = 5, IDENTIFIERS_MAX = 3 };

/* One character each: s or d passed SPF or DKIM, S or D had a temporary error. */
struct identifier {
    char kind;
    const char *domain;
};

struct row {
    const char *what;
    const char *author;
    struct dns_table_row zone[ZONE_MAX];
    struct identifier identifiers[IDENTIFIERS_MAX];
    enum auth_result result;
    const char *policy; /* "published/applied at where"; NULL: without a record */
    const char *asked;  /* names, each with a blank behind it; NULL: don't care */
};

#define REJECT(name)                                                                     \
    {                                                                                    \
        "_dmarc." name, DNS_TXT, "v=DMARC1; p=reject"                                    \
    }
#define RECORD(name, tags)                                                               \
    {                                                                                    \
        "_dmarc." name, DNS_TXT, "v=DMARC1; " tags                                       \
    }
#define FAILS(name)                                                                      \
    {                                                                                    \
        "_dmarc." name, 0, .status = DNS_SERVFAIL                                        \
    }
#define HOST(name)                                                                       \
    {                                                                                    \
        name, DNS_A, "192.0.2.1"                                                         \
    }

static void
note_question(void *context, struct span name, enum dns_type type)
{
    struct buffer *asked = context;

    if (type == DNS_A)
        buffer_append_text(asked, "A:");
    buffer_append(asked, name);
    buffer_append_octet(asked, ' ');
}

static const char *
policy_text(const struct dmarc_verdict *verdict, struct arena *arena)
{
    return arena_printf(arena, "%s/%s at %.*s", dmarc_policy_name(verdict->published),
        dmarc_policy_name(verdict->policy), (int)verdict->policy_domain.length,
        verdict->policy_domain.data);
}

static void
check_row(const struct row *row, const struct dmarc_suffixes *suffixes)
{
    struct arena *arena = arena_new(1 << 22);
    struct dns_table table = {.rows = row->zone, .arena = arena, .saw = note_question};
    struct dns_lookup lookup = dns_table_lookup(&table);
    struct dmarc_identifier identifiers[IDENTIFIERS_MAX];
    struct dmarc_verdict verdict;
    struct buffer asked;
    size_t count = 0;

    print_message("# %s\n", row->what);
    buffer_init(&asked, 8192);
    table.context = &asked;
    while (table.count < ZONE_MAX && row->zone[table.count].name != NULL)
        table.count++;
    for (; count < IDENTIFIERS_MAX && row->identifiers[count].kind != '\0'; count++) {
        char kind = row->identifiers[count].kind;

        identifiers[count] = (struct dmarc_identifier){
            .domain = span_of(row->identifiers[count].domain),
            .is_spf = kind == 's' || kind == 'S',
            .passed = kind == 's' || kind == 'd',
        };
    }
    dmarc_fetch(&lookup, suffixes, span_of(row->author), identifiers, count, &verdict);
    assert_string_equal(auth_result_name(verdict.result), auth_result_name(row->result));
    if (row->policy != NULL)
        assert_string_equal(policy_text(&verdict, arena), row->policy);
    if (row->asked != NULL)
        assert_string_equal(buffer_text(&asked), row->asked);
    assert_int_equal(verdict.reason != NULL, row->result == AUTH_TEMPERROR);
    buffer_clear(&asked);
    arena_free(arena);
}

static void
finds_the_policy(void **state)
{
    static const struct row rows[] = {
        {"no record at all", "example.com", .result = AUTH_NONE,
            .asked = "_dmarc.example.com _dmarc.com "},
        {"its own", "example.com", {REJECT("example.com")}, .result = AUTH_FAIL,
            .policy = "reject/reject at example.com", .asked = "_dmarc.example.com "},
        {"its own, and sp and np don't count there", "example.com",
            {RECORD("example.com", "p=reject; sp=none; np=none")}, .result = AUTH_FAIL,
            .policy = "reject/reject at example.com"},
        {"the organization's, for a name that exists", "a.example.com",
            {RECORD("example.com", "p=none; sp=reject"), HOST("a.example.com")},
            .result = AUTH_FAIL, .policy = "none/reject at example.com",
            .asked = "_dmarc.a.example.com _dmarc.example.com _dmarc.com "},
        {"np for a name that doesn't", "no.example.com",
            {RECORD("example.com", "p=none; sp=quarantine; np=reject")},
            .result = AUTH_FAIL, .policy = "none/reject at example.com",
            .asked =
                "_dmarc.no.example.com _dmarc.example.com _dmarc.com A:no.example.com "},
        {"sp for one that does", "a.example.com",
            {RECORD("example.com", "p=none; sp=quarantine; np=reject"),
                HOST("a.example.com")},
            .result = AUTH_FAIL, .policy = "none/quarantine at example.com"},
        {"a name exists where something stands below it", "a.example.com",
            {RECORD("example.com", "p=none; sp=quarantine; np=reject"),
                HOST("x.a.example.com")},
            .result = AUTH_FAIL, .policy = "none/quarantine at example.com"},
        {"other text at _dmarc proves it too", "a.example.com",
            {RECORD("example.com", "p=none; sp=quarantine; np=reject"),
                {"_dmarc.a.example.com", DNS_TXT, "hello"}},
            .result = AUTH_FAIL, .policy = "none/quarantine at example.com",
            .asked = "_dmarc.a.example.com _dmarc.example.com _dmarc.com "},
        {"sp falls back to p", "a.example.com", {RECORD("example.com", "p=quarantine")},
            .result = AUTH_FAIL, .policy = "quarantine/quarantine at example.com"},
        {"nothing between counts", "a.b.example.com",
            {REJECT("b.example.com"), RECORD("example.com", "p=none")},
            .result = AUTH_FAIL, .policy = "none/none at example.com"},
        {"two records at the author are none, the walk goes on", "a.example.com",
            {RECORD("a.example.com", "p=none"), RECORD("a.example.com", "p=none"),
                REJECT("example.com")},
            .result = AUTH_FAIL, .policy = "reject/reject at example.com"},
        {"a public suffix", "shop.co.uk",
            {RECORD("co.uk", "p=none; sp=quarantine; psd=y"), HOST("shop.co.uk")},
            .result = AUTH_FAIL, .policy = "none/quarantine at co.uk"},
        {"np of a public suffix", "no.co.uk",
            {RECORD("co.uk", "p=none; np=reject; psd=y")}, .result = AUTH_FAIL,
            .policy = "none/reject at co.uk"},
        {"below an organization without record, a public suffix", "a.shop.co.uk",
            {RECORD("co.uk", "p=reject; psd=y")}, .result = AUTH_FAIL,
            .policy = "reject/reject at co.uk"},
        {"psd=y at the author itself", "co.uk",
            {RECORD("co.uk", "p=reject; psd=y; sp=none")}, .result = AUTH_FAIL,
            .policy = "reject/reject at co.uk"},
        {"an organization that the walk skipped", "w.x.y.a.b.c.d.e.f.g",
            {RECORD("a.b.c.d.e.f.g", "p=none; psd=y"), REJECT("y.a.b.c.d.e.f.g")},
            .result = AUTH_FAIL, .policy = "reject/reject at y.a.b.c.d.e.f.g"},
        {"t=y: reject becomes quarantine", "example.com",
            {RECORD("example.com", "p=reject; t=y")}, .result = AUTH_FAIL,
            .policy = "reject/quarantine at example.com"},
        {"t=y: quarantine becomes none", "example.com",
            {RECORD("example.com", "p=quarantine; t=y")}, .result = AUTH_FAIL,
            .policy = "quarantine/none at example.com"},
        {"pct says nothing any more", "example.com",
            {RECORD("example.com", "p=reject; pct=0")}, .result = AUTH_FAIL,
            .policy = "reject/reject at example.com"},
        {"no valid policy, nowhere to report", "example.com",
            {RECORD("example.com", "p=x")}, .result = AUTH_NONE},
        {"no valid policy, but an address", "example.com",
            {RECORD("example.com", "p=x; rua=mailto:a@b.example")}, .result = AUTH_FAIL,
            .policy = "none/none at example.com"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        check_row(&rows[i], NULL);
}

static void
tells_what_is_aligned(void **state)
{
    static const struct row rows[] = {
        {"DKIM, the same domain: one question", "example.com", {REJECT("example.com")},
            {{'d', "example.com"}}, AUTH_PASS, "reject/none at example.com",
            "_dmarc.example.com "},
        {"SPF, the same domain in upper case", "example.com", {REJECT("example.com")},
            {{'s', "EXAMPLE.com"}}, AUTH_PASS, "reject/none at example.com",
            "_dmarc.example.com "},
        {"the same domain behind others: one question", "example.com",
            {REJECT("example.com")},
            {{'s', "other.example"}, {'d', "a.example.com"}, {'d', "example.com"}},
            AUTH_PASS, NULL, "_dmarc.example.com "},
        {"a sub-domain, relaxed", "example.com", {REJECT("example.com")},
            {{'d', "a.example.com"}}, AUTH_PASS, NULL,
            "_dmarc.example.com _dmarc.com _dmarc.a.example.com "},
        {"a parent, relaxed", "a.example.com", {REJECT("example.com")},
            {{'s', "example.com"}}, AUTH_PASS, NULL, NULL},
        {"a sister, relaxed", "a.example.com", {REJECT("example.com")},
            {{'d', "b.c.example.com"}}, AUTH_PASS, NULL, NULL},
        {"a sub-domain, strict DKIM", "example.com",
            {RECORD("example.com", "p=reject; adkim=s")}, {{'d', "a.example.com"}},
            AUTH_FAIL, "reject/reject at example.com", "_dmarc.example.com "},
        {"a sub-domain, strict DKIM, but SPF", "example.com",
            {RECORD("example.com", "p=reject; adkim=s")},
            {{'d', "a.example.com"}, {'s', "a.example.com"}}, AUTH_PASS, NULL, NULL},
        {"a sub-domain, strict SPF", "example.com",
            {RECORD("example.com", "p=reject; aspf=s")}, {{'s', "a.example.com"}},
            AUTH_FAIL, "reject/reject at example.com", NULL},
        {"the same domain, strict", "example.com",
            {RECORD("example.com", "p=reject; adkim=s; aspf=s")}, {{'d', "example.com"}},
            AUTH_PASS, NULL, NULL},
        {"another organization: no walk from it", "example.com", {REJECT("example.com")},
            {{'d', "evil.example"}}, AUTH_FAIL, NULL, "_dmarc.example.com _dmarc.com "},
        {"a name that only looks like it", "example.com", {REJECT("example.com")},
            {{'d', "notexample.com"}}, AUTH_FAIL, NULL, NULL},
        {"the parent has no record: no organization of both", "news.example.com",
            {REJECT("news.example.com")}, {{'d', "example.com"}}, AUTH_FAIL, NULL, NULL},
        {"a sub-domain with psd=n is an organization of its own", "example.com",
            {REJECT("example.com"), RECORD("a.example.com", "p=none; psd=n")},
            {{'d', "a.example.com"}}, AUTH_FAIL, NULL, NULL},
        {"below a registry's plain record all are one", "shop.co.uk",
            {RECORD("co.uk", "p=none"), REJECT("shop.co.uk")}, {{'d', "other.co.uk"}},
            AUTH_PASS, NULL, NULL},
        {"below psd=y they are not", "shop.co.uk",
            {RECORD("co.uk", "p=none; psd=y"), REJECT("shop.co.uk")},
            {{'d', "other.co.uk"}}, AUTH_FAIL, NULL, NULL},
        {"a name below psd=y with its host", "a.shop.co.uk",
            {RECORD("co.uk", "p=reject; psd=y")}, {{'d', "shop.co.uk"}}, AUTH_PASS, NULL,
            NULL},
        {"the suffix itself is not aligned", "shop.co.uk",
            {RECORD("co.uk", "p=reject; psd=y")}, {{'d', "co.uk"}}, AUTH_FAIL, NULL,
            NULL},
        {"no record, though aligned", "example.com", {{NULL}}, {{'d', "example.com"}},
            AUTH_NONE, NULL, NULL},
        {"an empty identifier", "example.com", {REJECT("example.com")}, {{'s', ""}},
            AUTH_FAIL, NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        check_row(&rows[i], NULL);
}

static void
is_hurt_only_by_errors_it_depends_on(void **state)
{
    static const struct row rows[] = {
        {"the author's record can't be had", "example.com", {FAILS("example.com")},
            {{'d', "example.com"}}, AUTH_TEMPERROR, NULL, "_dmarc.example.com "},
        {"the organization's can't", "a.example.com", {FAILS("example.com")},
            {{'d', "a.example.com"}}, AUTH_TEMPERROR, NULL, NULL},
        {"the registry's can't, but the domain is the same", "example.com",
            {REJECT("example.com"), FAILS("com")}, {{'d', "example.com"}}, AUTH_PASS,
            NULL, NULL},
        {"the registry's can't, and it matters", "example.com",
            {REJECT("example.com"), FAILS("com")}, {{'d', "a.example.com"}},
            AUTH_TEMPERROR, NULL, NULL},
        {"the registry's can't, and nothing passed", "example.com",
            {REJECT("example.com"), FAILS("com")}, {{'\0', NULL}}, AUTH_FAIL,
            "reject/reject at example.com", NULL},
        {"the registry's can't, the other is of another registry", "example.com",
            {REJECT("example.com"), FAILS("com")}, {{'d', "evil.example"}}, AUTH_FAIL,
            NULL, NULL},
        {"one identifier's walk fails, another is aligned", "example.com",
            {REJECT("example.com"), FAILS("a.example.com")},
            {{'d', "a.example.com"}, {'s', "b.example.com"}}, AUTH_PASS, NULL, NULL},
        {"one identifier's walk fails, no other is aligned", "example.com",
            {REJECT("example.com"), FAILS("a.example.com")},
            {{'d', "a.example.com"}, {'s', "evil.example"}}, AUTH_TEMPERROR, NULL, NULL},
        {"an aligned key could not be had", "example.com", {REJECT("example.com")},
            {{'D', "example.com"}}, AUTH_TEMPERROR, NULL, NULL},
        {"an aligned SPF could not", "example.com", {REJECT("example.com")},
            {{'S', "a.example.com"}}, AUTH_TEMPERROR, NULL, NULL},
        {"a key could not be had, another signature is aligned", "example.com",
            {REJECT("example.com")}, {{'D', "example.com"}, {'d', "example.com"}},
            AUTH_PASS, NULL, NULL},
        {"a key of someone else could not be had", "example.com", {REJECT("example.com")},
            {{'D', "evil.example"}}, AUTH_FAIL, NULL, NULL},
        {"whether the author exists can't be told", "a.example.com",
            {RECORD("example.com", "p=none; np=reject"),
                {"a.example.com", DNS_A, NULL, 0, DNS_TIMEOUT}},
            {{'\0', NULL}}, AUTH_TEMPERROR, NULL, NULL},
        {"and need not", "a.example.com",
            {RECORD("example.com", "p=none; sp=reject"),
                {"a.example.com", DNS_A, NULL, 0, DNS_TIMEOUT}},
            {{'\0', NULL}}, AUTH_FAIL, "none/reject at example.com", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        check_row(&rows[i], NULL);
}

/* What could not be checked does not lift what is known to be asked for. */
static void
tells_the_policy_beside_an_error(void **state)
{
    static const struct row rows[] = {
        {"an aligned SPF could not be had", "example.com", {REJECT("example.com")},
            {{'S', "lame.example.com"}}, AUTH_TEMPERROR, "reject/reject at example.com",
            NULL},
        {"an aligned key could not", "a.example.com",
            {RECORD("example.com", "p=reject; sp=quarantine")}, {{'D', "a.example.com"}},
            AUTH_TEMPERROR, "reject/quarantine at example.com", NULL},
        {"t=y softens it here too", "example.com",
            {RECORD("example.com", "p=quarantine; t=y")}, {{'D', "example.com"}},
            AUTH_TEMPERROR, "quarantine/none at example.com", NULL},
        {"a walk for alignment failed", "example.com",
            {REJECT("example.com"), FAILS("lame.example.com")},
            {{'s', "lame.example.com"}}, AUTH_TEMPERROR, "reject/reject at example.com",
            NULL},
        {"the author's own record: what stands above", "lame.example.com",
            {FAILS("lame.example.com"), RECORD("example.com", "p=none; sp=reject")},
            {{'\0', NULL}}, AUTH_TEMPERROR, "none/reject at ", NULL},
        {"one between: the strictest of the others", "a.lame.example.com",
            {FAILS("lame.example.com"), REJECT("example.com")}, {{'\0', NULL}},
            AUTH_TEMPERROR, "none/reject at ", NULL},
        {"the organization's: nothing is known", "a.example.com", {FAILS("example.com")},
            {{'\0', NULL}}, AUTH_TEMPERROR, "none/none at ", NULL},
        {"whether the author exists: the stricter of sp and np", "a.example.com",
            {RECORD("example.com", "p=none; np=reject"),
                {"a.example.com", DNS_A, NULL, 0, DNS_TIMEOUT}},
            {{'\0', NULL}}, AUTH_TEMPERROR, "none/reject at example.com", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        check_row(&rows[i], NULL);
}

static void
can_use_the_public_suffix_list(void **state)
{
    static const struct row rows[] = {
        {"the organization's record", "a.b.example.co.uk",
            {RECORD("example.co.uk", "p=none; sp=reject")}, {{'\0', NULL}}, AUTH_FAIL,
            "none/reject at example.co.uk",
            "_dmarc.a.b.example.co.uk _dmarc.example.co.uk "},
        {"a parent without record aligns", "news.example.com",
            {REJECT("news.example.com")}, {{'d', "example.com"}}, AUTH_PASS, NULL,
            "_dmarc.news.example.com "},
        {"a registry's plain record makes nothing one", "shop.co.uk",
            {RECORD("co.uk", "p=none"), REJECT("shop.co.uk")}, {{'d', "other.co.uk"}},
            AUTH_FAIL, NULL, NULL},
        {"psd says nothing", "a.example.com",
            {REJECT("example.com"), RECORD("a.example.com", "p=none; psd=n")},
            {{'d', "example.com"}}, AUTH_PASS, NULL, NULL},
        {"a public suffix is its own organization", "co.uk", {REJECT("co.uk")},
            {{'d', "co.uk"}}, AUTH_PASS, NULL, NULL},
    };
    struct dmarc_suffixes *suffixes;
    struct error error;

    (void)state;
    suffixes = dmarc_suffixes_new(&error);
    assert_non_null(suffixes);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        check_row(&rows[i], suffixes);
    dmarc_suffixes_free(suffixes);
    dmarc_suffixes_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_policy),
        cmocka_unit_test(tells_what_is_aligned),
        cmocka_unit_test(is_hurt_only_by_errors_it_depends_on),
        cmocka_unit_test(tells_the_policy_beside_an_error),
        cmocka_unit_test(can_use_the_public_suffix_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
