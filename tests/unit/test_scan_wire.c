/*
 * Frames between the serving process and a worker.
 */
#include "tests/unit/unit.h"

#include "milters/scan/scan_wire.h"
#include "shared/base/attributes.h"

#define SIXTY "123456789012345678901234567890123456789012345678901234567890"

static struct buffer frame = {.ceiling = SCAN_FRAME_MAX};

static void
reads_what_it_wrote(void **state)
{
    static const struct scan_result rows[] = {
        {.status = SCAN_STATUS_CLEAN},
        {.status = SCAN_STATUS_CLEAN,
            .doubted = {[SCAN_LIMITED] = true, [SCAN_ENCRYPTED] = true},
            .what = {[SCAN_LIMITED] = "MaxFileSize"}},
        {.status = SCAN_STATUS_CLEAN,
            .doubted =
                {[SCAN_DAMAGED] = true, [SCAN_UNOPENED] = true, [SCAN_AMBIGUOUS] = true},
            .what = {[SCAN_UNOPENED] = "RAR"}},
        {.status = SCAN_STATUS_INFECTED, .virus = "Eicar-Test-Signature.UNOFFICIAL"},
        {.status = SCAN_STATUS_FAILED, .problem = "Can't create temporary directory"},
        {.status = SCAN_STATUS_LATE},
        {.status = SCAN_STATUS_CLEAN, .worker = 255},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct scan_result read;

        buffer_reset(&frame);
        scan_wire_write_result(&rows[i], &frame);
        assert_true(scan_wire_read_result(buffer_span(&frame), &read));
        assert_int_equal(read.status, rows[i].status);
        assert_int_equal(read.worker, rows[i].worker);
        for (int doubt = 0; doubt < SCAN_DOUBTS; doubt++) {
            assert_int_equal(read.doubted[doubt], rows[i].doubted[doubt]);
            assert_string_equal(read.what[doubt], rows[i].what[doubt]);
        }
        assert_string_equal(read.virus, rows[i].virus);
        assert_string_equal(read.problem, rows[i].problem);
    }
}

static void
refuses_what_no_worker_writes(void **state)
{
    static const struct {
        const char *what;
        struct span frame;
    } rows[] = {
        {"nothing", {"", 0}},
        {"another kind", {"X\0\0\0\0\0\0\0\0", 9}},
        {"an unknown status", {"R\4\0\0\0\0\0\0\0", 9}},
        {"an unknown doubt", {"R\0\x20\0\0\0\0\0\0", 9}},
        {"a doubt without a name's length", {"R\0\1\0\0\0\0\0\0", 9}},
        {"a name too long for a doubt", {"R\0\1\0\0\0\0\0\0\75" SIXTY "1", 71}},
        {"cut", {"R\0\0\0\0\0\0\0", 8}},
        {"more than there should be", {"R\0\0\0\0\0\0\0\0x", 10}},
        {"a name longer than itself", {"R\1\0\0\0\0\0\5ab", 10}},
        {"infected by nothing", {"R\1\0\0\0\0\0\0\0", 9}},
        {"clean and infected", {"R\0\0\0\0\0\0\1a\0", 10}},
        {"a name with a line end", {"R\1\0\0\0\0\0\2a\n\0", 11}},
        {"a name with a NUL", {"R\1\0\0\0\0\0\2a\0\0", 11}},
        {"a name that ends a comment", {"R\1\0\0\0\0\0\2a)\0", 11}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct scan_result read;

        print_message("# %s\n", rows[i].what);
        assert_false(scan_wire_read_result(rows[i].frame, &read));
    }
}

static void
the_first_of_a_kind_gives_a_doubt_its_name(void **state)
{
    struct scan_result result = {.status = SCAN_STATUS_CLEAN};

    (void)state;
    scan_result_doubt(&result, SCAN_LIMITED, "Max(Files)");
    scan_result_doubt(&result, SCAN_LIMITED, "MaxFileSize");
    scan_result_doubt(&result, SCAN_UNOPENED, SIXTY "1");
    assert_true(result.doubted[SCAN_LIMITED] && result.doubted[SCAN_UNOPENED]);
    assert_false(result.doubted[SCAN_DAMAGED]);
    assert_string_equal(result.what[SCAN_LIMITED], "Max_Files_");
    assert_string_equal(result.what[SCAN_UNOPENED], SIXTY);
}

static void
jobs_go_round(void **state)
{
    struct scan_job job = {7, UINT64_C(0x0102030405060708), 5, {"hello", 5}};
    struct scan_job read;

    (void)state;
    buffer_reset(&frame);
    scan_wire_write_job(&job, &frame);
    assert_true(scan_wire_read_job(buffer_span(&frame), &read));
    assert_true(read.number == job.number && read.deadline_ms == job.deadline_ms &&
                read.size == job.size && span_equal(read.octets, job.octets));
    assert_false(
        scan_wire_read_job(span_first(buffer_span(&frame), frame.length - 1), &read));
    buffer_append_octet(&frame, '!');
    assert_false(scan_wire_read_job(buffer_span(&frame), &read));
    /* A large one goes beside it. */
    job = (struct scan_job){8, 9, SCAN_INLINE_MAX + 1, {"", 0}};
    buffer_reset(&frame);
    scan_wire_write_job(&job, &frame);
    assert_true(scan_wire_read_job(buffer_span(&frame), &read));
    assert_true(read.size == job.size && read.octets.length == 0);
    job.size = SCAN_INLINE_MAX;
    buffer_reset(&frame);
    scan_wire_write_job(&job, &frame);
    assert_false(scan_wire_read_job(buffer_span(&frame), &read));
    buffer_reset(&frame);
    job.number = 0;
    scan_wire_write_job(&job, &frame);
    assert_false(scan_wire_read_job(buffer_span(&frame), &read));
}

static void
copies_names_harmlessly(void **state)
{
    char out[SCAN_NAME_MAX + 1];
    char lengthy[1000];

    (void)state;
    scan_name_copy(out, "a b\"c(d)\r\ne\xff,f");
    assert_string_equal(out, "a_b_c_d___e__f");
    scan_text_copy(out, "can't do (that)");
    assert_string_equal(out, "can't do _that_");
    for (size_t i = 0; i < sizeof(lengthy); i++)
        lengthy[i] = 'x';
    lengthy[sizeof(lengthy) - 1] = '\0';
    scan_name_copy(out, lengthy);
    assert_int_equal(span_of(out).length, SCAN_NAME_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(refuses_what_no_worker_writes),
        cmocka_unit_test(the_first_of_a_kind_gives_a_doubt_its_name),
        cmocka_unit_test(jobs_go_round),
        cmocka_unit_test(copies_names_harmlessly),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    buffer_clear(&frame);
    return failed;
}
