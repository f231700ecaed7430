/*
 * The course of a rehearsal: who is asked about next and when again, what the answers
 * come to, what is told.
 */
#include "tests/unit/unit.h"

#include "policyd/rehearsal/rehearsal_course.h"
#include "shared/base/attributes.h"

#include <stdio.h>
#include <string.h>

#define NOW INT64_C(1764000000000)
#define SECOND INT64_C(1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

/* A course at a time. */
struct scene {
    struct rehearsal_course *course;
    int64_t now;
    int64_t number; /* of the last message */
    struct rehearsal_question question;
};

static int
begin(void **state)
{
    static struct scene scene;

    scene = (struct scene){
        .course = rehearsal_course_new((struct hash_key){1, 2}), .now = NOW};
    *state = &scene;
    return 0;
}

static int
end(void **state)
{
    const struct scene *scene = *state;

    rehearsal_course_free(scene->course);
    return 0;
}

static void
mail(struct scene *scene, const char *recipient, const char *sender, uint64_t size,
    int64_t age)
{
    const struct rehearsal_mail one = {.recipient = span_of(recipient),
        .sender = span_of(sender),
        .size = size,
        .time_ms = scene->now - age,
        .number = ++scene->number};

    rehearsal_course_mail(scene->course, &one, scene->now);
}

static bool
next(struct scene *scene)
{
    return rehearsal_course_next(scene->course, scene->now, &scene->question);
}

static void
hear(struct scene *scene, enum rehearsal_heard heard, enum maillog_phase phase,
    const char *text)
{
    struct rehearsal_reply reply = {.heard = heard, .phase = phase, .text = text};

    if (heard == REHEARSAL_HEARD_REPLY)
        (void)sscanf(text, "%3u", &reply.code);
    rehearsal_course_answered(scene->course, &scene->question, &reply, scene->now);
}

static void
say(struct scene *scene, const char *text)
{
    hear(scene, REHEARSAL_HEARD_REPLY, PHASE_RCPT, text);
}

/* Nobody is asked about, and is not there. */
static void
refuse_nobody(struct scene *scene)
{
    assert_true(next(scene));
    assert_null(scene->question.recipient);
    assert_string_equal(scene->question.sender, "");
    say(scene, "550 5.1.1 nobody of that name");
}

static void
pass(struct scene *scene, int64_t time)
{
    scene->now += time;
    rehearsal_course_look(scene->course, scene->now);
}

static struct rehearsal_result
result_of(struct scene *scene, const char *wanted)
{
    struct rehearsal_result result;
    struct rehearsal_result found = {.answer = REHEARSAL_ANSWERS};
    const char *recipient;
    bool is_there;

    rehearsal_course_tell_all(scene->course);
    while (rehearsal_course_change(
        scene->course, scene->now, &recipient, &is_there, &result)) {
        if (strcmp(recipient, wanted) == 0)
            found = result;
    }
    return found;
}

static struct rehearsal_sum
sum_of(const struct scene *scene)
{
    struct rehearsal_sum sum;

    rehearsal_course_sum(scene->course, scene->now, &sum);
    return sum;
}

static void
nobody_is_asked_about_first(void **state)
{
    struct scene *scene = *state;

    assert_false(next(scene));
    mail(scene, "a@example.com", "s@example.net", 1234, 0);
    refuse_nobody(scene);
    assert_true(next(scene));
    assert_string_equal(scene->question.recipient, "a@example.com");
    assert_string_equal(scene->question.sender, "s@example.net");
    assert_int_equal(scene->question.size, 1234);
    say(scene, "250 2.1.5 ok");
    assert_false(next(scene));
    assert_int_equal(sum_of(scene).answers[REHEARSAL_FINE], 1);
}

