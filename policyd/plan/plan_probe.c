#include "policyd/plan/plan_probe.h"

#include <inttypes.h>
#include <stdio.h>

enum { OLD_INTERVALS = 3, OLD_MORE_MS = 60000, MINUTE_MS = 60000 };

static void
say(struct plan_opinion *opinion, enum plan_answer answer, const char *side,
    const char *middle, const char *text)
{
    opinion->answer = answer;
    (void)snprintf(
        opinion->text, sizeof(opinion->text), "%s %s%.150s", side, middle, text);
}

/* True: this side has nothing against it. */
static bool
ask_side(const char *domain, const char *side, const struct plan_probe_view *view,
    int64_t now_ms, struct plan_opinion *opinion)
{
    int64_t age_ms = now_ms - view->at_ms;
    char text[PLAN_TEXT_MAX];

    if (view->at_ms == 0) {
        say(opinion, PLAN_NOT_KNOWN, side, "has not been probed yet", "");
    } else if (age_ms > OLD_INTERVALS * view->interval_ms + OLD_MORE_MS) {
        (void)snprintf(
            text, sizeof(text), "%" PRId64 " min ago", age_ms / (int64_t)MINUTE_MS);
        say(opinion, PLAN_NOT_KNOWN, side, "was last probed ", text);
    } else if (view->result == PLAN_PROBE_BAD) {
        say(opinion, PLAN_NO, side, "fails: ", view->text);
    } else if (view->is_changed) {
        (void)snprintf(
            text, sizeof(text), "(postshiftctl probe accept %.80s %s)", domain, side);
        say(opinion, PLAN_NOT_KNOWN, side, "has another certificate than before ", text);
    } else if (view->result == PLAN_PROBE_NONE) {
        say(opinion, PLAN_NOT_KNOWN, side, "puts us off: ", view->text);
    } else {
        return true;
    }
    return false;
}

void
plan_probe_ask(const char *domain, const struct plan_probe_view *new_side,
    const struct plan_probe_view *old_side, int64_t now_ms, struct plan_opinion *opinion)
{
    struct plan_opinion of_old = {.answer = PLAN_YES};
    bool new_is_good = false;
    bool old_is_good =
        !old_side->is_asked || ask_side(domain, "old", old_side, now_ms, &of_old);

    if (new_side->is_asked)
        new_is_good = ask_side(domain, "new", new_side, now_ms, opinion);
    else
        say(opinion, PLAN_NOT_KNOWN, "new", "has no next hop to probe", "");
    if (new_is_good && old_is_good)
        say(opinion, PLAN_YES, old_side->is_asked ? "new and old" : "new",
            old_side->is_asked ? "answer" : "answers", "");
    else if (new_is_good || (of_old.answer == PLAN_NO && opinion->answer != PLAN_NO))
        *opinion = of_old;
}
