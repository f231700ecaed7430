/*
 * The tree walk: which names it asks for, and what organization it finds.
 */
#include "tests/unit/unit.h"

#include "milters/dmarc/dmarc_walk.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"

#define PLAIN "v=DMARC1; p=none"
#define SUFFIX "v=DMARC1; p=none; psd=y"
#define ORGANIZATION "v=DMARC1; p=none; psd=n"

struct row {
    const char *what;
    const char *name;
    struct {
        const char *name;
        const char *text; /* of its TXT record; NULL: a status alone */
        enum dns_status status;
    } zone[3];         /* what is not there is NXDOMAIN */
    const char *asked; /* names, each with a blank behind it */
    const char *organization;
    const char *suffix;
    enum dmarc_walk_state state;
};

static void
answer(const struct row *row, struct span name, struct dmarc_knowledge *known)
{
    struct dns_answer reply = {.status = DNS_NXDOMAIN};
    struct dns_record record = {0};

    for (size_t i = 0; i < ARRAY_LENGTH(row->zone); i++) {
        if (row->zone[i].name == NULL || !span_is(name, row->zone[i].name))
            continue;
        record.text = span_of(row->zone[i].text);
        reply.status = row->zone[i].status;
        reply.records = &record;
        reply.count = row->zone[i].text != NULL;
    }
    assert_true(dmarc_learn(known, name, false, &reply));
}