static void
a_pair_is_asked_about_once_a_day(void **state)
{
    struct scene *scene = *state;

    mail(scene, "a@example.com", "s@example.net", 100, 0);
    mail(scene, "a@example.com", "t@EXAMPLE.net", 900, 0);
    refuse_nobody(scene);
    assert_true(next(scene));
    /* The same domain is one, and its largest message is asked with. */
    assert_int_equal(scene->question.size, 900);
    assert_string_equal(scene->question.sender, "t@EXAMPLE.net");
    say(scene, "250 ok");
    mail(scene, "a@example.com", "s@example.net", 100, 0);
    assert_false(next(scene));
    mail(scene, "a@example.com", "s@other.example", 100, 0);
    assert_true(next(scene));
    say(scene, "250 ok");
    pass(scene, 23 * HOUR);
    mail(scene, "a@example.com", "s@example.net", 100, 0);
    assert_false(next(scene)); /* nor is nobody, where there is nobody else */
}

static void
a_day_later_mail_asks_anew(void **state)
{
    struct scene *scene = *state;

    mail(scene, "a@example.com", "s@example.net", 100, 0);
    refuse_nobody(scene);
    assert_true(next(scene));
    say(scene, "250 ok");
    pass(scene, DAY + SECOND);
    assert_false(next(scene));
    mail(scene, "a@example.com", "s@example.net", 100, 0);
    refuse_nobody(scene);
    assert_true(next(scene));
    assert_string_equal(scene->question.recipient, "a@example.com");
}

static void
those_of_whom_nothing_is_known_go_first(void **state)
{
    struct scene *scene = *state;

    mail(scene, "a@example.com", "s@one.example", 1, 0);
    mail(scene, "a@example.com", "s@two.example", 1, 0);
    mail(scene, "b@example.com", "s@one.example", 1, 0);
    refuse_nobody(scene);
    assert_true(next(scene));
    assert_string_equal(scene->question.recipient, "a@example.com");
    say(scene, "250 ok");
    assert_true(next(scene));
    assert_string_equal(scene->question.recipient, "b@example.com");
    say(scene, "250 ok");
    assert_true(next(scene));
    assert_string_equal(scene->question.sender, "s@two.example");
}

static void
a_refusal_is_asked_again_with_the_null_sender(void **state)
{
    static const struct {
        enum maillog_phase phase;
        const char *first;
        const char *second;
        const char *class;
    } rows[] = {
        {PHASE_RCPT, "550 5.1.1 no such user", "550 5.1.1 no such user", "unknown"},
        {PHASE_RCPT, "550 5.4.1 Recipient address rejected: Access denied", "550 5.4.1 x",
            "unknown"},
        {PHASE_RCPT, "553 5.3.0 <x>... User Unknown", "553 5.3.0 User Unknown",
            "unknown"},
        {PHASE_RCPT, "552 5.2.2 Mailbox full, over quota", "552 5.2.2 full", "quota"},
        {PHASE_MAIL, "552 5.3.4 message too big", "552 5.3.4 too big", "size"},
        {PHASE_MAIL, "550 5.7.1 sender rejected", "250 2.1.5 ok", "sender"},
        {PHASE_RCPT, "550 5.7.1 not from you", "250 2.1.5 ok", "sender"},
        {PHASE_RCPT, "550 5.1.1 no such user", "451 4.7.1 later", "unknown"},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct scene *scene = *state;
        struct rehearsal_result result;

        mail(scene, "a@example.com", "s@example.net", 100, 0);
        mail(scene, "b@example.com", "s@example.net", 100, 0);
        refuse_nobody(scene);
        assert_true(next(scene));
        hear(scene, REHEARSAL_HEARD_REPLY, rows[i].phase, rows[i].first);
        assert_true(next(scene));
        assert_string_equal(scene->question.recipient, "a@example.com");
        assert_string_equal(scene->question.sender, "");
        assert_int_equal(scene->question.size, 100);
        say(scene, rows[i].second);
        result = result_of(scene, "a@example.com");
        assert_int_equal(result.answer, REHEARSAL_REFUSED);
        assert_string_equal(rehearsal_result_class(&result), rows[i].class);
        assert_string_equal(result.reply, rows[i].first);
        assert_int_equal(result.times, 1);
        (void)end(state);
        (void)begin(state);
    }
}

static void
the_null_sender_itself_is_not_asked_again(void **state)
{
    struct scene *scene = *state;

    mail(scene, "a@example.com", "", 100, 0);
    refuse_nobody(scene);
    assert_true(next(scene));
    say(scene, "550 5.1.1 no such user");
    assert_false(next(scene));
}

