/*
 * Which signatures of a message are checked, and what their keys say of them.
 */
#include "tests/unit/unit.h"

#include "milters/dkim/dkim_plan.h"
#include "shared/base/attributes.h"

#include <string.h>

enum { NOW = 1000000000, CEILING = 1 << 24, FIELDS_MAX = 200 };

static struct header_field
signature_of(const char *domain, struct arena *arena)
{
    return (struct header_field){SPAN("DKIM-Signature"),
        span_of(arena_printf(
            arena, " v=1; a=rsa-sha256; d=%s; s=sel; h=From; bh=eHg=; b=eHg=", domain))};
}

static void
picks_aligned_ones_first_then_from_the_top(void **state)
{
    static const struct {
        const char *what;
        size_t most;
        const char *domains[16]; /* of the signatures, from the top */
        const char *picked;      /* numbers, each with a blank behind it */
    } rows[] = {
        {"all", 10, {"a.example", "b.example", "author.example"}, "0 1 2 "},
        {"the first two", 2, {"a.example", "b.example", "c.example"}, "0 1 "},
        {"the aligned one is the last", 2, {"a.example", "b.example", "author.example"},
            "0 2 "},
        {"sub-domain and parent are aligned", 2,
            {"a.example", "x.author.example", "b.example", "author.example"}, "1 3 "},
        {"more aligned ones than room", 2,
            {"author.example", "a.example", "author.example", "author.example"}, "0 2 "},
        {"a name that only ends like it", 1, {"notauthor.example", "author.example"},
            "1 "},
        {"never more than ten", 99,
            {"a.example", "a.example", "a.example", "a.example", "a.example", "a.example",
                "a.example", "a.example", "a.example", "a.example", "a.example",
                "author.example"},
            "0 1 2 3 4 5 6 7 8 11 "},
    };
    const struct author author = {
        .kind = AUTHOR_ONE, .domains = {"author.example"}, .count = 1};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct arena *arena = arena_new(CEILING);
        struct header_field fields[16];
        struct dkim_plan plan;
        struct buffer picked;
        size_t count = 0;

        print_message("# %s\n", rows[i].what);
        for (; count < 16 && rows[i].domains[count] != NULL; count++)
            fields[count] = signature_of(rows[i].domains[count], arena);
        dkim_plan_make(&plan, fields, count, &author, rows[i].most, NOW, arena);
        buffer_init(&picked, 100);
        for (size_t j = 0; j < plan.count; j++)
            buffer_printf(&picked, "%zu ", plan.candidates[j].field);
        assert_string_equal(buffer_text(&picked), rows[i].picked);
        assert_int_equal(plan.found, count);
        buffer_clear(&picked);
        arena_free(arena);
    }
}

static void
reads_a_hundred_signatures_at_most(void **state)
{
    static struct header_field fields[FIELDS_MAX];
    const struct author author = {
        .kind = AUTHOR_ONE, .domains = {"author.example"}, .count = 1};
    struct arena *arena = arena_new(CEILING);
    struct dkim_plan plan;

    (void)state;
    for (size_t i = 0; i < FIELDS_MAX; i++)
        fields[i] =
            signature_of(i == 99 || i == 100 ? "author.example" : "a.example", arena);
    dkim_plan_make(&plan, fields, FIELDS_MAX, &author, 10, NOW, arena);
    assert_int_equal(plan.found, FIELDS_MAX);
    assert_int_equal(plan.count, 10);
    assert_int_equal(plan.candidates[8].field, 8);
    assert_int_equal(plan.candidates[9].field, 99);
    arena_free(arena);
}

static void
asks_for_keys_it_needs(void **state)
{
    const struct header_field fields[] = {
        {SPAN("dkim-signature"),
            SPAN(" v=1; a=rsa-sha256; d=A.example; s=S.t; h=From; bh=eHg=; b=eHg=")},
        {SPAN("DKIM-Signature"),
            SPAN(" v=1; a=rsa-sha1; d=a.example; s=s; h=From; bh=eHg=; b=eHg=")},
        {SPAN("X-DKIM-Signature"),
            SPAN(" v=1; a=rsa-sha256; d=a.example; s=s; h=From; bh=eHg=; b=eHg=")},
        {SPAN("DKIM-Signature"),
            SPAN(" v=1; a=rsa-sha256; d=a.example; s=s; h=From; bh=eHg=; b=eHg=; x=1")},
    };
    const struct author author = {.kind = AUTHOR_BAD};
    struct arena *arena = arena_new(CEILING);
    struct dkim_plan plan;

    (void)state;
    dkim_plan_make(&plan, fields, ARRAY_LENGTH(fields), &author, 10, NOW, arena);
    assert_int_equal(plan.count, 3);
    assert_string_equal(plan.candidates[0].question, "s.t._domainkey.a.example");
    assert_null(plan.candidates[1].question);
    assert_null(plan.candidates[2].question);
    assert_true(dkim_candidate_is_pending(&plan.candidates[0]));
    /* The first decision stands. */
    dkim_candidate_decide(&plan.candidates[0], AUTH_TEMPERROR, "one");
    dkim_candidate_decide(&plan.candidates[0], AUTH_PASS, "two");
    assert_string_equal(plan.candidates[0].signature.reason, "one");
    assert_int_equal(plan.candidates[0].signature.result, AUTH_TEMPERROR);
    dkim_plan_settle(&plan, fields, ARRAY_LENGTH(fields));
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picks_aligned_ones_first_then_from_the_top),
        cmocka_unit_test(reads_a_hundred_signatures_at_most),
        cmocka_unit_test(asks_for_keys_it_needs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
