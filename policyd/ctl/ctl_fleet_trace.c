#include "policyd/ctl/ctl_fleet_trace.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/ctl/ctl_books.h"
#include "policyd/maillog/reply_class.h"

enum {
    LEGS_MAX = TRACE_LEGS_MAX * 4, /* of a story, over all gateways */
    GROUP_MAX = 1000,              /* stories of one Message-ID that are looked at */
};

/* --- one answer --- */

static bool
read_time(const struct ctl_json *object, const char *name, int64_t *milliseconds)
{
    uint64_t seconds;

    if (!ctl_json_number(object, name, &seconds) || seconds >= (uint64_t)1 << 40)
        return false;
    *milliseconds = (int64_t)seconds * 1000;
    return true;
}

static size_t
length_of(const struct ctl_json *list)
{
    size_t count = 0;

    for (const struct ctl_json *i = list->first; i != NULL; i = i->next)
        count++;
    return count;
}

static bool
find_end(struct span name, enum books_end *end)
{
    for (int i = 0; i < END_COUNT; i++) {
        *end = (enum books_end)i;
        if (span_is(name, ctl_books_end(*end)))
            return true;
    }
    return false;
}

static bool
find_backend(struct span name, enum books_backend *backend)
{
    for (int i = 0; i < BACKEND_COUNT; i++) {
        *backend = (enum books_backend)i;
        if (span_is(name, ctl_books_backend(*backend)))
            return true;
    }
    return false;
}

static enum reply_class
find_class(struct span name)
{
    for (int i = 0; i < REPLY_CLASS_COUNT; i++) {
        if (span_is(name, reply_class_name((enum reply_class)i)))
            return (enum reply_class)i;
    }
    return REPLY_OTHER;
}

static bool
read_recipient(const struct ctl_json *object, struct trace_recipient *recipient)
{
    *recipient = (struct trace_recipient){
        .to = ctl_json_text(object, "to"),
        .orig_to = ctl_json_text(object, "orig_to"),
        .service = ctl_json_text(object, "service"),
        .relay = ctl_json_text(object, "relay"),
        .reply = ctl_json_text(object, "reply"),
        .tls = ctl_json_text(object, "tls"),
        .class = find_class(ctl_json_text(object, "class")),
        .is_maybe = ctl_json_is_true(object, "maybe"),
    };
    return find_end(ctl_json_text(object, "end"), &recipient->end) &&
           find_backend(ctl_json_text(object, "backend"), &recipient->backend) &&
           read_time(object, "time", &recipient->time_ms) &&
           ctl_json_number(object, "attempts", &recipient->attempts) &&
           ctl_json_number(object, "delay_ms", &recipient->delay_ms);
}

static bool
read_leg(struct arena *arena, const struct ctl_json *object, struct trace_leg *leg)
{
    const struct ctl_json *recipients = ctl_json_get(object, "recipients");
    const struct ctl_json *verdicts = ctl_json_get(object, "verdicts");
    uint64_t left_out = 0;

    *leg = (struct trace_leg){
        .queue_id = ctl_json_text(object, "queue_id"),
        .host = ctl_json_text(object, "host"),
        .client = ctl_json_text(object, "client"),
        .login = ctl_json_text(object, "login"),
        .from = ctl_json_text(object, "from"),
        .is_notice = ctl_json_is_true(object, "notice"),
        .is_probe = ctl_json_is_true(object, "probe"),
        .is_held = ctl_json_is_true(object, "held"),
        .refused = ctl_json_text(object, "refused"),
    };
    leg->recipients =
        arena_take(arena, (length_of(recipients) + 1) * sizeof(*leg->recipients));
    leg->verdicts = arena_take(arena, (length_of(verdicts) + 1) * sizeof(*leg->verdicts));
    for (const struct ctl_json *i = recipients->first; i != NULL; i = i->next) {
        if (!read_recipient(i, &leg->recipients[leg->recipient_count++]))
            return false;
    }
    for (const struct ctl_json *i = verdicts->first; i != NULL; i = i->next)
        leg->verdicts[leg->verdict_count++] = i->text;
    if (!ctl_json_number(object, "recipients_left_out", &left_out) ||
        !ctl_json_number(object, "size", &leg->size))
        return false;
    leg->left_out = (size_t)left_out;
    return recipients->kind == CTL_JSON_ARRAY && leg->queue_id.length > 0 &&
           read_time(object, "begun", &leg->begun_ms) &&
           read_time(object, "accepted", &leg->accepted_ms) &&
           read_time(object, "removed", &leg->removed_ms);
}

static bool
read_story(struct arena *arena, const struct ctl_json *object, struct trace_story *story)
{
    const struct ctl_json *legs = ctl_json_get(object, "legs");
    size_t count = length_of(legs);

    *story = (struct trace_story){
        ctl_json_text(object, "message_id"), ctl_json_text(object, "from"), NULL, 0};
    if (legs->kind != CTL_JSON_ARRAY || count == 0 || count > LEGS_MAX)
        return false;
    story->legs = arena_take(arena, count * sizeof(*story->legs));
    for (const struct ctl_json *i = legs->first; i != NULL; i = i->next) {
        if (!read_leg(arena, i, &story->legs[story->leg_count++]))
            return false;
    }
    return true;
}