static void
walks_up_the_tree(void **state)
{
    static const struct row rows[] = {
        {"two labels, nothing", "example.com", .asked = "example.com com ",
            .organization = "example.com"},
        {"its own record", "example.com", {{"example.com", PLAIN}},
            .asked = "example.com com ", .organization = "example.com"},
        {"the record of a parent", "a.b.example.com", {{"example.com", PLAIN}},
            .asked = "a.b.example.com b.example.com example.com com ",
            .organization = "example.com"},
        {"the shortest name counts", "a.example.com",
            {{"a.example.com", PLAIN}, {"example.com", PLAIN}},
            .asked = "a.example.com example.com com ", .organization = "example.com"},
        {"a parent without record is none", "a.example.com", {{"a.example.com", PLAIN}},
            .asked = "a.example.com example.com com ", .organization = "a.example.com"},
        {"a plain record of a registry", "shop.co.uk", {{"co.uk", PLAIN}},
            .asked = "shop.co.uk co.uk uk ", .organization = "co.uk"},
        {"psd=y above", "a.shop.co.uk", {{"co.uk", SUFFIX}},
            .asked = "a.shop.co.uk shop.co.uk co.uk ", .organization = "shop.co.uk",
            .suffix = "co.uk"},
        {"psd=y above, records below", "a.shop.co.uk",
            {{"co.uk", SUFFIX}, {"a.shop.co.uk", PLAIN}},
            .asked = "a.shop.co.uk shop.co.uk co.uk ", .organization = "shop.co.uk",
            .suffix = "co.uk"},
        {"psd=y at the name itself", "co.uk", {{"co.uk", SUFFIX}, {"uk", PLAIN}},
            .asked = "co.uk ", .organization = "co.uk"},
        {"psd=n at the name itself", "a.example.com",
            {{"a.example.com", ORGANIZATION}, {"example.com", PLAIN}},
            .asked = "a.example.com ", .organization = "a.example.com"},
        {"psd=n on the way", "x.a.example.com",
            {{"a.example.com", ORGANIZATION}, {"example.com", PLAIN}},
            .asked = "x.a.example.com a.example.com ", .organization = "a.example.com"},
        {"a record that can't be used still marks", "a.shop.co.uk",
            {{"co.uk", "v=DMARC1; psd=y"}}, .asked = "a.shop.co.uk shop.co.uk co.uk ",
            .organization = "shop.co.uk", .suffix = "co.uk"},
        {"text that is no record", "example.com", {{"com", "v=spf1 -all"}},
            .asked = "example.com com ", .organization = "example.com"},
        {"seven labels", "a.b.c.d.e.f.g",
            .asked = "a.b.c.d.e.f.g b.c.d.e.f.g c.d.e.f.g d.e.f.g e.f.g f.g g ",
            .organization = "a.b.c.d.e.f.g"},
        {"eight labels", "z.a.b.c.d.e.f.g",
            .asked = "z.a.b.c.d.e.f.g a.b.c.d.e.f.g b.c.d.e.f.g c.d.e.f.g d.e.f.g e.f.g "
                     "f.g g ",
            .organization = "z.a.b.c.d.e.f.g"},
        {"thirteen labels", "1.2.3.4.5.z.a.b.c.d.e.f.g", {{"f.g", PLAIN}},
            .asked = "1.2.3.4.5.z.a.b.c.d.e.f.g a.b.c.d.e.f.g b.c.d.e.f.g c.d.e.f.g "
                     "d.e.f.g e.f.g f.g g ",
            .organization = "f.g"},
        {"psd=y at seven labels, under a skip", "x.y.a.b.c.d.e.f.g",
            {{"a.b.c.d.e.f.g", SUFFIX}}, .asked = "x.y.a.b.c.d.e.f.g a.b.c.d.e.f.g ",
            .organization = "y.a.b.c.d.e.f.g", .suffix = "a.b.c.d.e.f.g"},
        {"a failure", "a.example.com",
            {{"a.example.com", PLAIN}, {"example.com", NULL, DNS_TIMEOUT}},
            .asked = "a.example.com example.com ", .state = DMARC_WALK_FAILED},
        {"a failure above psd=y is not met", "shop.co.uk",
            {{"co.uk", SUFFIX}, {"uk", NULL, DNS_SERVFAIL}}, .asked = "shop.co.uk co.uk ",
            .organization = "shop.co.uk", .suffix = "co.uk"},
        {"one label", "localhost", .asked = "localhost ", .organization = "localhost"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct dmarc_knowledge known = {.count = 0};
        struct span name = span_of(rows[i].name);
        struct dmarc_walk walk;
        struct buffer asked;

        print_message("# %s\n", rows[i].what);
        buffer_init(&asked, 4096);
        while ((walk = dmarc_walk(name, &known)).state == DMARC_WALK_ASKS) {
            buffer_append(&asked, walk.asks);
            buffer_append_octet(&asked, ' ');
            answer(&rows[i], walk.asks, &known);
        }
        assert_string_equal(buffer_text(&asked), rows[i].asked);
        assert_int_equal(walk.state, rows[i].state);
        if (walk.state == DMARC_WALK_DONE) {
            assert_true(span_is(walk.organization, rows[i].organization));
            assert_true(span_equal(walk.suffix, span_of(rows[i].suffix)));
        }
        buffer_clear(&asked);
    }
}

static void
counts_a_single_record_alone(void **state)
{
    static const struct {
        const char *what;
        const char *texts[3];
        enum dmarc_finding wanted;
        enum dmarc_policy policy;
    } rows[] = {
        {"one", {"v=DMARC1; p=reject"}, DMARC_RECORD, DMARC_POLICY_REJECT},
        {"one among others", {"v=spf1 -all", "v=DMARC1; p=reject", "hello"}, DMARC_RECORD,
            DMARC_POLICY_REJECT},
        {"two", {"v=DMARC1; p=reject", "v=DMARC1; p=none"}, DMARC_NO_RECORD,
            DMARC_POLICY_NONE},
        {"the same twice", {"v=DMARC1; p=reject", "v=DMARC1; p=reject"}, DMARC_NO_RECORD,
            DMARC_POLICY_NONE},
        {"none", {"v=spf1 -all"}, DMARC_NO_RECORD, DMARC_POLICY_NONE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct dmarc_knowledge known = {.count = 0};
        struct dns_record records[3] = {0};
        struct dns_answer reply = {.status = DNS_OK, .records = records};
        struct dmarc_record record;

        print_message("# %s\n", rows[i].what);
        for (; reply.count < 3 && rows[i].texts[reply.count] != NULL; reply.count++)
            records[reply.count].text = span_of(rows[i].texts[reply.count]);
        assert_true(dmarc_learn(&known, SPAN("example.com"), false, &reply));
        assert_int_equal(
            dmarc_known(&known, SPAN("Example.com"), false, &record), rows[i].wanted);
        if (rows[i].wanted == DMARC_RECORD)
            assert_int_equal(record.policy, rows[i].policy);
        assert_int_equal(
            dmarc_known(&known, SPAN("example.com"), true, NULL), DMARC_UNASKED);
    }
}

static void
tells_answers_apart(void **state)
{
    static const struct {
        enum dns_status status;
        enum dmarc_finding wanted;
    } rows[] = {
        {DNS_NODATA, DMARC_NO_RECORD},
        {DNS_NXDOMAIN, DMARC_NO_NAME},
        {DNS_BADNAME, DMARC_NO_NAME},
        {DNS_SERVFAIL, DMARC_NO_ANSWER},
        {DNS_REFUSED, DMARC_NO_ANSWER},
        {DNS_TIMEOUT, DMARC_NO_ANSWER},
        {DNS_MALFORMED, DMARC_NO_ANSWER},
        {DNS_LOCAL, DMARC_NO_ANSWER},
    };
    struct dmarc_knowledge known = {.count = 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct dns_answer reply = {.status = rows[i].status};

        known.count = 0;
        assert_true(dmarc_learn(&known, SPAN("a"), true, &reply));
        assert_int_equal(dmarc_known(&known, SPAN("a"), true, NULL), rows[i].wanted);
    }
    while (known.count < DMARC_KNOWLEDGE_MAX)
        assert_true(dmarc_learn(
            &known, SPAN("b"), false, &(struct dns_answer){.status = DNS_NODATA}));
    assert_false(dmarc_learn(
        &known, SPAN("b"), false, &(struct dns_answer){.status = DNS_NODATA}));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_up_the_tree),
        cmocka_unit_test(counts_a_single_record_alone),
        cmocka_unit_test(tells_answers_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