static void
a_deferral_is_asked_again_each_hour_three_times(void **state)
{
    struct scene *scene = *state;
    struct rehearsal_result result;

    mail(scene, "a@example.com", "s@example.net", 100, 0);
    refuse_nobody(scene);
    assert_true(next(scene));
    say(scene, "451 4.7.1 Greylisting");
    for (int i = 0; i < 3; i++) {
        pass(scene, HOUR - SECOND);
        assert_false(next(scene));
        pass(scene, 2 * SECOND);
        refuse_nobody(scene);
        assert_true(next(scene));
        say(scene, "451 4.7.1 Greylisting");
    }
    result = result_of(scene, "a@example.com");
    assert_int_equal(result.answer, REHEARSAL_DEFERS);
    assert_int_equal(result.times, 4);
    assert_string_equal(rehearsal_result_class(&result), "defers");
    pass(scene, 23 * HOUR);
    assert_false(next(scene));
    pass(scene, HOUR + SECOND);
    refuse_nobody(scene);
    assert_true(next(scene));
    say(scene, "250 ok");
    assert_int_equal(result_of(scene, "a@example.com").answer, REHEARSAL_FINE);
}

static void
without_an_answer_it_stops_and_comes_again(void **state)
{
    struct scene *scene = *state;
    struct rehearsal_sum sum;

    mail(scene, "a@example.com", "s@example.net", 100, 0);
    mail(scene, "b@example.com", "s@example.net", 100, 0);
    refuse_nobody(scene);
    assert_true(next(scene));
    hear(scene, REHEARSAL_HEARD_NOTHING, PHASE_RCPT, "421 4.7.0 too many");
    assert_false(next(scene));
    sum = sum_of(scene);
    assert_string_equal(sum.why, "new: 421 4.7.0 too many; asked again in 300 s");
    assert_int_equal(sum.answers[REHEARSAL_CANT_TELL], 1);
    assert_int_equal(sum.answers[REHEARSAL_NOT_ASKED], 1);
    pass(scene, REHEARSAL_STOP_S * SECOND);
    /* That one stands last. */
    assert_true(next(scene));
    assert_string_equal(scene->question.recipient, "b@example.com");
    say(scene, "250 ok");
    for (int i = 0; i < 2; i++) {
        assert_true(next(scene));
        assert_string_equal(scene->question.recipient, "a@example.com");
        hear(scene, REHEARSAL_HEARD_NOTHING, PHASE_RCPT, "connection refused");
        pass(scene, REHEARSAL_STOP_S * SECOND);
    }
    /* Three times: it rests, so that it doesn't stop all others for ever. */
    assert_false(next(scene));
    pass(scene, DAY);
    refuse_nobody(scene);
    assert_true(next(scene));
}

static void
what_is_known_outlives_a_silence(void **state)
{
    struct scene *scene = *state;

    mail(scene, "a@example.com", "", 100, 0);
    refuse_nobody(scene);
    assert_true(next(scene));
    say(scene, "550 5.1.1 no such user");
    pass(scene, DAY);
    refuse_nobody(scene);
    assert_true(next(scene));
    hear(scene, REHEARSAL_HEARD_NOTHING, PHASE_RCPT, "connection refused");
    assert_int_equal(result_of(scene, "a@example.com").answer, REHEARSAL_REFUSED);
}

static void
who_takes_nobody_takes_anybody(void **state)
{
    struct scene *scene = *state;

    mail(scene, "a@example.com", "s@example.net", 100, 0);
    mail(scene, "b@example.com", "s@example.net", 100, 0);
    assert_true(next(scene));
    say(scene, "250 ok");
    assert_true(next(scene));
    say(scene, "250 ok");
    assert_int_equal(sum_of(scene).answers[REHEARSAL_CANT_TELL], 1);
    assert_string_equal(sum_of(scene).why, "new takes an address that nobody has");
    assert_int_equal(result_of(scene, "a@example.com").answer, REHEARSAL_CANT_TELL);
    /* An hour later it has a list. */
    pass(scene, HOUR);
    refuse_nobody(scene);
    assert_int_equal(result_of(scene, "a@example.com").answer, REHEARSAL_FINE);
}

