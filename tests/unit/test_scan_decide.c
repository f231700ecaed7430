/*
 * Findings and configuration to a verdict.
 */
#include "tests/unit/unit.h"

#include "milters/scan/scan_decide.h"
#include "shared/base/attributes.h"

#include <string.h>

#define FOUND                                                                            \
    {                                                                                    \
        .missing = SCAN_DONE, .result = {                                                \
            .status = SCAN_STATUS_INFECTED,                                              \
            .virus = "Eicar"                                                             \
        }                                                                                \
    }
#define CLEAN                                                                            \
    {                                                                                    \
        .missing = SCAN_DONE, .result = {.status = SCAN_STATUS_CLEAN }                   \
    }
#define DOUBTED(doubt, name)                                                             \
    {                                                                                    \
        .missing = SCAN_DONE, .result = {                                                \
            .doubted = {[doubt] = true},                                                 \
            .what = {[doubt] = name}                                                     \
        }                                                                                \
    }
#define LIMITED DOUBTED(SCAN_LIMITED, "MaxFiles")
#define LOCKED DOUBTED(SCAN_ENCRYPTED, "")
#define ON(doubt, rule)                                                                  \
    {                                                                                    \
        .on_part = { [doubt] = (rule) }                                                  \
    }
#define SCORED(is, points)                                                               \
    {                                                                                    \
        .missing = SCAN_DONE, .spamd = SPAMD_DONE, .spam = {                             \
            .spam = (is),                                                                \
            .score = (points),                                                           \
            .required = 5000                                                             \
        }                                                                                \
    }

static const char *
field(const struct verdict *verdict, const char *name)
{
    for (size_t i = 0; i < verdict->edit_count; i++) {
        if (strcmp(verdict->edits[i].name, name) == 0)
            return verdict->edits[i].value;
    }
    return NULL;
}

static struct verdict
decide(const struct scan_rules *rules, const struct scan_findings *findings,
    struct arena *arena, struct scan_words *words)
{
    struct verdict verdict = {.action = VERDICT_ACCEPT};

    verdict_room(&verdict, arena, SCAN_EDITS_MAX);
    scan_decide(rules, findings, "postshift-scan", arena, &verdict, words);
    assert_true(verdict.edit_count <= SCAN_EDITS_MAX);
    return verdict;
}

static const struct scan_rules defaults = {
    .spam_hold = INT64_MAX, .spam_reject = INT64_MAX};

