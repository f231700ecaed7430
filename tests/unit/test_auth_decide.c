/*
 * What was found and what the site wants, to a verdict.
 */
#include "tests/unit/unit.h"

#include "milters/auth/auth_decide.h"
#include "shared/base/attributes.h"

#include <string.h>

static const struct author one = {
    .kind = AUTHOR_ONE, .domains = {"bank.example"}, .count = 1};
static const struct author two = {.kind = AUTHOR_SEVERAL,
    .reason = "several author domains",
    .domains = {"shop.example", "bank.example"},
    .count = 2};
static const struct author bad = {.kind = AUTHOR_BAD, .reason = "no From field"};

#define PASSES                                                                           \
    {                                                                                    \
        .result = AUTH_PASS, .published = DMARC_POLICY_REJECT                            \
    }
#define FAILS(asked)                                                                     \
    {                                                                                    \
        .result = AUTH_FAIL, .published = DMARC_POLICY_REJECT,                           \
        .policy = DMARC_POLICY_##asked                                                   \
    }
#define LACKS                                                                            \
    {                                                                                    \
        .result = AUTH_TEMPERROR                                                         \
    }
#define UNKNOWN(asked)                                                                   \
    {                                                                                    \
        .result = AUTH_TEMPERROR, .policy = DMARC_POLICY_##asked                         \
    }
#define SPF(what)                                                                        \
    {                                                                                    \
        what, SPAN("bank.example"),                                                      \
        {                                                                                \
            NULL, 0                                                                      \
        }                                                                                \
    }

#define ENFORCE .dmarc_enforce = true

struct row {
    const char *what;
    struct auth_wishes wishes;
    struct auth_spf_fact spf;
    enum auth_result dkim;
    const struct author *author;
    struct dmarc_verdict dmarc[2];
    bool exempt;
    enum verdict_action action;
    const char *reply; /* code, enhanced, text; NULL: none */
    const char *reason;
};