static void
of_several_senders_the_worst_answer_counts(void **state)
{
    struct scene *scene = *state;
    struct rehearsal_result result;

    mail(scene, "a@example.com", "s@one.example", 100, 0);
    mail(scene, "a@example.com", "", 100, 0);
    refuse_nobody(scene);
    assert_true(next(scene));
    say(scene, "250 ok");
    assert_true(next(scene));
    say(scene, "550 5.1.1 no such user");
    result = result_of(scene, "a@example.com");
    assert_int_equal(result.answer, REHEARSAL_REFUSED);
    assert_int_equal(result.volume, 2);
    assert_int_equal(sum_of(scene).movers, 1);
}

static void
of_old_mail_one_sender_is_enough(void **state)
{
    struct scene *scene = *state;

    rehearsal_course_count_begin(scene->course, 100);
    mail(scene, "a@example.com", "s@one.example", 100, 3 * DAY);
    mail(scene, "a@example.com", "s@two.example", 100, 4 * DAY);
    rehearsal_course_count_end(scene->course);
    refuse_nobody(scene);
    assert_true(next(scene));
    assert_string_equal(scene->question.sender, "s@one.example");
    say(scene, "250 ok");
    assert_false(next(scene));
    assert_int_equal(result_of(scene, "a@example.com").volume, 2);
}

static void
a_message_that_is_read_twice_counts_once(void **state)
{
    struct scene *scene = *state;

    mail(scene, "a@example.com", "s@one.example", 100, 0);
    scene->number = 0;
    mail(scene, "a@example.com", "s@one.example", 100, 0);
    assert_int_equal(result_of(scene, "a@example.com").volume, 1);
    /* A count anew, and what came meanwhile. */
    rehearsal_course_count_begin(scene->course, 1);
    scene->number = 1;
    mail(scene, "a@example.com", "s@one.example", 100, 0);
    scene->number = 0;
    mail(scene, "a@example.com", "s@one.example", 100, 0);
    rehearsal_course_count_end(scene->course);
    assert_int_equal(result_of(scene, "a@example.com").volume, 2);
}

static bool
only_b(void *argument, struct span recipient)
{
    (void)argument;
    return span_is(recipient, "b@example.com");
}

static void
who_no_longer_moves_is_not_asked_and_taken_back(void **state)
{
    struct scene *scene = *state;
    struct rehearsal_result result;
    const char *recipient;
    bool is_there = true;

    mail(scene, "a@example.com", "s@one.example", 100, 0);
    mail(scene, "b@example.com", "s@one.example", 100, 0);
    while (rehearsal_course_change(
        scene->course, scene->now, &recipient, &is_there, &result))
        assert_true(is_there);
    rehearsal_course_sort(scene->course, only_b, NULL);
    assert_true(rehearsal_course_change(
        scene->course, scene->now, &recipient, &is_there, &result));
    assert_string_equal(recipient, "a@example.com");
    assert_false(is_there);
    refuse_nobody(scene);
    assert_true(next(scene));
    assert_string_equal(scene->question.recipient, "b@example.com");
    assert_false(next(scene));
    assert_int_equal(sum_of(scene).movers, 1);
}

static void
a_week_without_mail_ends_it(void **state)
{
    struct scene *scene = *state;
    struct rehearsal_result result;
    const char *recipient;
    bool is_there;

    mail(scene, "a@example.com", "s@one.example", 100, 0);
    refuse_nobody(scene);
    assert_true(next(scene));
    say(scene, "250 ok");
    while (rehearsal_course_change(
        scene->course, scene->now, &recipient, &is_there, &result)) {
    }
    pass(scene, 7 * DAY + SECOND);
    assert_int_equal(sum_of(scene).movers, 0);
    assert_true(rehearsal_course_change(
        scene->course, scene->now, &recipient, &is_there, &result));
    assert_false(is_there);
    pass(scene, SECOND);
    assert_false(rehearsal_course_change(
        scene->course, scene->now, &recipient, &is_there, &result));
    rehearsal_course_tell_all(scene->course);
    assert_false(rehearsal_course_change(
        scene->course, scene->now, &recipient, &is_there, &result));
}

