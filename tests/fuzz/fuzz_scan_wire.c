/*
 * fuzz_scan_wire - a frame that is taken has only harmless text, and is written the same
 * again.
 */
#include "milters/scan/scan_wire.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span frame = span_make(data, size);
    struct scan_result result;
    struct scan_job job;
    struct buffer out;

    buffer_init(&out, SCAN_JOB_MAX);
    if (scan_wire_read_result(frame, &result)) {
        assert(!span_has_control(span_of(result.virus)) &&
               !span_has_control(span_of(result.problem)));
        for (int i = 0; i < SCAN_DOUBTS; i++)
            assert(!span_has_control(span_of(result.what[i])));
        scan_wire_write_result(&result, &out);
        assert(span_equal(buffer_span(&out), frame));
    } else if (scan_wire_read_job(frame, &job)) {
        scan_wire_write_job(&job, &out);
        assert(span_equal(buffer_span(&out), frame));
    }
    buffer_clear(&out);
    return 0;
}
