/*
 * The text of a DMARC record to a policy.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/records/dmarc_record.h"

#define NONE DMARC_POLICY_NONE
#define HOLD DMARC_POLICY_QUARANTINE
#define NO DMARC_POLICY_REJECT
#define ANY DMARC_PSD_UNKNOWN
#define PSD DMARC_PSD_YES
#define ORG DMARC_PSD_NO

static void
reads_records(void **state)
{
    static const struct {
        const char *text;
        struct dmarc_record record; /* usable, p, sp, np, adkim, aspf, t, psd, repeats */
    } rows[] = {
        {"v=DMARC1; p=none", {true, NONE, NONE, NONE, false, false, false, ANY, false}},
        {"v=DMARC1;p=reject", {true, NO, NO, NO, false, false, false, ANY, false}},
        {"v=DMARC1; p=quarantine;",
            {true, HOLD, HOLD, HOLD, false, false, false, ANY, false}},
        {"V = DMARC1 ; P = Reject ; SP=NONE",
            {true, NO, NONE, NONE, false, false, false, ANY, false}},
        {"v\t=\tDMARC1\t;\tp=reject",
            {true, NO, NO, NO, false, false, false, ANY, false}},
        {"v=DMARC1; p=none; np=reject",
            {true, NONE, NONE, NO, false, false, false, ANY, false}},
        {"v=DMARC1; p=none; sp=quarantine; np=reject",
            {true, NONE, HOLD, NO, false, false, false, ANY, false}},
        {"v=DMARC1; sp=quarantine; p=reject",
            {true, NO, HOLD, HOLD, false, false, false, ANY, false}},
        {"v=DMARC1; adkim=s; aspf=r; p=reject; pct=0; rf=x; ri=y; fo=z; unknown",
            {true, NO, NO, NO, true, false, false, ANY, false}},
        {"v=DMARC1;;; p=reject;; aspf=S ;;",
            {true, NO, NO, NO, false, true, false, ANY, false}},
        {"v=DMARC1; p=reject; adkim=x; aspf=; t=maybe; psd=z",
            {true, NO, NO, NO, false, false, false, ANY, false}},
        {"v=DMARC1; p=reject; t=Y; psd=N",
            {true, NO, NO, NO, false, false, true, ORG, false}},
        {"v=DMARC1; p=reject; psd=u",
            {true, NO, NO, NO, false, false, false, ANY, false}},
        {"v=DMARC1; p=none; psd=y",
            {true, NONE, NONE, NONE, false, false, false, PSD, false}},
        {"v=DMARC1; p=reject; p=none",
            {true, NO, NO, NO, false, false, false, ANY, true}},
        {"v=DMARC1; p=none; rua=mailto:a@b.example!10m",
            {true, NONE, NONE, NONE, false, false, false, ANY, false}},
        {"v=DMARC1; p=n; rua=mailto:a@b.example",
            {true, NONE, NONE, NONE, false, false, false, ANY, false}},
        {"v=DMARC1; rua=bad, mailto:a@b.example ,x",
            {true, NONE, NONE, NONE, false, false, false, ANY, false}},
        {"v=DMARC1; p=reject; sp=x; rua=https://r.example/x",
            {true, NONE, NONE, NONE, false, false, false, ANY, false}},
        {"v=DMARC1; p=reject; np=x; rua=mailto:a@b.example!10m",
            {true, NONE, NONE, NONE, false, false, false, ANY, false}},
        {"v=DMARC1", {false, NONE, NONE, NONE, false, false, false, ANY, false}},
        {"v=DMARC1; psd=y", {false, NONE, NONE, NONE, false, false, false, PSD, false}},
        {"v=DMARC1; p=n", {false, NONE, NONE, NONE, false, false, false, ANY, false}},
        {"v=DMARC1; p=", {false, NONE, NONE, NONE, false, false, false, ANY, false}},
        {"v=DMARC1; p", {false, NONE, NONE, NONE, false, false, false, ANY, false}},
        {"v=DMARC1; p=reject; sp=",
            {false, NONE, NONE, NONE, false, false, false, ANY, false}},
        {"v=DMARC1; p=reject; np=x",
            {false, NONE, NONE, NONE, false, false, false, ANY, false}},
        {"v=DMARC1; p=reject\n",
            {false, NONE, NONE, NONE, false, false, false, ANY, false}},
        {"v=DMARC1; p=x; rua=",
            {false, NONE, NONE, NONE, false, false, false, ANY, false}},
        {"v=DMARC1; p=x; rua=a@b.example",
            {false, NONE, NONE, NONE, false, false, false, ANY, false}},
        {"v=DMARC1; p=x; rua=mailto:",
            {false, NONE, NONE, NONE, false, false, false, ANY, false}},
        {"v=DMARC1; p=x; rua=mailto:nobody",
            {false, NONE, NONE, NONE, false, false, false, ANY, false}},
        {"v=DMARC1; p=x; rua=1:x",
            {false, NONE, NONE, NONE, false, false, false, ANY, false}},
        {"v=DMARC1; p=x; rua=mailto:a b@c.example",
            {false, NONE, NONE, NONE, false, false, false, ANY, false}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct dmarc_record *wanted = &rows[i].record;
        struct dmarc_record record;

        print_message("# %zu: %s\n", i, rows[i].text);
        assert_true(dmarc_record_parse(span_of(rows[i].text), &record));
        assert_int_equal(record.usable, wanted->usable);
        assert_int_equal(record.policy, wanted->policy);
        assert_int_equal(record.subdomain_policy, wanted->subdomain_policy);
        assert_int_equal(record.nonexistent_policy, wanted->nonexistent_policy);
        assert_int_equal(record.strict_dkim, wanted->strict_dkim);
        assert_int_equal(record.strict_spf, wanted->strict_spf);
        assert_int_equal(record.testing, wanted->testing);
        assert_int_equal(record.psd, wanted->psd);
        assert_int_equal(record.repeats, wanted->repeats);
    }
}

static void
knows_what_is_no_record(void **state)
{
    static const char *const rows[] = {"", ";", "v=spf1 -all", "p=reject; v=DMARC1",
        " v=DMARC1; p=reject", "v=DMARC1x; p=reject", "v=DMARC1 p=reject",
        "v=dmarc1; p=reject", "v=DMARC2; p=reject", "v=; p=reject", "v; p=reject",
        "DMARC1; p=reject", "vv=DMARC1; p=reject", ";v=DMARC1; p=reject",
        "v=DMARC1\n; p=reject", "v=\"DMARC1\"; p=reject", "v==DMARC1; p=reject"};
    struct dmarc_record record;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i]);
        assert_false(dmarc_record_parse(span_of(rows[i]), &record));
    }
    assert_false(dmarc_record_parse(SPAN("v=DMARC1\0; p=reject"), &record));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_records),
        cmocka_unit_test(knows_what_is_no_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
