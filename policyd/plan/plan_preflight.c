#include "policyd/plan/plan_preflight.h"

#include <stdio.h>
#include <string.h>

#include "policyd/checks/check.h"
#include "policyd/plan/plan_text.h"
#include "shared/base/number.h"

static const int64_t ahead_s = 5; /* that another host's clock may be */

static void
add_name(char out[PLAN_TEXT_MAX / 2], const char *name)
{
    size_t length = strlen(out);

    (void)snprintf(
        out + length, PLAN_TEXT_MAX / 2 - length, "%s%s", length > 0 ? ", " : "", name);
}

static void
take_time(int64_t *time, struct span value)
{
    uint64_t seconds;

    *time = number_unsigned(value, INT64_MAX / 1000, &seconds) ? (int64_t)seconds : 0;
}

void
plan_preflight_take(struct plan_preflight *kept, struct span name, struct span value)
{
    enum check_name check = check_find(name);
    enum check_result result;

    kept->is_there = true;
    if (span_is(name, "blocking_time"))
        take_time(&kept->blocking_time, value);
    else if (span_is(name, "all_time"))
        take_time(&kept->all_time, value);
    if (check == CHECKS || !check_rows[check].blocks)
        return;
    /* A word that is none of ours was never good. */
    if (!check_result_read(value, &result))
        result = CHECK_UNKNOWN;
    if (result == CHECK_FAIL)
        add_name(kept->failed, check_rows[check].name);
    else if (result == CHECK_UNKNOWN)
        add_name(kept->unknown, check_rows[check].name);
}

void
plan_preflight_ask(const struct plan_preflight *kept, enum plan_preflight_mode mode,
    struct plan_local local, int64_t now_ms, struct plan_opinion *opinion)
{
    int64_t age = now_ms / 1000 - kept->blocking_time;
    char when[PLAN_TIME_MAX];

    *opinion = (struct plan_opinion){.answer = PLAN_NOT_KNOWN};
    if (mode == PREFLIGHT_NEVER || (mode == PREFLIGHT_KEPT && !kept->is_there))
        return;
    plan_text_time(local, now_ms, kept->blocking_time * 1000, when);
    if (kept->blocking_time == 0) {
        plan_text_print(opinion->text, PLAN_TEXT_MAX,
            "the blocking checks have not been looked at yet");
    } else if (kept->failed[0] != '\0') {
        opinion->answer = PLAN_NO;
        plan_text_print(opinion->text, PLAN_TEXT_MAX, "%s %s at %s%s%s", kept->failed,
            strchr(kept->failed, ',') != NULL ? "fail" : "fails", when,
            kept->unknown[0] != '\0' ? "; not known: " : "", kept->unknown);
    } else if (kept->unknown[0] != '\0') {
        plan_text_print(opinion->text, PLAN_TEXT_MAX, "%s could not be asked at %s",
            kept->unknown, when);
    } else if (age > PREFLIGHT_FRESH_S || age < -ahead_s) {
        plan_text_print(opinion->text, PLAN_TEXT_MAX,
            "nothing blocked at %s; looked at again when the stay is nearly over", when);
    } else {
        opinion->answer = PLAN_YES;
        plan_text_print(
            opinion->text, PLAN_TEXT_MAX, "nothing blocks, looked at at %s", when);
    }
}

/* Whether a time lies so far back, or ahead of us, that it counts no more. */
static bool
is_over(int64_t time, int64_t now, int64_t seconds)
{
    return now - time >= seconds || now - time < -ahead_s;
}

enum plan_preflight_due
plan_preflight_due(const struct plan_preflight *kept, enum plan_preflight_mode mode,
    int64_t left_ms, int64_t now)
{
    bool is_good = kept->failed[0] == '\0' && kept->unknown[0] == '\0';

    if (mode == PREFLIGHT_NEVER || (mode == PREFLIGHT_KEPT && !kept->is_there))
        return PREFLIGHT_NOTHING;
    if (is_over(kept->all_time, now, PREFLIGHT_DAY_S) &&
        is_over(kept->blocking_time, now, PREFLIGHT_AGAIN_S))
        return PREFLIGHT_ALL;
    if (left_ms <= PREFLIGHT_AHEAD_S * INT64_C(1000) &&
        is_over(kept->blocking_time, now,
            is_good ? PREFLIGHT_FRESH_S - PREFLIGHT_AHEAD_S : PREFLIGHT_AGAIN_S))
        return PREFLIGHT_BLOCKING;
    return PREFLIGHT_NOTHING;
}
