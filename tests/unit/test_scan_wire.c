/*
 * Frames between the serving process and a worker.
 */
#include "tests/unit/unit.h"

#include "milters/scan/scan_wire.h"
#include "shared/base/attributes.h"

static struct buffer frame = {.ceiling = SCAN_FRAME_MAX};

static void
reads_what_it_wrote(void **state)
{
    static const struct scan_result rows[] = {
        {.status = SCAN_STATUS_CLEAN},
        {    .status = SCAN_STATUS_CLEAN,
         .encrypted = true,
         .limited = true,
         .problem = "MaxFileSize"},
        {                  .status = SCAN_STATUS_INFECTED,                           .virus = "Eicar-Test-Signature.UNOFFICIAL"},
        {.status = SCAN_STATUS_FAILED,                           .problem = "Can't create temporary directory"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct scan_result read;

        buffer_reset(&frame);
        scan_wire_write_result(&rows[i], &frame);
        assert_true(scan_wire_read_result(buffer_span(&frame), &read));
        assert_int_equal(read.status, rows[i].status);
        assert_int_equal(read.encrypted, rows[i].encrypted);
        assert_int_equal(read.limited, rows[i].limited);
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
        {"nothing",                    {"", 0}            },
        {"another kind",               {"X\0\0\0\0", 5}   },
        {"an unknown status",          {"R\3\0\0\0", 5}   },
        {"an unknown flag",            {"R\0\4\0\0", 5}   },
        {"cut",                        {"R\0\0\0", 4}     },
        {"more than there should be",  {"R\0\0\0\0x", 6}  },
        {"a name longer than itself",  {"R\1\0\5ab", 6}   },
        {"infected by nothing",        {"R\1\0\0\0", 5}   },
        {"clean and infected",         {"R\0\0\1a\0", 6}  },
        {"a name with a line end",     {"R\1\0\2a\n\0", 7}},
        {"a name with a NUL",          {"R\1\0\2a\0\0", 7}},
        {"a name that ends a comment", {"R\1\0\2a)\0", 7} },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct scan_result read;

        print_message("# %s\n", rows[i].what);
        assert_false(scan_wire_read_result(rows[i].frame, &read));
    }
}

static void
jobs_and_taken_frames_go_round(void **state)
{
    struct scan_job job = {UINT64_C(0x0102030405060708), 12345};
    struct scan_job read;
    unsigned worker = 0;

    (void)state;
    buffer_reset(&frame);
    scan_wire_write_job(&job, &frame);
    assert_true(scan_wire_read_job(buffer_span(&frame), &read));
    assert_true(read.deadline_ms == job.deadline_ms && read.size == job.size);
    assert_false(
        scan_wire_read_job(span_first(buffer_span(&frame), frame.length - 1), &read));
    assert_false(scan_wire_read_taken(buffer_span(&frame), &worker));
    buffer_reset(&frame);
    scan_wire_write_taken(7, &frame);
    assert_true(scan_wire_read_taken(buffer_span(&frame), &worker));
    assert_int_equal(worker, 7);
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
        cmocka_unit_test(jobs_and_taken_frames_go_round),
        cmocka_unit_test(copies_names_harmlessly),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    buffer_clear(&frame);
    return failed;
}
