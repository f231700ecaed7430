/*
 * fuzz_plan_entry - what Redis says of a plan: each line is a text, two make a pair of a
 * hash.  Whatever it is, it is a plan, or one sentence says why it is none.
 */
#include "policyd/cutover/plan_entry.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXTS_MAX = 300 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct redis_reply texts[TEXTS_MAX];
    struct plan_entry *entry = plan_entry_new(SPAN("example.com"), 60000);
    struct redis_reply reply = {.kind = REDIS_ARRAY, .elements = texts};
    struct span rest = span_make(data, size);
    struct span line;
    struct plan_opinion opinion;

    while (reply.count < TEXTS_MAX && span_split(&rest, '\n', &line))
        texts[reply.count++] = (struct redis_reply){.kind = REDIS_STRING, .text = line};
    reply.count -= reply.count % 2;
    plan_entry_take_plan(entry, &reply);
    assert(!entry->is_there || !entry->is_bad || entry->problem[0] != '\0');
    assert(entry->is_bad || entry->record.stage <= entry->record.stage_count);
    plan_entry_take_state(entry, &reply);
    plan_entry_take_judges(entry, "gw1", &reply);
    plan_entry_take_probes(entry, &reply);
    plan_entry_take_preflight(entry, &reply);
    assert(entry->preflight.is_there == (reply.count > 0));
    plan_preflight_ask(&entry->preflight, PREFLIGHT_KEPT, (struct plan_local){0, 0},
        1764000000000, &opinion);
    assert((opinion.text[0] != '\0') == entry->preflight.is_there);
    assert(opinion.answer != PLAN_YES || entry->preflight.failed[0] == '\0');
    if (plan_entry_take_counts(entry, SIDE_NEW, 1764000000000, &reply) && reply.count > 0)
        assert(entry->series.count == 1);
    plan_entry_free(entry);
    return 0;
}
