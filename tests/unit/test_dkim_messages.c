/*
 * Whole messages through the shield: several signatures, hostile ones beside good ones.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "tests/fakes/dkim_message.h"
#include "tests/fakes/dkim_signer.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

enum { FIELDS_MAX = 24, CEILING = 64 << 20 };

static EVP_PKEY *key;
static struct dkim_library *library;

/* Messages with several signatures: fields are built, signed and checked at once. */
struct bench {
    struct arena *arena;
    struct header_field fields[FIELDS_MAX];
    size_t count;
    struct dns_table_row row;
    struct dkim_check *check;
    const struct dkim_plan *plan;
};

static void
bench_open(struct bench *bench)
{
    *bench = (struct bench){.arena = arena_new(CEILING)};
    bench->row = (struct dns_table_row){"sel._domainkey.example.com", DNS_TXT,
        arena_printf(bench->arena, "p=%s",
            dkim_signer_public(key, DKIM_SIGNER_SPKI, bench->arena))};
}

static void
bench_field(struct bench *bench, const char *name, struct span value)
{
    assert_true(bench->count < FIELDS_MAX);
    bench->fields[bench->count++] = (struct header_field){span_of(name), value};
}

/* Puts the signature on top. */
static void
bench_sign(struct bench *bench, const char *value, const char *names)
{
    const struct dkim_signer signer = {.key = key, .value = value, .names = names};
    struct header_field field = dkim_signer_sign(
        &signer, bench->fields, bench->count, SPAN("body\r\n"), bench->arena);

    memmove(
        &bench->fields[1], &bench->fields[0], bench->count * sizeof(bench->fields[0]));
    bench->fields[0] = field;
    bench->count++;
}

static void
bench_check(struct bench *bench)
{
    const struct dkim_check_options options = {10, false, time(NULL)};

    bench->check = dkim_message_check(library, bench->fields, bench->count,
        SPAN("body\r\n"), &bench->row, 1, &options, 0, bench->arena);
    bench->plan = dkim_check_plan(bench->check);
}

static const char *
bench_result(const struct bench *bench, size_t i)
{
    assert_true(i < bench->plan->count);
    return auth_result_name(bench->plan->candidates[i].signature.result);
}

static void
bench_close(struct bench *bench)
{
    dkim_check_free(bench->check);
    arena_free(bench->arena);
}

#define TEMPLATE(more, names)                                                            \
    " v=1; a=rsa-sha256; d=example.com; s=sel;" more " h=" names "; bh=@BH@; b=@B@"

static void
checks_a_good_one_beside_bad_ones(void **state)
{
    static const char *const bad[] = {
        " nonsense",
        "",
        " v=1; a=rsa-sha256; d=example.com; s=sel; h=From; bh=x; b=x; i=a@example.com=",
        " v=1; a=rsa-sha256; d=example.com; s=sel; h=From; bh=x; b=x; i=a@example.com=4",
        " v=1; a=rsa-sha256; d=example.com; d=example.com; s=sel; h=From; bh=x; b=x",
        " v=1; a=rsa-sha256; d=example.com; s=sel; h=From; bh=x; b=x; q=http",
        " v=1; a=rsa-sha256; d=example.com; s=sel; h=From; bh=x; b=x;;",
    };
    char *identity;
    char *names;
    struct bench bench;

    (void)state;
    bench_open(&bench);
    bench_field(&bench, "From", SPAN(" a@example.com"));
    bench_sign(&bench, TEMPLATE("", "From"), "From");
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        bench_field(&bench, "DKIM-Signature", span_of(bad[i]));
    /* An identity of 5,000 octets, a list of 30,000 names, a field of 70 kB. */
    identity = arena_take(bench.arena, 5001);
    memset(identity, 'x', 5000);
    bench_field(&bench, "DKIM-Signature",
        span_of(arena_printf(bench.arena,
            " v=1; a=rsa-sha256; d=example.com; s=sel; h=From; bh=x; b=x; "
            "i=%s@example.com",
            identity)));
    names = arena_take(bench.arena, 70001);
    for (size_t i = 0; i < 70000; i++)
        names[i] = i % 2 == 0 ? 'x' : ':';
    bench_field(&bench, "DKIM-Signature",
        span_of(arena_printf(bench.arena,
            " v=1; a=rsa-sha256; d=example.com; s=sel; h=From:%.16000sx; bh=x; b=x",
            names)));
    bench_field(&bench, "DKIM-Signature", span_make(names, 70000));
    bench_check(&bench);
    assert_int_equal(bench.plan->found, ARRAY_LENGTH(bad) + 4);
    assert_int_equal(bench.plan->count, DKIM_SIGNATURES_MAX);
    assert_string_equal(bench_result(&bench, 0), "pass");
    for (size_t i = 1; i < bench.plan->count; i++)
        assert_string_equal(bench_result(&bench, i), "permerror");
    bench_close(&bench);
}

