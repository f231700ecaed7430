/*
 * Labelled replies: those that the rules may be written on, and those held back, by which
 * the rules are judged.  tests/data/replies has a line each: class, phase, reply.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "policyd/maillog/reply_class.h"
#include "shared/base/attributes.h"

enum { LINE_SIZE = 2048, LONG_REPLY = 100000, ROUNDS = 50 };

struct score {
    unsigned replies[REPLY_CLASS_COUNT];
    unsigned right[REPLY_CLASS_COUNT];
    unsigned policy_as_unknown;
    unsigned all;
    unsigned all_right;
};

static enum reply_class
class_named(struct span name)
{
    for (int class = 0; class < REPLY_CLASS_COUNT; class ++) {
        if (span_is(name, reply_class_name((enum reply_class) class)))
            return (enum reply_class) class;
    }
    fail_msg("no class: %.*s", (int)name.length, name.data);
    return REPLY_OTHER;
}

static void
judge(struct score *score, struct span line)
{
    struct span name;
    struct span phase_name;
    enum maillog_phase phase;
    struct maillog_reply reply;
    enum reply_class wanted;
    enum reply_class got;

    assert_true(span_split(&line, '\t', &name) && span_split(&line, '\t', &phase_name));
    assert_true(maillog_phase_parse(phase_name, &phase));
    wanted = class_named(name);
    maillog_reply_read(line, phase, &reply);
    got = reply_class_of(&reply);
    score->all++;
    score->all_right += got == wanted;
    score->replies[wanted]++;
    score->right[wanted] += got == wanted;
    score->policy_as_unknown += wanted == REPLY_POLICY && got == REPLY_UNKNOWN;
}

static void
judge_file(const char *path, struct score *score)
{
    FILE *file = fopen(path, "r");
    char line[LINE_SIZE];

    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        struct span text = span_trim(span_of(line));

        if (text.length > 0 && text.data[0] != '#')
            judge(score, text);
    }
    assert_int_equal(fclose(file), 0);
}

static double
percent(unsigned some, unsigned all)
{
    return 100.0 * some / all;
}

static void
tell(const char *what, const struct score *score)
{
    print_message("# %s: %.1f %% of %u right\n", what,
        percent(score->all_right, score->all), score->all);
    for (int class = 0; class < REPLY_CLASS_COUNT; class ++)
        print_message("#   %-8s %u of %u\n", reply_class_name((enum reply_class) class),
            score->right[class], score->replies[class]);
}

static void
knows_replies_that_it_never_saw(void **state)
{
    struct score score = {0};

    (void)state;
    judge_file("tests/data/replies/held-back.tsv", &score);
    tell("held back", &score);
    assert_true(score.all >= 300);
    assert_true(percent(score.all_right, score.all) >= 92);
    assert_true(percent(score.right[REPLY_UNKNOWN], score.replies[REPLY_UNKNOWN]) >= 95);
    assert_true(percent(score.policy_as_unknown, score.replies[REPLY_POLICY]) <= 3);
}

static void
knows_those_it_was_written_on(void **state)
{
    struct score score = {0};

    (void)state;
    judge_file("tests/data/replies/known.tsv", &score);
    tell("known", &score);
    assert_true(percent(score.all_right, score.all) >= 96);
}

/* Who is unknown before RCPT is the sender, whatever words say so. */
static void
takes_no_sender_for_a_recipient(void **state)
{
    static const char *const replies[] = {"550 5.1.8 user unknown", "550 no such user",
        "553 5.1.8 domain does not exist", "550 5.1.0 address rejected"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(replies); i++) {
        struct maillog_reply reply;

        maillog_reply_read(span_of(replies[i]), PHASE_MAIL, &reply);
        assert_int_equal(reply_class_of(&reply), REPLY_POLICY);
        maillog_reply_read(span_of(replies[i]), PHASE_RCPT, &reply);
        assert_int_not_equal(reply_class_of(&reply), REPLY_OTHER);
    }
}

/* In any of the alphabets that have it. */
static void
case_does_not_count(void **state)
{
    static const char *const replies[] = {"550 5.2.1 Buz\xc3\xb3n LLENO",
        "550 BO\xc3\x8eTE PLEINE",
        "550 \xd0\x9f\xd0\x95\xd0\xa0\xd0\x95\xd0\x9f\xd0\x9e\xd0\x9b\xd0\x9d\xd0\x95\xd0"
        "\x9d",
        "550 Skrzynka PE\xc5\x81NA", "550 \xff\xc5 mailbox FULL"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(replies); i++) {
        struct maillog_reply reply;

        maillog_reply_read(span_of(replies[i]), PHASE_RCPT, &reply);
        assert_int_equal(reply_class_of(&reply), REPLY_QUOTA);
    }
}

static int64_t
microseconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return ((int64_t)now.tv_sec * 1000000) + (now.tv_nsec / 1000);
}

/* The fastest of many, since others work on this machine as well. */
static int64_t
time_of(const char *reply_text)
{
    int64_t best = INT64_MAX;

    for (int i = 0; i < ROUNDS; i++) {
        int64_t began = microseconds();
        struct maillog_reply reply;

        maillog_reply_read(span_of(reply_text), PHASE_RCPT, &reply);
        (void)reply_class_of(&reply);
        if (microseconds() - began < best)
            best = microseconds() - began;
    }
    return best;
}

static void
is_quick_with_a_reply_of_any_length(void **state)
{
    static const char *const words[] = {"x", "message s", "mailbox d", "recipient ad ",
        "a ", "u ", "s p e r ", "\xd0\xbf", "\xe5\xb7\xb2"};
    static char text[LONG_REPLY + 1];
    int64_t limit = 1000;

    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    limit *= 20;
#endif
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        size_t length = strlen(words[i]);
        int64_t took;

        memset(text, 0, sizeof(text));
        memcpy(text, "550 ", 4);
        for (size_t at = 4; at + length < LONG_REPLY; at += length)
            memcpy(text + at, words[i], length);
        took = time_of(text);
        print_message("# %s: %ld us\n", words[i], (long)took);
        assert_true(took < limit);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_replies_that_it_never_saw),
        cmocka_unit_test(knows_those_it_was_written_on),
        cmocka_unit_test(takes_no_sender_for_a_recipient),
        cmocka_unit_test(case_does_not_count),
        cmocka_unit_test(is_quick_with_a_reply_of_any_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