static void
who_is_no_more_in_the_books_is_let_go(void **state)
{
    struct scene *scene = *state;
    struct rehearsal_result result;
    const char *recipient;
    bool is_there = true;

    mail(scene, "a@example.com", "s@one.example", 100, 0);
    while (rehearsal_course_change(
        scene->course, scene->now, &recipient, &is_there, &result)) {
    }
    assert_false(rehearsal_course_is_gone(scene->course, SPAN("a@example.com")));
    rehearsal_course_count_begin(scene->course, 100);
    rehearsal_course_count_end(scene->course);
    assert_true(rehearsal_course_is_gone(scene->course, SPAN("a@example.com")));
    assert_true(rehearsal_course_change(
        scene->course, scene->now, &recipient, &is_there, &result));
    assert_false(is_there);
    assert_false(next(scene));
}

static bool
all(void *argument, struct span recipient)
{
    (void)argument;
    (void)recipient;
    return true;
}

static void
what_was_kept_is_not_asked_again(void **state)
{
    struct scene *scene = *state;
    struct rehearsal_kept kept = {
        .recipient = "a@example.com",
        .sender = "s@one.example",
        .asked_ms = NOW - HOUR,
        .again_ms = NOW + 23 * HOUR,
        .answer = REHEARSAL_REFUSED,
        .class = REPLY_QUOTA,
        .times = 2,
        .reply = "552 full",
    };
    struct rehearsal_result result;

    rehearsal_course_restore(scene->course, &kept);
    rehearsal_course_sort(scene->course, all, NULL);
    mail(scene, "a@example.com", "s@one.example", 100, 0);
    pass(scene, SECOND);
    assert_false(next(scene));
    result = result_of(scene, "a@example.com");
    assert_string_equal(rehearsal_result_class(&result), "quota");
    assert_int_equal(result.times, 2);
    pass(scene, 23 * HOUR);
    refuse_nobody(scene);
    assert_true(next(scene));
    kept = rehearsal_course_keep(scene->question.pair);
    assert_string_equal(kept.sender, "s@one.example");
    assert_string_equal(kept.reply, "552 full");
}

static void
more_than_there_is_room_for_is_said(void **state)
{
    struct scene *scene = *state;
    char name[40];

    for (int i = 0; i <= REHEARSAL_PEOPLE_MAX; i++) {
        (void)snprintf(name, sizeof(name), "p%d@example.com", i);
        mail(scene, name, "s@one.example", 100, 0);
    }
    for (int i = 0; i <= REHEARSAL_PAIRS_MAX; i++) {
        (void)snprintf(name, sizeof(name), "s@n%d.example", i);
        mail(scene, "p0@example.com", name, 100, 0);
    }
    assert_int_equal(sum_of(scene).movers, REHEARSAL_PEOPLE_MAX);
    assert_string_equal(
        sum_of(scene).why, "more than 50000 had mail: the others are not asked about");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_is_asked_about_first),
        TEST(a_pair_is_asked_about_once_a_day),
        TEST(a_day_later_mail_asks_anew),
        TEST(those_of_whom_nothing_is_known_go_first),
        TEST(a_refusal_is_asked_again_with_the_null_sender),
        TEST(the_null_sender_itself_is_not_asked_again),
        TEST(a_deferral_is_asked_again_each_hour_three_times),
        TEST(without_an_answer_it_stops_and_comes_again),
        TEST(what_is_known_outlives_a_silence),
        TEST(who_takes_nobody_takes_anybody),
        TEST(of_several_senders_the_worst_answer_counts),
        TEST(of_old_mail_one_sender_is_enough),
        TEST(a_message_that_is_read_twice_counts_once),
        TEST(who_no_longer_moves_is_not_asked_and_taken_back),
        TEST(a_week_without_mail_ends_it),
        TEST(who_is_no_more_in_the_books_is_let_go),
        TEST(what_was_kept_is_not_asked_again),
        TEST(more_than_there_is_room_for_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
