/*
 * fuzz_plan_judge - the judge as text: what is taken is finite and written again is the
 * same; then the rest of the octets as deliveries and failures.
 */
#include "policyd/plan/plan_judge.h"

#include <assert.h>
#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct judge *judge)
{
    assert(isfinite(judge_worse(judge)) && isfinite(judge_fine(judge)));
    (void)judge_answer(judge);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    struct judge_watch watch = {0};
    struct judge judge;
    struct judge again;
    char out[JUDGE_TEXT_MAX];
    int64_t time_ms = 0;

    if (judge_parse(text, &judge)) {
        check(&judge);
        judge_write(&judge, out);
        assert(judge_parse(span_of(out), &again));
        for (size_t i = 0; i < JUDGE_RATIOS; i++)
            assert(judge.worse[i] == again.worse[i]);
        assert(judge.fine == again.fine && judge.failures[0] == again.failures[0]);
        watch.judge = judge;
    }
    for (size_t i = 0; i + 1 < size; i += 2) {
        double share;

        time_ms += ((int64_t)data[i] - 64) * 1000;
        if ((data[i + 1] & 2) != 0)
            judge_watch_delivered(&watch, time_ms, data[i + 1] & 1);
        else
            judge_watch_failed(&watch, time_ms, data[i + 1] & 1, span_from(text, i));
        share = judge_watch_share(&watch, time_ms);
        assert(share == -1 || (share >= 0 && share <= 1));
        check(&watch.judge);
    }
    return 0;
}
