#include "policyd/rehearsal/rehearsal_course.h"

#include <stdlib.h>

#include "policyd/rehearsal/rehearsal_course_inside.h"
#include "shared/base/allocate.h"

enum { SECOND_MS = 1000 };

struct rehearsal_course *
rehearsal_course_new(struct hash_key key)
{
    struct rehearsal_course *course = allocate(sizeof(*course));

    rehearsal_people_init(&course->people, key);
    return course;
}

void
rehearsal_course_free(struct rehearsal_course *course)
{
    if (course == NULL)
        return;
    rehearsal_people_clear(&course->people);
    free(course);
}

/* Never asked, or its time has come. */
static bool
is_due(const struct rehearsal_pair *pair, int64_t now_ms)
{
    return pair->asked_ms == 0 || (pair->again_ms != 0 && now_ms >= pair->again_ms);
}

/* --- mail --- */

static void
count(struct rehearsal_course *course, struct rehearsal_person *person,
    const struct rehearsal_mail *mail)
{
    bool is_counted = course->is_counting && mail->number <= course->count_from;

    if (is_counted) {
        person->counting++;
    } else if (mail->number > person->last_message) {
        person->volume++;
        person->after++;
        person->is_changed = true;
    }
    if (mail->number > person->last_message)
        person->last_message = mail->number;
    if (mail->time_ms > person->last_mail_ms)
        person->last_mail_ms = mail->time_ms;
}

/* The latest sender of a domain stands for it, and the largest of its messages. */
static void
write_anew(struct rehearsal_pair *pair, const struct rehearsal_mail *mail)
{
    if (pair->is_asked || pair->needs_null || mail->size <= pair->size)
        return;
    free(pair->sender);
    pair->sender = allocate_text(mail->sender);
    pair->size = mail->size;
}

void
rehearsal_course_mail(
    struct rehearsal_course *course, const struct rehearsal_mail *mail, int64_t now_ms)
{
    struct rehearsal_person *person =
        rehearsal_people_get(&course->people, mail->recipient);
    struct rehearsal_pair *pair;

    if (person == NULL)
        return;
    person->is_changed = person->is_changed || !person->moves;
    person->moves = true;
    person->is_gone = false;
    count(course, person, mail);
    pair = rehearsal_person_find(person, mail->sender);
    /* Of older mail one is enough, so that each is asked about. */
    if (pair == NULL &&
        (mail->time_ms >= now_ms - REHEARSAL_ANEW_MS || person->pairs == NULL))
        pair = rehearsal_person_add(person, mail->sender);
    if (pair == NULL)
        return;
    write_anew(pair, mail);
    if (is_due(pair, now_ms) || (mail->time_ms >= pair->asked_ms + REHEARSAL_ANEW_MS &&
                                    now_ms >= pair->asked_ms + REHEARSAL_ANEW_MS))
        rehearsal_queue_put_last(&course->queue, pair);
}

static void
let_go(struct rehearsal_person *person)
{
    person->is_gone = true;
    person->moves = false;
    person->is_changed = true;
}

void
rehearsal_course_count_begin(struct rehearsal_course *course, int64_t number)
{
    course->is_counting = true;
    course->count_from = number;
    for (size_t i = 0; i < course->people.count; i++) {
        course->people.items[i]->counting = 0;
        course->people.items[i]->after = 0;
        course->people.items[i]->is_late = false;
    }
}

void
rehearsal_course_count_end(struct rehearsal_course *course)
{
    course->is_counting = false;
    for (size_t i = 0; i < course->people.count; i++) {
        struct rehearsal_person *person = course->people.items[i];
        uint64_t volume = person->counting + person->after;

        /* Of one who does not move nothing is given. */
        if (volume == 0 && person->moves && !person->is_late)
            let_go(person);
        person->is_changed = person->is_changed || volume != person->volume;
        person->volume = volume;
    }
}

void
rehearsal_course_sort(struct rehearsal_course *course,
    bool (*moves)(void *argument, struct span recipient), void *argument)
{
    for (size_t i = 0; i < course->people.count; i++) {
        struct rehearsal_person *person = course->people.items[i];
        bool its = !person->is_gone && moves(argument, span_of(person->recipient));

        if (its == person->moves)
            continue;
        person->moves = its;
        person->is_late = its && course->is_counting;
        person->is_changed = true;
    }
}

/* --- questions --- */

/* False: it can't be let go yet. */
static bool
is_idle(const struct rehearsal_person *person)
{
    for (const struct rehearsal_pair *pair = person->pairs; pair != NULL;
         pair = pair->next) {
        if (pair->is_queued || pair->is_asked)
            return false;
    }
    return true;
}

void
rehearsal_course_look(struct rehearsal_course *course, int64_t now_ms)
{
    struct rehearsal_people *people = &course->people;

    for (size_t i = people->count; i > 0; i--) {
        struct rehearsal_person *person = people->items[i - 1];

        if (person->is_gone && !person->is_changed && is_idle(person)) {
            rehearsal_people_remove(people, i - 1);
            continue;
        }
        if (!person->is_gone && person->last_mail_ms < now_ms - REHEARSAL_DAYS_MS)
            let_go(person);
        for (struct rehearsal_pair *pair = person->pairs; pair != NULL;
             pair = pair->next) {
            if (is_due(pair, now_ms))
                rehearsal_queue_put_last(&course->queue, pair);
        }
    }
    if (course->changed_at > people->count)
        course->changed_at = 0;
}

bool
rehearsal_course_next(
    struct rehearsal_course *course, int64_t now_ms, struct rehearsal_question *question)
{
    struct rehearsal_pair *pair;

    if (now_ms < course->stopped_until_ms)
        return false;
    if (now_ms >= course->invent_ms && !rehearsal_queue_is_empty(&course->queue)) {
        course->invent_ms = now_ms + (int64_t)REHEARSAL_INVENT_S * SECOND_MS;
        *question = (struct rehearsal_question){.sender = ""};
        return true;
    }
    pair = rehearsal_queue_take(&course->queue);
    if (pair == NULL)
        return false;
    pair->is_asked = true;
    *question = (struct rehearsal_question){
        pair->person->recipient, pair->needs_null ? "" : pair->sender, pair->size, pair};
    return true;
}

/* --- what outlives the process --- */

struct rehearsal_kept
rehearsal_course_keep(const struct rehearsal_pair *pair)
{
    return (struct rehearsal_kept){
        .recipient = pair->person->recipient,
        .sender = pair->sender,
        .size = pair->size,
        .asked_ms = pair->asked_ms,
        .again_ms = pair->again_ms,
        .deferred = pair->deferred,
        .answer = pair->answer,
        .class = pair->class,
        .times = pair->times,
        .reply = pair->reply == NULL ? "" : pair->reply,
    };
}

void
rehearsal_course_restore(
    struct rehearsal_course *course, const struct rehearsal_kept *kept)
{
    struct rehearsal_person *person =
        rehearsal_people_get(&course->people, span_of(kept->recipient));
    struct rehearsal_pair *pair =
        person == NULL ? NULL : rehearsal_person_add(person, span_of(kept->sender));

    if (pair == NULL)
        return;
    pair->size = kept->size;
    pair->asked_ms = kept->asked_ms;
    pair->again_ms = kept->again_ms;
    pair->deferred = kept->deferred;
    pair->answer = kept->answer;
    pair->class = kept->class;
    pair->times = kept->times;
    rehearsal_pair_set_reply(pair, span_of(kept->reply));
    if (kept->asked_ms > person->last_mail_ms)
        person->last_mail_ms = kept->asked_ms;
}