static void
decides(void **state)
{
    /* clang-format off */
    const struct row rows[] = {
        {"nothing is enforced unless asked for", {0}, SPF(AUTH_FAIL), AUTH_FAIL, &one,
            {FAILS(REJECT)}, .action = VERDICT_ACCEPT},
        {"a pass", {ENFORCE, .spf_reject = true}, SPF(AUTH_PASS), AUTH_PASS, &one, {PASSES},
            .action = VERDICT_ACCEPT},
        {"p=reject", {ENFORCE}, SPF(AUTH_NONE), AUTH_NONE, &one, {FAILS(REJECT)},
            .action = VERDICT_REJECT,
            .reply = "550 5.7.1 rejected by the DMARC policy of bank.example",
            .reason = "dmarc policy of bank.example"},
        {"p=quarantine, hold", {ENFORCE}, SPF(AUTH_NONE), AUTH_NONE, &one, {FAILS(QUARANTINE)},
            .action = VERDICT_QUARANTINE, .reason = "dmarc policy of bank.example"},
        {"p=quarantine, tag", {ENFORCE, .dmarc_quarantine = AUTH_QUARANTINE_TAG},
            SPF(AUTH_NONE), AUTH_NONE, &one, {FAILS(QUARANTINE)}, .action = VERDICT_ACCEPT,
            .reason = "tagged: dmarc policy of bank.example"},
        {"p=none", {ENFORCE}, SPF(AUTH_NONE), AUTH_NONE, &one, {FAILS(NONE)},
            .action = VERDICT_ACCEPT},
        {"exempt", {ENFORCE, .bad_from = AUTH_BAD_FROM_REJECT}, SPF(AUTH_NONE), AUTH_NONE, &one,
            {FAILS(REJECT)}, .exempt = true, .action = VERDICT_ACCEPT},
        {"no policy", {ENFORCE}, SPF(AUTH_NONE), AUTH_NONE, &one, {{.result = AUTH_NONE}},
            .action = VERDICT_ACCEPT},
        {"DMARC is off", {ENFORCE, .bad_from = AUTH_BAD_FROM_REJECT}, SPF(AUTH_NONE), AUTH_NONE,
            NULL, {{AUTH_NONE}}, .action = VERDICT_ACCEPT},
    
        {"several authors: the strictest that fails", {ENFORCE}, SPF(AUTH_NONE), AUTH_NONE,
            &two, {FAILS(QUARANTINE), FAILS(REJECT)}, .action = VERDICT_REJECT,
            .reply = "550 5.7.1 rejected by the DMARC policy of bank.example",
            .reason = "dmarc policy of bank.example"},
        {"several authors: the order doesn't matter", {ENFORCE}, SPF(AUTH_NONE), AUTH_NONE,
            &two, {FAILS(REJECT), FAILS(QUARANTINE)}, .action = VERDICT_REJECT,
            .reply = "550 5.7.1 rejected by the DMARC policy of shop.example",
            .reason = "dmarc policy of shop.example"},
        {"several authors: one passes", {ENFORCE}, SPF(AUTH_NONE), AUTH_NONE, &two,
            {PASSES, FAILS(QUARANTINE)}, .action = VERDICT_QUARANTINE,
            .reason = "dmarc policy of bank.example"},
        {"several authors, not enforced", {.bad_from = AUTH_BAD_FROM_ACCEPT}, SPF(AUTH_NONE),
            AUTH_NONE, &two, {FAILS(REJECT), FAILS(REJECT)}, .action = VERDICT_ACCEPT},
        {"several authors, refused", {.bad_from = AUTH_BAD_FROM_REJECT}, SPF(AUTH_NONE),
            AUTH_NONE, &two, {PASSES, PASSES}, .action = VERDICT_REJECT,
            .reply = "550 5.7.1 DMARC: no author can be told: several author domains",
            .reason = "several author domains"},
        {"no author, accepted", {ENFORCE}, SPF(AUTH_NONE), AUTH_NONE, &bad, {{AUTH_NONE}},
            .action = VERDICT_ACCEPT},
        {"no author, held", {ENFORCE, .bad_from = AUTH_BAD_FROM_QUARANTINE}, SPF(AUTH_NONE),
            AUTH_NONE, &bad, {{AUTH_NONE}}, .action = VERDICT_QUARANTINE,
            .reason = "no From field"},
        {"no author, tagged",
            {.bad_from = AUTH_BAD_FROM_QUARANTINE, .dmarc_quarantine = AUTH_QUARANTINE_TAG},
            SPF(AUTH_NONE), AUTH_NONE, &bad, {{AUTH_NONE}}, .action = VERDICT_ACCEPT,
            .reason = "tagged: no From field"},
        {"no author, refused", {.bad_from = AUTH_BAD_FROM_REJECT}, SPF(AUTH_NONE), AUTH_NONE,
            &bad, {{AUTH_NONE}}, .action = VERDICT_REJECT,
            .reply = "550 5.7.1 DMARC: no author can be told: no From field",
            .reason = "no From field"},
    
        {"SPF fail", {.spf_reject = true}, SPF(AUTH_FAIL), AUTH_PASS, &one, {PASSES},
            .action = VERDICT_REJECT,
            .reply = "550 5.7.23 SPF fail: bank.example does not allow 192.0.2.9",
            .reason = "spf fail"},
        {"SPF fail explained", {.spf_reject = true},
            {AUTH_FAIL, SPAN("bank.example"), SPAN("100% of you\r\n\xc3\xbc must go")}, AUTH_PASS,
            &one, {PASSES}, .action = VERDICT_REJECT,
            .reply = "550 5.7.23 SPF fail: bank.example explains: 100% of you???? must go",
            .reason = "spf fail"},
        {"SPF softfail", {.spf_reject = true}, SPF(AUTH_SOFTFAIL), AUTH_NONE, &one,
            {FAILS(NONE)}, .action = VERDICT_ACCEPT},
        {"SPF permerror", {.spf_reject = true}, SPF(AUTH_PERMERROR), AUTH_NONE, &one,
            {FAILS(NONE)}, .action = VERDICT_ACCEPT},
    
        {"what can't be checked is no pass under a policy", {ENFORCE}, SPF(AUTH_TEMPERROR),
            AUTH_NONE, &one, {UNKNOWN(REJECT)}, .action = VERDICT_TEMPFAIL,
            .reply = "451 4.4.3 DNS gave no answer to check the DMARC policy of bank.example "
                     "with; try again later",
            .reason = "dmarc of bank.example can't be checked"},
        {"under p=quarantine neither", {ENFORCE}, SPF(AUTH_TEMPERROR), AUTH_NONE, &one,
            {UNKNOWN(QUARANTINE)}, .action = VERDICT_TEMPFAIL,
            .reply = "451 4.4.3 DNS gave no answer to check the DMARC policy of bank.example "
                     "with; try again later",
            .reason = "dmarc of bank.example can't be checked"},
        {"without enforcement it goes through", {0}, SPF(AUTH_TEMPERROR), AUTH_NONE, &one,
            {UNKNOWN(REJECT)}, .action = VERDICT_ACCEPT},
        {"exempt, too", {ENFORCE}, SPF(AUTH_TEMPERROR), AUTH_NONE, &one, {UNKNOWN(REJECT)},
            .exempt = true, .action = VERDICT_ACCEPT},
        {"a refusal of another domain goes first", {ENFORCE}, SPF(AUTH_TEMPERROR), AUTH_NONE,
            &two, {UNKNOWN(REJECT), FAILS(REJECT)}, .action = VERDICT_REJECT,
            .reply = "550 5.7.1 rejected by the DMARC policy of bank.example",
            .reason = "dmarc policy of bank.example"},
        {"a deferral before another domain's hold queue", {ENFORCE}, SPF(AUTH_TEMPERROR),
            AUTH_NONE, &two, {UNKNOWN(REJECT), FAILS(QUARANTINE)}, .action = VERDICT_TEMPFAIL,
            .reply = "451 4.4.3 DNS gave no answer to check the DMARC policy of shop.example "
                     "with; try again later",
            .reason = "dmarc of shop.example can't be checked"},
        {"several domains: no policy may be missing", {ENFORCE}, SPF(AUTH_NONE), AUTH_NONE,
            &two, {PASSES, LACKS}, .action = VERDICT_TEMPFAIL,
            .reply = "451 4.4.3 DNS gave no answer to check the DMARC policy of bank.example "
                     "with; try again later",
            .reason = "dmarc of bank.example can't be checked"},

        {"DNS trouble, accepted", {ENFORCE}, SPF(AUTH_TEMPERROR), AUTH_TEMPERROR, &one, {LACKS},
            .action = VERDICT_ACCEPT},
        {"DNS trouble, deferred", {.dns_tempfail = true}, SPF(AUTH_NONE), AUTH_NONE, &one,
            {LACKS}, .action = VERDICT_TEMPFAIL,
            .reply = "451 4.4.3 DNS gave no answer to check SPF, DKIM or DMARC with; try again "
                     "later",
            .reason = "dns error"},
        {"a key could not be had, deferred", {.dns_tempfail = true}, SPF(AUTH_NONE),
            AUTH_TEMPERROR, &one, {{.result = AUTH_NONE}}, .action = VERDICT_TEMPFAIL,
            .reply = "451 4.4.3 DNS gave no answer to check SPF, DKIM or DMARC with; try again "
                     "later",
            .reason = "dns error"},
        {"SPF could not be checked, but DMARC passes", {.dns_tempfail = true},
            SPF(AUTH_TEMPERROR), AUTH_PASS, &one, {PASSES}, .action = VERDICT_ACCEPT},
        {"a refusal goes before a deferral", {ENFORCE, .dns_tempfail = true},
            SPF(AUTH_TEMPERROR), AUTH_NONE, &one, {FAILS(REJECT)}, .action = VERDICT_REJECT,
            .reply = "550 5.7.1 rejected by the DMARC policy of bank.example",
            .reason = "dmarc policy of bank.example"},
        {"a deferral before the hold queue", {ENFORCE, .dns_tempfail = true},
            SPF(AUTH_TEMPERROR), AUTH_NONE, &one, {FAILS(QUARANTINE)},
            .action = VERDICT_TEMPFAIL,
            .reply = "451 4.4.3 DNS gave no answer to check SPF, DKIM or DMARC with; try again "
                     "later",
            .reason = "dns error"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct row *row = &rows[i];
        struct arena *arena = arena_new(1 << 16);
        const struct dkim_plan dkim = {
            .candidates = {{.signature = {.result = row->dkim}}}, .count = 1};
        const struct auth_facts facts = {SPAN("192.0.2.9"), &row->spf, 1, &dkim,
            row->author, row->dmarc, row->author == NULL ? 0 : row->author->count,
            row->exempt};
        struct verdict verdict;

        print_message("# %s\n", row->what);
        auth_decide(&row->wishes, &facts, arena, &verdict);
        assert_int_equal(verdict.action, row->action);
        if (row->reply == NULL)
            assert_null(verdict.text);
        else
            assert_string_equal(arena_printf(arena, "%s %s %s", verdict.code,
                                    verdict.enhanced, verdict.text),
                row->reply);
        if (row->reason == NULL)
            assert_null(verdict.reason);
        else
            assert_string_equal(verdict.reason, row->reason);
        assert_int_equal(verdict.edit_count, 0);
        arena_free(arena);
    }
}

/* An untidy From has no author, but domains, and all of them count. */
static void
judges_each_domain_of_an_untidy_from(void **state)
{
    static const struct from_domains judged = {
        .names = {"evil.example", "bank.example"}, .count = 2};
    static const struct from_domains endless = {
        .names = {"evil.example"}, .count = 1, .more = true};
    const struct {
        struct auth_wishes wishes;
        const struct from_domains *judged;
        struct dmarc_verdict dmarc[2];
        bool exempt;
        enum verdict_action action;
        const char *reason;
    } rows[] = {
        {{ENFORCE}, &judged, {PASSES, FAILS(REJECT)}, false, VERDICT_REJECT,
            "dmarc policy of bank.example"},
        {{ENFORCE}, &judged, {PASSES, FAILS(QUARANTINE)}, false, VERDICT_QUARANTINE,
            "dmarc policy of bank.example"},
        {{ENFORCE}, &judged, {PASSES, FAILS(NONE)}, false, VERDICT_ACCEPT, NULL},
        {{ENFORCE}, &judged, {PASSES, LACKS}, false, VERDICT_TEMPFAIL,
            "dmarc of bank.example can't be checked"},
        {{ENFORCE}, &judged, {PASSES, FAILS(REJECT)}, true, VERDICT_ACCEPT, NULL},
        {{ENFORCE}, &endless, {PASSES}, false, VERDICT_REJECT, "too many author domains"},
        {{ENFORCE}, &endless, {PASSES}, true, VERDICT_ACCEPT, NULL},
        {{0}, &endless, {PASSES}, false, VERDICT_ACCEPT, NULL},
        {{ENFORCE, .bad_from = AUTH_BAD_FROM_REJECT}, &judged, {PASSES, PASSES}, false,
            VERDICT_REJECT, "no From field"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct arena *arena = arena_new(1 << 16);
        const struct auth_facts facts = {.author = &bad,
            .dmarc = rows[i].dmarc,
            .dmarc_count = rows[i].judged->count,
            .dmarc_exempt = rows[i].exempt,
            .judged = rows[i].judged};
        struct verdict verdict;

        print_message("# %zu\n", i);
        auth_decide(&rows[i].wishes, &facts, arena, &verdict);
        assert_int_equal(verdict.action, rows[i].action);
        if (rows[i].reason == NULL)
            assert_null(verdict.reason);
        else
            assert_string_equal(verdict.reason, rows[i].reason);
        arena_free(arena);
    }
}

/* One exempt address beside another's takes nothing out of enforcement. */
static void
exempts_all_authors_or_none(void **state)
{
    (void)state;
    assert_false(auth_is_exempt(SPAN("shop.example"), SPAN("192.0.2.9"), &two, NULL, 0));
    assert_true(auth_is_exempt(SPAN("example"), SPAN("192.0.2.9"), &two, NULL, 0));
    assert_false(auth_is_exempt(SPAN("example"), SPAN("192.0.2.9"), &bad, NULL, 0));
}

/* HELO is in no results: without spf_reject it can't have made another one. */
static void
defers_for_helo_only_where_it_could_refuse(void **state)
{
    static const struct {
        struct auth_wishes wishes;
        enum auth_result results[2];
        enum verdict_action action;
    } rows[] = {
        {{.dns_tempfail = true}, {AUTH_NONE, AUTH_TEMPERROR}, VERDICT_ACCEPT},
        {{.dns_tempfail = true, .spf_reject = true}, {AUTH_NONE, AUTH_TEMPERROR},
            VERDICT_TEMPFAIL},
        {{.dns_tempfail = true}, {AUTH_TEMPERROR, AUTH_NONE}, VERDICT_TEMPFAIL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct arena *arena = arena_new(1 << 16);
        const struct auth_spf_fact spf[] = {
            {.result = rows[i].results[0]},
            {.result = rows[i].results[1]},
        };
        const struct auth_facts facts = {.spf = spf, .spf_count = 2};
        struct verdict verdict;

        auth_decide(&rows[i].wishes, &facts, arena, &verdict);
        assert_int_equal(verdict.action, rows[i].action);
        arena_free(arena);
    }
}

static void
cuts_what_others_say(void **state)
{
    char explanation[1000];
    struct arena *arena = arena_new(1 << 16);
    const struct auth_wishes wishes = {.spf_reject = true};
    const struct auth_spf_fact spf[] = {
        {AUTH_PASS, SPAN("a.example"), {NULL, 0}},
        {AUTH_FAIL, SPAN("helo.example"), span_make(explanation, sizeof(explanation))},
    };
    const struct auth_facts facts = {
        .client_address = SPAN("192.0.2.9"), .spf = spf, .spf_count = 2};
    struct verdict verdict;

    (void)state;
    memset(explanation, 'x', sizeof(explanation));
    auth_decide(&wishes, &facts, arena, &verdict);
    assert_int_equal(verdict.action, VERDICT_REJECT);
    assert_int_equal(strlen(verdict.text), 400);
    assert_memory_equal(verdict.text, "SPF fail: helo.example explains: xxx", 36);
    arena_free(arena);
}

static void
knows_who_is_exempt(void **state)
{
    static const struct dmarc_identifier identifiers[] = {
        {.domain = {"lists.example", 13}, .passed = true},
        {.domain = {"evil.example", 12}, .passed = false},
    };
    static const struct {
        const char *word;
        bool wanted;
    } exempt[] = {
        {"192.0.2.0/24", true},
        {"192.0.2.10", false},
        {"2001:db8::/32", false},
        {"bank.example", true},
        {"BANK.example", true},
        {"example", true},
        {"ank.example", false},
        {"www.bank.example", false},
        {"lists.example", true},
        {"evil.example", false},
        {"other.example", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(exempt); i++) {
        print_message("# %s\n", exempt[i].word);
        assert_int_equal(auth_is_exempt(span_of(exempt[i].word), SPAN("192.0.2.9"), &one,
                             identifiers, ARRAY_LENGTH(identifiers)),
            exempt[i].wanted);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides),
        cmocka_unit_test(judges_each_domain_of_an_untidy_from),
        cmocka_unit_test(exempts_all_authors_or_none),
        cmocka_unit_test(defers_for_helo_only_where_it_could_refuse),
        cmocka_unit_test(cuts_what_others_say),
        cmocka_unit_test(knows_who_is_exempt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
