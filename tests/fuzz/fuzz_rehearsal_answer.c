/*
 * fuzz_rehearsal_answer - what Redis says of a rehearsal: a value that is understood,
 * written again, says the same; what a server said becomes one line.
 */
#include "policyd/rehearsal/rehearsal_gate.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_result(struct span text)
{
    struct rehearsal_result result;
    struct rehearsal_result again;
    char written[REHEARSAL_TEXT_MAX];

    if (!rehearsal_result_parse(text, &result))
        return;
    assert(result.answer < REHEARSAL_ANSWERS && result.class < REHEARSAL_CLASSES);
    assert(rehearsal_result_class(&result)[0] != '\0');
    rehearsal_result_write(&result, written);
    assert(rehearsal_result_parse(span_of(written), &again));
    assert(again.time == result.time && again.answer == result.answer &&
           again.class == result.class && again.times == result.times &&
           again.volume == result.volume && strcmp(again.reply, result.reply) == 0);
    rehearsal_result_merge(&again, &result);
    assert(again.answer == result.answer && again.volume == 2 * result.volume);
}

static void
try_sum(struct span text)
{
    struct rehearsal_view view = {.gateways = 0};
    const struct plan_stage stage = {.weight = 7000};
    struct plan_opinion opinion = {.text = ""};
    struct rehearsal_sum sum;
    struct rehearsal_sum again;
    char written[REHEARSAL_TEXT_MAX];

    if (!rehearsal_sum_parse(text, &sum))
        return;
    assert(rehearsal_sum_asked(&sum) <= sum.movers);
    rehearsal_sum_write(&sum, written);
    assert(rehearsal_sum_parse(span_of(written), &again));
    assert(again.movers == sum.movers && strcmp(again.stage, sum.stage) == 0 &&
           strcmp(again.why, sum.why) == 0 &&
           memcmp(again.answers, sum.answers, sizeof(sum.answers)) == 0);
    assert(rehearsal_view_add(&view, SPAN("gw1"), text, sum.time));
    assert(rehearsal_view_add(&view, SPAN("gw2"), text, sum.time));
    assert(view.total.movers == 2 * sum.movers);
    rehearsal_gate_ask(&view, &stage, 9500, sum.time, &opinion);
    assert(opinion.text[0] != '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    char line[REHEARSAL_REPLY_MAX + 1];

    try_result(text);
    try_sum(text);
    rehearsal_line(text, line, sizeof(line));
    assert(!span_has_control(span_of(line)));
    return 0;
}