/* Behind those that are there already. */
static bool
read_answer(struct arena *arena, const struct ctl_json *document,
    struct trace_story *stories, size_t *count)
{
    const struct ctl_json *list = ctl_json_get(document, "stories");
    size_t before = *count;

    if (list->kind != CTL_JSON_ARRAY || length_of(list) > TRACE_STORIES_MAX)
        return false;
    for (const struct ctl_json *i = list->first; i != NULL; i = i->next) {
        if (!read_story(arena, i, &stories[(*count)++])) {
            *count = before;
            return false;
        }
    }
    return true;
}

/* --- one story of two --- */

/* "250 2.0.0 Ok: queued as 4ABC" */
static bool
was_queued_as(struct span reply, struct span queue_id)
{
    size_t at = span_find_text(reply, SPAN("queued as "));
    struct span rest;

    if (at == SPAN_NONE)
        return false;
    rest = span_from(reply, at + sizeof("queued as ") - 1);
    if (!span_starts(rest, queue_id))
        return false;
    return rest.length == queue_id.length ||
           span_find(SPAN(" );,."), rest.data[queue_id.length]) != SPAN_NONE;
}

static bool
leads_to(const struct trace_story *from, const struct trace_story *to)
{
    for (size_t i = 0; i < from->leg_count; i++) {
        for (size_t n = 0; n < from->legs[i].recipient_count; n++) {
            struct span reply = from->legs[i].recipients[n].reply;

            for (size_t leg = 0; leg < to->leg_count; leg++) {
                if (was_queued_as(reply, to->legs[leg].queue_id))
                    return true;
            }
        }
    }
    return false;
}

static int
by_begin(const void *left, const void *right)
{
    const struct trace_leg *a = left;
    const struct trace_leg *b = right;

    if (a->is_notice != b->is_notice)
        return a->is_notice ? 1 : -1;
    return a->begun_ms < b->begun_ms ? -1 : a->begun_ms > b->begun_ms;
}

/* `taken` has no legs any more. */
static void
join(struct arena *arena, struct trace_story *story, struct trace_story *taken)
{
    size_t count = story->leg_count + taken->leg_count;
    struct trace_leg *legs = arena_take(arena, count * sizeof(*legs));

    memcpy(legs, story->legs, story->leg_count * sizeof(*legs));
    memcpy(legs + story->leg_count, taken->legs, taken->leg_count * sizeof(*legs));
    qsort(legs, count, sizeof(*legs), by_begin);
    story->legs = legs;
    story->leg_count = count;
    story->from = legs[0].from.length > 0 ? legs[0].from : story->from;
    taken->leg_count = 0;
}

/* All of one Message-ID, from `first` on; again where something was joined, since it may
 * lead on from there. */
static void
join_group(struct arena *arena, struct trace_story *first, size_t count)
{
    bool again = true;

    while (again) {
        again = false;
        for (size_t i = 0; i < count; i++) {
            for (size_t n = 0; n < count; n++) {
                if (i == n || first[i].leg_count == 0 || first[n].leg_count == 0 ||
                    first[i].leg_count + first[n].leg_count > LEGS_MAX ||
                    !leads_to(&first[i], &first[n]))
                    continue;
                join(arena, &first[i], &first[n]);
                again = true;
            }
        }
    }
}

static int
by_message_id(const void *left, const void *right)
{
    return span_compare(((const struct trace_story *)left)->message_id,
        ((const struct trace_story *)right)->message_id);
}

static int
by_time(const void *left, const void *right)
{
    int64_t a = ((const struct trace_story *)left)->legs[0].begun_ms;
    int64_t b = ((const struct trace_story *)right)->legs[0].begun_ms;

    return a < b ? -1 : a > b;
}

static void
join_all(struct arena *arena, struct trace_story *stories, size_t *count)
{
    size_t kept = 0;

    qsort(stories, *count, sizeof(*stories), by_message_id);
    for (size_t i = 0, n; i < *count; i = n) {
        for (n = i + 1;
             n < *count && span_equal(stories[i].message_id, stories[n].message_id); n++)
            continue;
        if (stories[i].message_id.length > 0 && n - i <= GROUP_MAX)
            join_group(arena, &stories[i], n - i);
    }
    for (size_t i = 0; i < *count; i++) {
        if (stories[i].leg_count > 0)
            stories[kept++] = stories[i];
    }
    *count = kept;
    qsort(stories, *count, sizeof(*stories), by_time);
}

void
ctl_fleet_trace(struct arena *arena, struct fleet *fleet, struct trace_story **stories,
    size_t *count, bool *more)
{
    *stories =
        arena_take(arena, (fleet->count + 1) * TRACE_STORIES_MAX * sizeof(**stories));
    *count = 0;
    *more = false;
    for (size_t i = 0; i < fleet->count; i++) {
        const struct ctl_json *document = fleet->answers[i].document;

        if (document == NULL)
            continue;
        if (read_answer(arena, document, *stories, count))
            *more = *more || ctl_json_is_true(document, "more");
        else
            ctl_fleet_refuse(fleet, i, "its answer is no trace");
    }
    join_all(arena, *stories, count);
}