static void
survives_a_list_of_all_fields_and_one_more(void **state)
{
    struct bench bench;

    (void)state;
    bench_open(&bench);
    bench_field(&bench, "From", SPAN(" a@example.com"));
    bench_field(&bench, "Subject", SPAN(" x"));
    bench_sign(&bench, TEMPLATE("", "From:Subject:No-Such:From:Subject:X:Y:Z"),
        "From:Subject:No-Such:From:Subject:X:Y:Z");
    bench_check(&bench);
    assert_string_equal(bench_result(&bench, 0), "pass");
    bench_close(&bench);
}

static void
does_not_care_for_an_odd_from(void **state)
{
    static const char *const values[] = {" undisclosed:;", " \"Anna <a@example.com>",
        " a, b <", " ((((((", "", " <@x:y@z>", " \xff\xfe@\x80"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        struct bench bench;

        bench_open(&bench);
        bench_field(&bench, "From", span_of(values[i]));
        bench_sign(&bench, TEMPLATE("", "From"), "From");
        bench_check(&bench);
        assert_string_equal(bench_result(&bench, 0), "pass");
        bench_close(&bench);
    }
}

static void
takes_the_last_field_of_a_name_first(void **state)
{
    struct bench bench;

    (void)state;
    bench_open(&bench);
    bench_field(&bench, "From", SPAN(" a@example.com"));
    bench_field(&bench, "X", SPAN(" first"));
    bench_field(&bench, "x", SPAN(" last"));
    bench_sign(&bench, TEMPLATE("", "From : X"), "From:X");
    /* One more above is not signed; one below is taken for the signed one. */
    memmove(&bench.fields[1], &bench.fields[0], bench.count++ * sizeof(bench.fields[0]));
    bench.fields[0] = (struct header_field){SPAN("X"), SPAN(" added")};
    bench_check(&bench);
    assert_string_equal(bench_result(&bench, 0), "pass");
    dkim_check_free(bench.check);
    bench_field(&bench, "X", SPAN(" below"));
    bench_check(&bench);
    assert_string_equal(bench_result(&bench, 0), "fail");
    bench_close(&bench);
}

static void
tells_a_field_added_to_an_oversigned_name(void **state)
{
    struct bench bench;

    (void)state;
    bench_open(&bench);
    bench_field(&bench, "From", SPAN(" a@example.com"));
    bench_sign(&bench, TEMPLATE("", "From:From"), "From:From");
    bench_check(&bench);
    assert_string_equal(bench_result(&bench, 0), "pass");
    dkim_check_free(bench.check);
    bench_field(&bench, "From", SPAN(" b@example.com"));
    bench_check(&bench);
    assert_string_equal(bench_result(&bench, 0), "fail");
    bench_close(&bench);
}

static void
hashes_three_body_forms(void **state)
{
    static const char *const values[] = {TEMPLATE("", "From"),
        TEMPLATE(" c=simple/relaxed;", "From"), TEMPLATE(" l=1;", "From"),
        TEMPLATE(" l=2;", "From"), TEMPLATE(" l=3;", "From"), TEMPLATE("", "From")};
    struct bench bench;

    (void)state;
    bench_open(&bench);
    bench_field(&bench, "From", SPAN(" a@example.com"));
    for (size_t i = ARRAY_LENGTH(values); i > 0; i--) {
        const struct dkim_signer signer = {.key = key,
            .value = values[i - 1],
            .names = "From",
            .body_form = i == 2 ? DKIM_RELAXED : DKIM_SIMPLE,
            .has_length = i >= 3 && i <= 5,
            .length = i - 2};

        bench_field(&bench, "DKIM-Signature",
            dkim_signer_sign(&signer, bench.fields, 1, SPAN("body\r\n"), bench.arena)
                .value);
    }
    bench_check(&bench);
    assert_int_equal(bench.plan->count, 6);
    assert_string_equal(bench_result(&bench, 0), "pass");
    assert_string_equal(
        bench.plan->candidates[1].signature.reason, "l= covers 3 of 6 octets");
    for (size_t i = 2; i < 4; i++)
        assert_string_equal(bench.plan->candidates[i].signature.reason,
            "too many different l= in one message");
    /* Without l= both forms have their turn, whatever stands above. */
    assert_string_equal(bench_result(&bench, 4), "pass");
    assert_string_equal(bench_result(&bench, 5), "pass");
    bench_close(&bench);
}