static void
decides_by_rows(void **state)
{
    static const struct {
        const char *what;
        struct scan_rules rules;
        struct scan_findings findings;
        enum verdict_action action;
        const char *code;
        const char *status; /* X-Virus-Status; NULL: not looked at */
        const char *word;
    } rows[] = {
        {"clean", {0}, CLEAN, VERDICT_ACCEPT, NULL, "Clean", "clean"},
        {"infected, refused", {0}, FOUND, VERDICT_REJECT, "550", NULL, "infected"},
        {"infected, held", {.on_infected = ON_INFECTED_HOLD}, FOUND, VERDICT_QUARANTINE,
            NULL, "Infected (Eicar)", "infected"},
        {"infected, tagged", {.on_infected = ON_INFECTED_TAG}, FOUND, VERDICT_ACCEPT,
            NULL, "Infected (Eicar)", "infected"},
        {"infected, discarded", {.on_infected = ON_INFECTED_DISCARD}, FOUND,
            VERDICT_DISCARD, NULL, NULL, "infected"},
        {"a limit, tagged", {0}, LIMITED, VERDICT_ACCEPT, NULL,
            "Unscanned (limit reached: MaxFiles)", "unscanned"},
        {"a limit, as a failure", ON(SCAN_LIMITED, ON_PART_FAIL), LIMITED, VERDICT_REJECT,
            "554", NULL, "failed"},
        {"a limit of size, as a failure", ON(SCAN_LIMITED, ON_PART_FAIL),
            DOUBTED(SCAN_LIMITED, "MaxScanSize"), VERDICT_REJECT, "552", NULL, "failed"},
        {"a limit, as an infection", ON(SCAN_LIMITED, ON_PART_INFECTED), LIMITED,
            VERDICT_REJECT, "550", NULL, "infected"},
        {"encrypted, tagged", {0}, LOCKED, VERDICT_ACCEPT, NULL,
            "Unscanned (encrypted part)", "unscanned"},
        {"encrypted, of a known kind", {0}, DOUBTED(SCAN_ENCRYPTED, "Office"),
            VERDICT_ACCEPT, NULL, "Unscanned (encrypted: Office)", "unscanned"},
        {"encrypted, as a failure that passes",
            {.on_part = {[SCAN_ENCRYPTED] = ON_PART_FAIL}, .on_fail = ON_FAIL_ACCEPT},
            LOCKED, VERDICT_ACCEPT, NULL, "Unscanned (encrypted part)", "failed"},
        {"damaged, tagged", {0}, DOUBTED(SCAN_DAMAGED, "xz"), VERDICT_ACCEPT, NULL,
            "Unscanned (damaged part)", "unscanned"},
        {"damaged, as a failure", ON(SCAN_DAMAGED, ON_PART_FAIL),
            DOUBTED(SCAN_DAMAGED, ""), VERDICT_REJECT, "554", NULL, "failed"},
        {"not opened", {0}, DOUBTED(SCAN_UNOPENED, "RAR"), VERDICT_ACCEPT, NULL,
            "Unscanned (not opened: RAR)", "unscanned"},
        {"not opened, as an infection", ON(SCAN_UNOPENED, ON_PART_INFECTED),
            DOUBTED(SCAN_UNOPENED, "RAR"), VERDICT_REJECT, "550", NULL, "infected"},
        {"two readings", {0}, DOUBTED(SCAN_AMBIGUOUS, ""), VERDICT_ACCEPT, NULL,
            "Unscanned (ambiguous MIME)", "unscanned"},
        {"the stricter of two doubts counts", ON(SCAN_ENCRYPTED, ON_PART_FAIL),
            {.result = {.doubted = {[SCAN_LIMITED] = true, [SCAN_ENCRYPTED] = true},
                 .what = {[SCAN_LIMITED] = "MaxScanSize"}}},
            VERDICT_REJECT, "554", "Unscanned (encrypted part)", "failed"},
        {"too big, tagged", {0}, {.missing = SCAN_TOO_BIG}, VERDICT_ACCEPT, NULL,
            "Unscanned (too big)", "unscanned"},
        {"too big, as a failure", ON(SCAN_LIMITED, ON_PART_FAIL),
            {.missing = SCAN_TOO_BIG}, VERDICT_REJECT, "552", NULL, "failed"},
        {"not ready", {0}, {.missing = SCAN_NOT_READY}, VERDICT_TEMPFAIL, "451", NULL,
            "failed"},
        {"busy", {0}, {.missing = SCAN_BUSY}, VERDICT_TEMPFAIL, "451", NULL, "failed"},
        {"timed out", {0}, {.missing = SCAN_TIMEOUT}, VERDICT_TEMPFAIL, "451", NULL,
            "failed"},
        {"died", {0}, {.missing = SCAN_DIED}, VERDICT_TEMPFAIL, "451", NULL, "failed"},
        {"died twice, accepted by choice", {.on_fail = ON_FAIL_ACCEPT},
            {.missing = SCAN_KILLER}, VERDICT_ACCEPT, NULL,
            "Unscanned (scanner died at it twice)", "failed"},
        {"failed", {0},
            {.missing = SCAN_DONE,
                .result = {.status = SCAN_STATUS_FAILED, .problem = "x"}},
            VERDICT_TEMPFAIL, "451", NULL, "failed"},
        {"out of time in the library, whatever limits say",
            ON(SCAN_LIMITED, ON_PART_INFECTED),
            {.result = {.status = SCAN_STATUS_LATE, .doubted = {[SCAN_LIMITED] = true}}},
            VERDICT_TEMPFAIL, "451", NULL, "failed"},
        {"spam, tagged", {0}, SCORED(true, 6000), VERDICT_ACCEPT, NULL, "Clean", "clean"},
        {"spam, held", {.on_spam = ON_SPAM_HOLD}, SCORED(true, 6000), VERDICT_QUARANTINE,
            NULL, "Clean", "clean"},
        {"spam, refused", {.on_spam = ON_SPAM_REJECT}, SCORED(true, 6000), VERDICT_REJECT,
            "550", NULL, "clean"},
        {"ham, refused never", {.on_spam = ON_SPAM_REJECT}, SCORED(false, 4000),
            VERDICT_ACCEPT, NULL, "Clean", "clean"},
        {"spam below its own threshold",
            {.on_spam = ON_SPAM_REJECT, .spam_reject = 10000}, SCORED(true, 6000),
            VERDICT_ACCEPT, NULL, "Clean", "clean"},
        {"spam above it", {.on_spam = ON_SPAM_HOLD, .spam_hold = 5500},
            SCORED(true, 6000), VERDICT_QUARANTINE, NULL, "Clean", "clean"},
        {"the other option's threshold", {.on_spam = ON_SPAM_HOLD, .spam_reject = 1},
            SCORED(false, 4000), VERDICT_ACCEPT, NULL, "Clean", "clean"},
        {"spamd away, accepted", {0}, {.missing = SCAN_DONE, .spamd = SPAMD_UNKNOWN},
            VERDICT_ACCEPT, NULL, "Clean", "clean"},
        {"spamd away, waits", {.on_spamd_fail = ON_SPAMD_FAIL_TEMPFAIL},
            {.missing = SCAN_DONE, .spamd = SPAMD_UNKNOWN}, VERDICT_TEMPFAIL, "451", NULL,
            "clean"},
        {"too large for spamd, need not wait", {.on_spamd_fail = ON_SPAMD_FAIL_TEMPFAIL},
            {.missing = SCAN_DONE, .spamd = SPAMD_UNKNOWN, .too_large_for_spamd = true},
            VERDICT_ACCEPT, NULL, "Clean", "clean"},
        {"infected goes before spamd away", {.on_spamd_fail = ON_SPAMD_FAIL_TEMPFAIL},
            {.missing = SCAN_DONE,
                .result = {.status = SCAN_STATUS_INFECTED, .virus = "E"},
                .spamd = SPAMD_UNKNOWN},
            VERDICT_REJECT, "550", NULL, "infected"},
    };
    struct arena *arena = arena_new(1 << 20);

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct scan_rules rules = rows[i].rules;
        struct scan_words words;
        struct verdict verdict;

        if (rules.spam_hold == 0)
            rules.spam_hold = INT64_MAX;
        if (rules.spam_reject == 0)
            rules.spam_reject = INT64_MAX;
        print_message("# %s\n", rows[i].what);
        verdict = decide(&rules, &rows[i].findings, arena, &words);
        assert_int_equal(verdict.action, rows[i].action);
        if (rows[i].code != NULL)
            assert_string_equal(verdict.code, rows[i].code);
        if (rows[i].status != NULL)
            assert_string_equal(field(&verdict, "X-Virus-Status"), rows[i].status);
        assert_string_equal(words.clamav, rows[i].word);
        arena_reset(arena);
    }
    arena_free(arena);
}

