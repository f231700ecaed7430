#include "policyd/plan/plan_page.h"

/* A hundredth: canaries by their pins alone are less. */
static const double share_least = 0.01;

static const char *const side_names[DOMAIN_SIDES] = {"old", "new"};

/* --- stages and gates --- */

static void
write_stages(struct json *json, const struct plan_page *page)
{
    const struct plan_record *plan = page->plan;
    bool counts = plan != NULL && plan->since != 0 &&
                  (plan->state == PLAN_RUNNING || plan->state == PLAN_DONE);

    json_array_begin(json, "stages");
    for (size_t i = 0; plan != NULL && i < plan->stage_count; i++) {
        int64_t stay_s = (int64_t)(plan->stages[i].stay_ms / 1000);
        int64_t left_s = plan->since + stay_s - page->now;
        char name[80];

        plan_stage_name(&plan->stages[i], name);
        json_object_begin(json, NULL);
        json_text(json, "name", name);
        json_integer(json, "stay_s", stay_s);
        json_bool(json, "is_over", i + 1 < plan->stage);
        if (counts && i + 1 == plan->stage)
            json_integer(json, "left_s", left_s > 0 ? left_s : 0);
        else
            json_null(json, "left_s");
        json_object_end(json);
    }
    json_array_end(json);
}

static void
write_gates(struct json *json, const struct plan_page *page)
{
    json_array_begin(json, "gates");
    for (size_t i = 0; i < page->gate_count; i++) {
        json_object_begin(json, NULL);
        json_text(json, "name", plan_gate_name(page->gates[i].kind));
        json_text(json, "answer", plan_answer_name(page->gates[i].answer));
        json_text(json, "text", page->gates[i].text);
        json_object_end(json);
    }
    json_array_end(json);
}

static void
write_step(struct json *json, const struct plan_page *page)
{
    const struct plan_record *plan = page->plan;

    if (plan == NULL || plan->step == 0) {
        json_null(json, "step");
    } else {
        json_object_begin(json, "step");
        json_integer(json, "stage", (int64_t)plan->step);
        json_text(json, "by", plan->step_by);
        json_integer(json, "since", plan->step_since);
        json_object_end(json);
    }
    if (page->hook == NULL) {
        json_null(json, "hook");
        return;
    }
    json_object_begin(json, "hook");
    json_text(json, "name", page->hook);
    json_integer(json, "since", page->hook_since);
    json_object_end(json);
}

/* --- figures --- */

/* Where counts begin, unix milliseconds. */
static int64_t
counted_from(const struct plan_page *page)
{
    int64_t from = 1000 * page->now - PLAN_SUCCESS_MS;
    int64_t since = page->plan == NULL ? 0 : 1000 * page->plan->since;

    return since > from ? since : from;
}

/* Null where there is nothing to divide by. */
static void
write_share_of(struct json *json, const char *key, double share)
{
    if (share < 0)
        json_null(json, key);
    else
        json_hundredths(json, key, (int64_t)(share * 10000 + 0.5));
}

static void
write_delay(struct json *json, const char *key, const struct plan_counts *counts)
{
    if (counts->delay_count == 0)
        json_null(json, key);
    else
        json_integer(json, key, (int64_t)(counts->delay_ms / counts->delay_count));
}

static void
write_waiting(struct json *json, const struct plan_page *page, enum domain_side side)
{
    if (page->knows_waiting)
        json_integer(json, "waiting", (int64_t)page->waiting[side]);
    else
        json_null(json, "waiting");
    if (page->knows_waiting && page->oldest[side] != 0)
        json_integer(json, "oldest_s", page->now - page->oldest[side]);
    else
        json_null(json, "oldest_s");
}

static void
write_sides(struct json *json, const struct plan_page *page,
    const struct plan_counts counts[DOMAIN_SIDES])
{
    if (page->series == NULL) {
        json_null(json, "sides");
        json_null(json, "sides_since");
        return;
    }
    json_object_begin(json, "sides");
    for (int side = SIDE_OLD; side < DOMAIN_SIDES; side++) {
        json_object_begin(json, side_names[side]);
        json_integer(json, "delivered", (int64_t)counts[side].ok);
        write_share_of(json, "success", plan_counts_success(&counts[side]));
        write_delay(json, "delay_ms", &counts[side]);
        json_integer(json, "fail", (int64_t)counts[side].fail);
        json_integer(json, "neutral", (int64_t)counts[side].neutral);
        json_integer(json, "rejected", (int64_t)counts[side].rejected);
        json_integer(json, "unknown", (int64_t)counts[side].unknown);
        json_integer(json, "toobig", (int64_t)counts[side].toobig);
        write_waiting(json, page, (enum domain_side)side);
        json_object_end(json);
    }
    json_object_end(json);
    json_integer(json, "sides_since", counted_from(page) / 1000);
}