/* h= may name DKIM-Signature: other signatures are then part of what is signed. */
static void
verifies_what_signs_signatures(void **state)
{
    static const struct {
        const char *what;
        const char *inner;  /* the signature below; NULL: none */
        const char *names;  /* signed by the upper one */
        const char *result; /* of the upper one */
    } rows[] = {
        {"a good one", TEMPLATE("", "From"), "From:DKIM-Signature", "pass"},
        {"an expired one", TEMPLATE(" x=1;", "From"), "From:DKIM-Signature", "pass"},
        {"one with rsa-sha1",
            " v=1; a=rsa-sha1; d=example.com; s=sel; h=From; bh=@BH@; b=@B@",
            "From:DKIM-Signature", "pass"},
        {"one of another version",
            " v=2; a=rsa-sha256; d=example.com; s=sel; h=From; bh=@BH@; b=@B@",
            "From:DKIM-Signature", "pass"},
        {"one that may not be shown", " nonsense", "From:DKIM-Signature", "neutral"},
        {"one with a dangerous identity", TEMPLATE(" i=@example.com=;", "From"),
            "From:DKIM-Signature", "neutral"},
        {"more than there are", TEMPLATE("", "From"),
            "From:DKIM-Signature:DKIM-Signature", "neutral"},
        {"none at all", NULL, "From:DKIM-Signature", "neutral"},
        {"one that it doesn't name", " nonsense", "From", "pass"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct bench bench;

        print_message("# %s\n", rows[i].what);
        bench_open(&bench);
        bench_field(&bench, "From", SPAN(" a@example.com"));
        if (rows[i].inner != NULL)
            bench_sign(&bench, rows[i].inner, "From");
        bench_sign(&bench,
            arena_printf(bench.arena,
                " v=1; a=rsa-sha256; d=example.com; s=sel; h=%s; bh=@BH@; b=@B@",
                rows[i].names),
            rows[i].names);
        bench_check(&bench);
        assert_string_equal(bench_result(&bench, 0), rows[i].result);
        bench_close(&bench);
    }
}

/* A bad signature above one that signs signatures is not among what that one signed. */
static void
verifies_below_a_bad_signature(void **state)
{
    static const char *const tops[] = {
        " nonsense",
        TEMPLATE(" x=1;", "From"),
        " v=1; a=rsa-sha256; d=example.com; s=missing; h=From; bh=@BH@; b=@B@",
        TEMPLATE("", "From:DKIM-Signature:DKIM-Signature:DKIM-Signature"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(tops); i++) {
        struct bench bench;

        print_message("# %s\n", tops[i]);
        bench_open(&bench);
        bench_field(&bench, "From", SPAN(" a@example.com"));
        bench_sign(&bench, TEMPLATE("", "From"), "From");
        bench_sign(&bench, TEMPLATE("", "From:DKIM-Signature"), "From:DKIM-Signature");
        bench_sign(&bench, tops[i], "From");
        bench_check(&bench);
        assert_string_not_equal(bench_result(&bench, 0), "pass");
        assert_string_equal(bench_result(&bench, 1), "pass");
        assert_string_equal(bench_result(&bench, 2), "pass");
        bench_close(&bench);
    }
}

static void
refuses_a_nul_in_a_signed_field(void **state)
{
    struct bench bench;

    (void)state;
    bench_open(&bench);
    bench_field(&bench, "From", SPAN(" a@example.com"));
    bench_sign(&bench, TEMPLATE(" c=relaxed;", "From"), "From");
    bench.fields[1].value = SPAN(" a@example.com\0, b@evil.example");
    bench_check(&bench);
    assert_string_equal(
        bench.plan->candidates[0].signature.reason, "NUL in a signed field");
    bench_close(&bench);
}

static void
handles_long_fields(void **state)
{
    const size_t length = 300000;
    struct bench bench;
    char *value;

    (void)state;
    bench_open(&bench);
    bench_field(&bench, "From", SPAN(" a@example.com"));
    value = arena_take(bench.arena, length);
    memset(value, 'x', length);
    for (size_t i = 0; i + 3 < length; i += 70)
        memcpy(value + i, ",\n ", 3);
    bench_field(&bench, "To", span_make(value, length));
    bench_sign(&bench, TEMPLATE("", "From:To"), "From:To");
    bench_check(&bench);
    assert_string_equal(bench_result(&bench, 0), "pass");
    bench_close(&bench);
}

static void
asks_for_each_key_once_and_wants_no_body_in_vain(void **state)
{
    const struct header_field fields[] = {
        {SPAN("From"), SPAN(" a@example.com")},
        {SPAN("DKIM-Signature"),
            SPAN(" v=1; a=rsa-sha256; d=Example.com; s=Sel; h=From; bh=eHg=; b=eHg=")},
        {SPAN("DKIM-Signature"),
            SPAN(" v=1; a=rsa-sha1; d=example.com; s=sel; h=From; bh=eHg=; b=eHg=")},
    };
    const struct dkim_check_options options = {10, false, time(NULL)};
    struct arena *arena = arena_new(CEILING);
    struct dns_table table = {.arena = arena};
    struct dns_lookup lookup = dns_table_lookup(&table);
    struct dkim_check *check = dkim_check_new(library, &options, arena);
    struct author author = {.kind = AUTHOR_BAD};

    (void)state;
    dkim_check_start(check, fields, 3, &author, &lookup);
    assert_int_equal(table.asked, 1);
    assert_string_equal(
        dkim_check_plan(check)->candidates[0].question, "sel._domainkey.example.com");
    dkim_check_begin(check);
    assert_false(dkim_check_wants_body(check));
    dkim_check_body(check, SPAN("body"));
    dkim_check_end(check);
    assert_string_equal(dkim_check_plan(check)->candidates[0].signature.reason, "no key");
    dkim_check_free(check);
    /* And a message that ends early. */
    check = dkim_check_new(library, &options, arena);
    dkim_check_start(check, fields, 3, &author, &lookup);
    dkim_check_free(check);
    dkim_check_free(NULL);
    arena_free(arena);
}

static void *
check_many(void *argument)
{
    bool *good = argument;

    *good = true;
    for (int i = 0; i < 50; i++) {
        struct bench bench;

        bench_open(&bench);
        bench_field(&bench, "From", SPAN(" a@example.com"));
        bench_sign(&bench, TEMPLATE("", "From"), "From");
        bench_sign(&bench, TEMPLATE("", "From:X"), "From");
        if (i % 2 == 1)
            bench_field(&bench, "X", SPAN(" not signed"));
        bench_check(&bench);
        *good &= bench.plan->candidates[0].signature.result ==
                     (i % 2 == 1 ? AUTH_FAIL : AUTH_PASS) &&
                 bench.plan->candidates[1].signature.result == AUTH_PASS;
        bench_close(&bench);
    }
    return NULL;
}

static void
serves_several_threads(void **state)
{
    pthread_t threads[4];
    bool good[ARRAY_LENGTH(threads)];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, check_many, &good[i]), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(good[i]);
    }
}

static int
set_up(void **state)
{
    struct error error;

    (void)state;
    key = dkim_signer_rsa(1024);
    library = dkim_library_new(&error);
    return library == NULL;
}

static int
tear_down(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    dkim_library_free(library);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_a_good_one_beside_bad_ones),
        cmocka_unit_test(survives_a_list_of_all_fields_and_one_more),
        cmocka_unit_test(does_not_care_for_an_odd_from),
        cmocka_unit_test(takes_the_last_field_of_a_name_first),
        cmocka_unit_test(tells_a_field_added_to_an_oversigned_name),
        cmocka_unit_test(hashes_three_body_forms),
        cmocka_unit_test(verifies_what_signs_signatures),
        cmocka_unit_test(verifies_below_a_bad_signature),
        cmocka_unit_test(refuses_a_nul_in_a_signed_field),
        cmocka_unit_test(handles_long_fields),
        cmocka_unit_test(asks_for_each_key_once_and_wants_no_body_in_vain),
        cmocka_unit_test(serves_several_threads),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
