/* What answers mean, and what came of them: a part of rehearsal_course. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policyd/plan/plan_text.h"
#include "policyd/rehearsal/rehearsal_course_inside.h"

enum { SECOND_MS = 1000, UNHEARD_MAX = 3 };

#define TAKES_ALL "new takes an address that nobody has"

/* --- answers --- */

static void
stop(struct rehearsal_course *course, const char *why, int64_t now_ms)
{
    course->stopped_until_ms = now_ms + (int64_t)REHEARSAL_STOP_S * SECOND_MS;
    rehearsal_line(span_of(why), course->stopped, sizeof(course->stopped));
}

static unsigned
class_of(const struct rehearsal_reply *reply)
{
    struct maillog_reply said;

    maillog_reply_read(span_of(reply->text), reply->phase, &said);
    return reply_class_of(&said);
}

/* The answer to the real sender; `again_ms` 0: not without new mail. */
static void
settle(struct rehearsal_pair *pair, enum rehearsal_answer answer, unsigned class,
    const char *text, int64_t now_ms, int64_t again_ms)
{
    pair->times = pair->answer == answer && pair->class == class ? pair->times + 1 : 1;
    pair->answer = answer;
    pair->class = class;
    pair->asked_ms = now_ms;
    pair->again_ms = again_ms;
    pair->person->is_changed = true;
    rehearsal_pair_set_reply(pair, span_of(text));
}

static void
take_reply(struct rehearsal_course *course, struct rehearsal_pair *pair,
    const struct rehearsal_reply *reply, int64_t now_ms)
{
    unsigned hundreds = reply->code / 100;
    bool has_more;

    pair->unheard = 0;
    if (hundreds == 2) {
        pair->deferred = 0;
        settle(pair, REHEARSAL_FINE, REHEARSAL_NO_CLASS, "", now_ms, 0);
    } else if (hundreds == 5) {
        pair->deferred = 0;
        settle(pair, REHEARSAL_REFUSED, class_of(reply), reply->text, now_ms,
            now_ms + REHEARSAL_ANEW_MS);
        pair->needs_null = pair->sender[0] != '\0';
        if (pair->needs_null)
            rehearsal_queue_put_first(&course->queue, pair);
    } else {
        has_more = pair->deferred++ < REHEARSAL_RETRIES;
        settle(pair, REHEARSAL_DEFERS, class_of(reply), reply->text, now_ms,
            now_ms +
                (has_more ? (int64_t)REHEARSAL_RETRY_S * SECOND_MS : REHEARSAL_ANEW_MS));
        if (!has_more)
            pair->deferred = 0;
    }
}

/* The mailbox takes mail: it was the sender.  Any other answer leaves it as it is. */
static void
take_null_reply(struct rehearsal_pair *pair, const struct rehearsal_reply *reply)
{
    pair->needs_null = false;
    if (reply->heard != REHEARSAL_HEARD_REPLY || reply->code / 100 != 2)
        return;
    pair->class = REHEARSAL_SENDER;
    pair->person->is_changed = true;
}

static void
take_silence(struct rehearsal_course *course, struct rehearsal_pair *pair,
    const struct rehearsal_reply *reply, int64_t now_ms)
{
    bool rests = ++pair->unheard >= UNHEARD_MAX;

    if (rests || pair->answer == REHEARSAL_NOT_ASKED ||
        pair->answer == REHEARSAL_CANT_TELL)
        settle(pair, REHEARSAL_CANT_TELL, REHEARSAL_NO_CLASS, reply->text, now_ms,
            now_ms + (rests ? REHEARSAL_ANEW_MS : 0));
    if (rests)
        pair->unheard = 0;
    else
        rehearsal_queue_put_last(&course->queue, pair);
}

static void
take_invented(struct rehearsal_course *course, const struct rehearsal_reply *reply)
{
    bool takes_all = reply->code / 100 == 2;

    /* A 4xx tells nothing of it. */
    if (reply->heard != REHEARSAL_HEARD_REPLY || reply->code / 100 == 4 ||
        takes_all == course->takes_all)
        return;
    course->takes_all = takes_all;
    rehearsal_course_tell_all(course);
}