/* More than a factor of two, where it is more than a few of them. */
static bool
are_apart(double left, double right)
{
    double larger = left > right ? left : right;
    double smaller = left > right ? right : left;

    return smaller >= 0 && larger >= share_least && larger > 2 * smaller;
}

/* Mail beside units, and beside the weight where nobody is on new by a list.  Of a plan
 * that was stopped what was counted is what went before. */
static bool
is_told_apart(const struct plan_page *page, double mail)
{
    const struct domain_state *state = page->state;

    if (page->plan == NULL || state == NULL || state->mode != DOMAIN_MODE_SPLIT ||
        (page->plan->state != PLAN_RUNNING && page->plan->state != PLAN_DONE))
        return false;
    return are_apart(mail, page->units_on_new) ||
           (state->list_count == 0 && are_apart(mail, state->weight / 10000.0));
}

static void
write_shares(struct json *json, const struct plan_page *page,
    const struct plan_counts counts[DOMAIN_SIDES])
{
    uint64_t all = counts[SIDE_OLD].ok + counts[SIDE_NEW].ok;
    double mail = all == 0 ? -1 : (double)counts[SIDE_NEW].ok / (double)all;

    json_object_begin(json, "share");
    write_share_of(json, "mail", mail);
    write_share_of(json, "units", page->units_on_new);
    json_bool(json, "apart", is_told_apart(page, mail));
    json_object_end(json);
}

static void
write_rehearsal(struct json *json, const struct plan_page_rehearsal *rehearsal)
{
    if (rehearsal == NULL) {
        json_null(json, "rehearsal");
        return;
    }
    json_object_begin(json, "rehearsal");
    json_text(json, "stage", rehearsal->stage);
    json_integer(json, "movers", (int64_t)rehearsal->movers);
    json_integer(json, "asked", (int64_t)rehearsal->asked);
    json_integer(json, "clean", (int64_t)rehearsal->clean);
    json_integer(json, "refused", (int64_t)rehearsal->refused);
    json_integer(json, "defers", (int64_t)rehearsal->defers);
    json_integer(json, "cant_tell", (int64_t)rehearsal->cant_tell);
    json_integer(json, "time", rehearsal->time);
    json_text(json, "why", rehearsal->why[0] == '\0' ? NULL : rehearsal->why);
    json_object_end(json);
}

/* Whom the misprovision guard has on old now, and whether it asks. */
static void
write_guard(struct json *json, const struct plan_page *page)
{
    bool is_stopped = page->guard_stopped != NULL && page->guard_stopped[0] != '\0';

    if (!page->knows_pinned) {
        json_null(json, "guard");
        return;
    }
    json_object_begin(json, "guard");
    json_integer(json, "pinned", (int64_t)page->pinned);
    json_integer(json, "unknown", (int64_t)page->unknown);
    json_text(json, "stopped", is_stopped ? page->guard_stopped : NULL);
    json_object_end(json);
}

/* So long is a point, whole slots: all points are the last 24 hours, or, while the plan
 * is younger, what there is of it. */
static int64_t
chart_step(const struct plan_page *page)
{
    const struct plan_series *series = page->series;
    int64_t now_ms = 1000 * page->now;
    int64_t from_ms = series->count > 0 ? series->slots[0].start_ms : now_ms;
    int64_t span_ms = now_ms - from_ms;
    int64_t slots;

    if (span_ms > PLAN_SUCCESS_MS)
        span_ms = PLAN_SUCCESS_MS;
    slots = (span_ms / series->slot_ms + PLAN_PAGE_POINTS) / PLAN_PAGE_POINTS;
    return (slots < 1 ? 1 : slots) * series->slot_ms;
}

enum line { LINE_DELIVERED, LINE_FAIL, LINE_DELAY, LINES };

