#include "policyd/rehearsal/rehearsal_gate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policyd/plan/plan_text.h"
#include "policyd/state/domain_state.h"
#include "shared/base/number.h"

enum { FULL = 10000 };

#define SAY(opinion, its, ...)                                                           \
    do {                                                                                 \
        (opinion)->answer = (its);                                                       \
        plan_text_print((opinion)->text, sizeof((opinion)->text), __VA_ARGS__);          \
    } while (0)

bool
rehearsal_view_add(
    struct rehearsal_view *view, struct span gateway, struct span value, int64_t now)
{
    struct rehearsal_sum *total = &view->total;
    struct rehearsal_sum sum;
    char name[REHEARSAL_GATEWAY_MAX];

    if (span_has_control(gateway) || !span_copy(gateway, name, sizeof(name)) ||
        !rehearsal_sum_parse(value, &sum) || sum.time < now - REHEARSAL_FORGOTTEN_S)
        return false;
    if (view->gateways++ == 0) {
        *total = sum;
        memcpy(view->oldest, name, sizeof(name));
        return true;
    }
    if (strcmp(sum.stage, total->stage) != 0)
        memcpy(view->other, name, sizeof(name));
    if (sum.time < total->time) {
        total->time = sum.time;
        memcpy(view->oldest, name, sizeof(name));
    }
    total->movers += sum.movers;
    for (size_t i = 0; i < REHEARSAL_ANSWERS; i++)
        total->answers[i] += sum.answers[i];
    if (total->why[0] == '\0')
        memcpy(total->why, sum.why, sizeof(sum.why));
    return true;
}

bool
rehearsal_limit_parse(struct span text, bool *is_on, unsigned *limit, struct error *error)
{
    *limit = 0;
    *is_on = !span_is(text, "no");
    return !*is_on || number_percent(text, limit) ||
           error_permanent(error, "\"%.*s\" is neither no nor a percentage (95)",
               (int)span_first(text, 100).length, text.data);
}

/* Whether what they say is of now, and of this stage; else it is said why not. */
static bool
can_be_believed(const struct rehearsal_view *view, const struct plan_stage *stage,
    int64_t now, struct plan_opinion *opinion)
{
    char wanted[REHEARSAL_STAGE_MAX];
    char age[PLAN_TIME_MAX];

    rehearsal_stage_write(stage, wanted);
    if (view->gateways == 0) {
        SAY(opinion, PLAN_NOT_KNOWN,
            "nobody was asked yet: postshift-rehearsal has said nothing");
        return false;
    }
    if (now - view->total.time > REHEARSAL_SILENT_S) {
        plan_text_age((now - view->total.time) * 1000, age);
        SAY(opinion, PLAN_NOT_KNOWN,
            "postshift-rehearsal of %.60s has said nothing for %s", view->oldest, age);
        return false;
    }
    if (view->other[0] != '\0' || strcmp(view->total.stage, wanted) != 0) {
        SAY(opinion, PLAN_NOT_KNOWN, "those who move with %.60s are being found%s%s",
            wanted, view->total.why[0] == '\0' ? "" : "; ", view->total.why);
        return false;
    }
    return true;
}

/* "3 refused, 1 deferred, 2 can't be told, 40 not asked", what there is of it. */
static void
name_rest(const struct rehearsal_sum *sum, char *out, size_t size)
{
    static const struct {
        enum rehearsal_answer answer;
        const char *what;
    } rows[] = {
        {REHEARSAL_REFUSED,   "refused"         },
        {REHEARSAL_DEFERS,    "deferred"        },
        {REHEARSAL_CANT_TELL, "can't be told"   },
        {REHEARSAL_NOT_ASKED, "not asked so far"},
    };
    size_t length = 0;

    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_LENGTH(rows) && length < size; i++) {
        uint64_t count = sum->answers[rows[i].answer];

        if (count > 0)
            length += (size_t)snprintf(out + length, size - length, "%s%" PRIu64 " %s",
                length == 0 ? ": " : ", ", count, rows[i].what);
    }
}

void
rehearsal_gate_ask(const struct rehearsal_view *view, const struct plan_stage *stage,
    unsigned limit, int64_t now, struct plan_opinion *opinion)
{
    const struct rehearsal_sum *sum = &view->total;
    uint64_t bad = sum->answers[REHEARSAL_REFUSED] + sum->answers[REHEARSAL_DEFERS];
    enum plan_answer answer = PLAN_NOT_KNOWN;
    char rest[120];
    char part[PLAN_TIME_MAX];
    char wanted[8];

    if (stage == NULL) {
        SAY(opinion, PLAN_YES, "no stage follows: nobody is to be asked about");
        return;
    }
    if (!can_be_believed(view, stage, now, opinion))
        return;
    if (sum->movers == 0) {
        SAY(opinion, PLAN_NOT_KNOWN,
            "nobody who moves had mail in 7 days that is in the books%s%s",
            sum->why[0] == '\0' ? "" : "; ", sum->why);
        return;
    }
    if (sum->answers[REHEARSAL_FINE] * FULL >= limit * sum->movers)
        answer = PLAN_YES;
    else if ((sum->movers - bad) * FULL < limit * sum->movers)
        answer = PLAN_NO;
    domain_weight_write(limit, wanted);
    plan_text_percent((double)sum->answers[REHEARSAL_FINE] / (double)sum->movers, part);
    name_rest(sum, rest, sizeof(rest));
    SAY(opinion, answer,
        "%s %% of %" PRIu64 " movers with mail in 7 days are clean, %s %% %s%s%s%s", part,
        sum->movers, wanted, answer == PLAN_YES ? "is the limit" : "are wanted", rest,
        answer == PLAN_YES || sum->why[0] == '\0' ? "" : "; ",
        answer == PLAN_YES ? "" : sum->why);
}