void
rehearsal_course_answered(struct rehearsal_course *course,
    const struct rehearsal_question *question, const struct rehearsal_reply *reply,
    int64_t now_ms)
{
    struct rehearsal_pair *pair = question->pair;

    if (reply->heard == REHEARSAL_HEARD_NOTHING)
        stop(course, reply->text, now_ms);
    if (pair == NULL) {
        if (reply->heard == REHEARSAL_HEARD_NOTHING)
            course->invent_ms = 0;
        take_invented(course, reply);
        return;
    }
    pair->is_asked = false;
    if (pair->needs_null)
        take_null_reply(pair, reply);
    else if (reply->heard == REHEARSAL_HEARD_REPLY)
        take_reply(course, pair, reply, now_ms);
    else if (reply->heard == REHEARSAL_HEARD_UNSAID)
        settle(pair, REHEARSAL_CANT_TELL, REHEARSAL_NO_CLASS, reply->text, now_ms,
            now_ms + REHEARSAL_ANEW_MS);
    else
        take_silence(course, pair, reply, now_ms);
}

/* --- what came of it --- */

/* What new takes tells nothing where it takes all. */
static enum rehearsal_answer
shown(const struct rehearsal_course *course, enum rehearsal_answer answer)
{
    return answer == REHEARSAL_FINE && course->takes_all ? REHEARSAL_CANT_TELL : answer;
}

void
rehearsal_course_sum(
    const struct rehearsal_course *course, int64_t now_ms, struct rehearsal_sum *sum)
{
    memset(sum->answers, 0, sizeof(sum->answers));
    sum->movers = 0;
    sum->why[0] = '\0';
    for (size_t i = 0; i < course->people.count; i++) {
        const struct rehearsal_person *person = course->people.items[i];

        if (!person->moves)
            continue;
        sum->movers++;
        sum->answers[shown(
            course, rehearsal_person_answer(person, now_ms - REHEARSAL_DAYS_MS))]++;
    }
    if (now_ms < course->stopped_until_ms)
        plan_text_print(sum->why, sizeof(sum->why),
            "new: %.150s; asked again in %" PRId64 " s", course->stopped,
            (course->stopped_until_ms - now_ms) / SECOND_MS);
    else if (course->takes_all)
        plan_text_print(sum->why, sizeof(sum->why), "%s", TAKES_ALL);
    else if (course->people.left_out > 0)
        plan_text_print(sum->why, sizeof(sum->why),
            "more than %d had mail: the others are not asked about",
            REHEARSAL_PEOPLE_MAX);
}

bool
rehearsal_course_change(struct rehearsal_course *course, int64_t now_ms,
    const char **recipient, bool *is_there, struct rehearsal_result *result)
{
    const struct rehearsal_people *people = &course->people;

    for (size_t i = 0; i < people->count; i++) {
        struct rehearsal_person *person =
            people->items[course->changed_at % people->count];

        course->changed_at = (course->changed_at + 1) % people->count;
        if (!person->is_changed)
            continue;
        person->is_changed = false;
        *recipient = person->recipient;
        *is_there = person->moves;
        rehearsal_person_result(person, now_ms - REHEARSAL_DAYS_MS, result);
        if (shown(course, result->answer) != result->answer) {
            result->answer = REHEARSAL_CANT_TELL;
            (void)snprintf(result->reply, sizeof(result->reply), "%s", TAKES_ALL);
        }
        return true;
    }
    return false;
}

bool
rehearsal_course_is_gone(const struct rehearsal_course *course, struct span recipient)
{
    const struct rehearsal_person *person =
        rehearsal_people_find(&course->people, recipient);

    return person == NULL || person->is_gone;
}

void
rehearsal_course_tell_all(struct rehearsal_course *course)
{
    for (size_t i = 0; i < course->people.count; i++)
        course->people.items[i]->is_changed = true;
}