static void
write_line(
    struct json *json, const struct plan_counts points[PLAN_PAGE_POINTS], enum line line)
{
    static const char *const names[LINES] = {"delivered", "fail", "delay_ms"};

    json_array_begin(json, names[line]);
    for (size_t i = 0; i < PLAN_PAGE_POINTS; i++) {
        if (line == LINE_DELAY)
            write_delay(json, NULL, &points[i]);
        else
            json_integer(
                json, NULL, (int64_t)(line == LINE_FAIL ? points[i].fail : points[i].ok));
    }
    json_array_end(json);
}

static void
write_chart(struct json *json, const struct plan_page *page)
{
    struct plan_counts points[PLAN_PAGE_POINTS];
    int64_t step;
    int64_t end;

    if (page->series == NULL || page->series->slot_ms <= 0) {
        json_null(json, "chart");
        return;
    }
    step = chart_step(page);
    /* A slot that has not ended would look like a fall. */
    end = 1000 * page->now / page->series->slot_ms * page->series->slot_ms;
    json_object_begin(json, "chart");
    json_integer(json, "start", (end - PLAN_PAGE_POINTS * step) / 1000);
    json_double(json, "step_s", (double)step / 1000);
    for (int side = SIDE_OLD; side < DOMAIN_SIDES; side++) {
        for (int i = 0; i < PLAN_PAGE_POINTS; i++)
            plan_series_sum(page->series, (enum domain_side)side,
                end - (PLAN_PAGE_POINTS - i) * step,
                end - (PLAN_PAGE_POINTS - i - 1) * step, &points[i]);
        json_object_begin(json, side_names[side]);
        for (int line = LINE_DELIVERED; line < LINES; line++)
            write_line(json, points, (enum line)line);
        json_object_end(json);
    }
    json_object_end(json);
}

static void
write_events(struct json *json, const struct plan_page *page)
{
    json_array_begin(json, "events");
    for (size_t i = 0; i < page->event_count; i++) {
        const struct plan_page_event *event = &page->events[i];

        json_object_begin(json, NULL);
        json_span(json, "id", event->id);
        json_integer(json, "time", event->time);
        json_span(json, "who", event->who);
        json_span(json, "what", event->what);
        json_span(json, "from", event->from);
        json_span(json, "to", event->to);
        json_span(json, "why", event->why);
        json_object_end(json);
    }
    json_array_end(json);
}

/* --- the whole --- */

static void
write_head(struct json *json, const struct plan_page *page)
{
    const struct plan_record *plan = page->plan;
    char text[PLAN_SENTENCE_MAX];

    json_span(json, "domain", page->domain);
    json_text(json, "state", plan == NULL ? "bad" : plan_state_name(plan->state));
    json_integer(json, "stage", plan == NULL ? 0 : (int64_t)plan->stage);
    if (page->state == NULL)
        json_null(json, "weight");
    else
        json_hundredths(json, "weight", page->state->weight);
    json_text(json, "problem", plan == NULL ? page->problem : NULL);
    plan_page_sentence(page, text);
    json_text(json, "sentence", text);
    plan_page_waits_for(page, text);
    json_text(json, "waits_for", text[0] == '\0' ? NULL : text);
    json_text(json, "why", plan == NULL || plan->why[0] == '\0' ? NULL : plan->why);
    json_bool(json, "edited", plan != NULL && plan->edited);
    if (plan == NULL || plan->since == 0)
        json_null(json, "since");
    else
        json_integer(json, "since", plan->since);
    plan_page_command(page, text);
    json_text(json, "command", text[0] == '\0' ? NULL : text);
}

void
plan_page_write(struct json *json, const struct plan_page *page)
{
    struct plan_counts counts[DOMAIN_SIDES] = {{0}};

    for (int side = SIDE_OLD; page->series != NULL && side < DOMAIN_SIDES; side++)
        plan_series_sum(page->series, (enum domain_side)side, counted_from(page),
            INT64_MAX, &counts[side]);
    json_object_begin(json, NULL);
    write_head(json, page);
    write_stages(json, page);
    write_gates(json, page);
    write_step(json, page);
    write_sides(json, page, counts);
    write_shares(json, page, counts);
    write_guard(json, page);
    write_rehearsal(json, page->rehearsal);
    write_chart(json, page);
    write_events(json, page);
    json_object_end(json);
}