static void
nothing_but_clean_is_called_clean(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct scan_rules rules = defaults;

    (void)state;
    rules.on_fail = ON_FAIL_ACCEPT;
    for (int missing = SCAN_TOO_BIG; missing <= SCAN_TROUBLE; missing++) {
        struct scan_findings findings = {.missing = (enum scan_missing)missing};
        struct scan_words words;
        struct verdict verdict = decide(&rules, &findings, arena, &words);

        assert_int_equal(
            strncmp(field(&verdict, "X-Virus-Status"), "Unscanned (", 11), 0);
    }
    arena_free(arena);
}

static void
writes_spam_fields(void **state)
{
    struct scan_findings findings = SCORED(true, 15160);
    struct arena *arena = arena_new(1 << 20);
    struct scan_words words;
    struct verdict verdict;

    (void)state;
    strcpy(findings.spam.tests, "A,B");
    verdict = decide(&defaults, &findings, arena, &words);
    assert_string_equal(
        field(&verdict, "X-Spam-Status"), "Yes, score=15.1 required=5.0 tests=A,B");
    assert_string_equal(field(&verdict, "X-Spam-Flag"), "YES");
    assert_string_equal(field(&verdict, "X-Spam-Level"), "***************");
    assert_string_equal(field(&verdict, "X-Spam-Score"), "15.1");
    assert_string_equal(words.spamd, "spam");
    findings.spam.spam = false;
    findings.spam.score = -100;
    verdict = decide(&defaults, &findings, arena, &words);
    assert_string_equal(
        field(&verdict, "X-Spam-Status"), "No, score=-0.1 required=5.0 tests=A,B");
    assert_null(field(&verdict, "X-Spam-Flag"));
    assert_null(field(&verdict, "X-Spam-Level"));
    arena_free(arena);
}

static void
knows_fields_that_look_like_ours(void **state)
{
    (void)state;
    assert_true(scan_is_ours(SPAN("x-virus-STATUS"), false));
    assert_true(scan_is_ours(SPAN("X-Virus-Scanned"), false));
    assert_false(scan_is_ours(SPAN("X-Spam-Flag"), false));
    assert_true(scan_is_ours(SPAN("x-spam-anything"), true));
    assert_false(scan_is_ours(SPAN("X-Spamming"), true));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides_by_rows),
        cmocka_unit_test(nothing_but_clean_is_called_clean),
        cmocka_unit_test(writes_spam_fields),
        cmocka_unit_test(knows_fields_that_look_like_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
