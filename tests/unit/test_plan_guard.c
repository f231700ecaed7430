/*
 * The misprovision guard in worlds of two backends: whom it asks, how often, and what it
 * finds.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "policyd/plan/plan_alike.h"
#include "policyd/plan/plan_asked.h"
#include "policyd/plan/plan_guard.h"
#include "shared/base/attributes.h"

enum { STEP_MS = 20, MINUTE_MS = 60000, HOUR_MS = 3600000, ANSWER_MS = 100 };

#define UNKNOWN "550 5.1.1 no such user"
#define RELAY "554 5.7.1 Unable to relay"

/* By the first letters of an address: what both say to RCPT of it from nobody. */
struct people {
    const char *start; /* NULL ends them */
    enum guard_answer of_new;
    enum guard_answer of_old;
};

struct world {
    struct guard *guard;
    const struct people *people;
    int64_t now_ms;
    struct {
        bool is_asked;
        int64_t since_ms;
        struct guard_question question;
    } sides[GUARD_SIDES]; /* one question a side at a time */
    unsigned findings[GUARD_TOO_MANY + 1];
    unsigned asked[GUARD_SIDES];
    int64_t asked_ms[5]; /* the latest, a ring */
    unsigned asked_count;
    int64_t first_pin_ms;
    struct guard_finding last;
};

static const struct guard_rules usual = {
    .old_can_be_asked = true, .old_is_final = true, .max_misprovisioned = 1000};

static void
begin(struct world *world, const struct people *people, const struct guard_rules *rules)
{
    memset(world, 0, sizeof(*world));
    world->people = people;
    world->guard = guard_new(rules, (struct hash_key){1, 2});
    world->now_ms = 1000; /* clocks may begin late */
}

static void
end(struct world *world)
{
    guard_free(world->guard);
}

static enum guard_answer
answer_of(const struct world *world, const struct guard_question *question)
{
    for (const struct people *row = world->people; row->start != NULL; row++) {
        if (strncmp(question->recipient, row->start, strlen(row->start)) == 0)
            return question->side == GUARD_ASK_NEW ? row->of_new : row->of_old;
    }
    return GUARD_SILENT;
}

static void
ask(struct world *world, enum guard_side side)
{
    struct guard_question *question = &world->sides[side].question;

    if (world->sides[side].is_asked &&
        world->now_ms >= world->sides[side].since_ms + ANSWER_MS) {
        world->sides[side].is_asked = false;
        guard_answered(world->guard, question->id, answer_of(world, question));
    }
    if (world->sides[side].is_asked ||
        !guard_next(world->guard, world->now_ms, side, question))
        return;
    assert_int_equal(question->side, side);
    /* Five in any second. */
    assert_true(world->asked_count < 5 ||
                world->now_ms - world->asked_ms[world->asked_count % 5] >= 1000);
    world->asked_ms[world->asked_count++ % 5] = world->now_ms;
    world->asked[side]++;
    world->sides[side].is_asked = true;
    world->sides[side].since_ms = world->now_ms;
}

static void
look(struct world *world)
{
    while (guard_find(world->guard, world->now_ms, &world->last)) {
        world->findings[world->last.verdict]++;
        if (world->last.verdict == GUARD_PIN && world->first_pin_ms == 0)
            world->first_pin_ms = world->now_ms;
    }
}

static void
pass(struct world *world, int64_t time_ms)
{
    int64_t until = world->now_ms + time_ms;

    for (; world->now_ms < until; world->now_ms += STEP_MS) {
        ask(world, GUARD_ASK_OLD);
        ask(world, GUARD_ASK_NEW);
        look(world);
    }
}

static void
refuse(struct world *world, const char *recipient, const char *reply)
{
    char unit[100];

    (void)snprintf(unit, sizeof(unit), "unit-of-%s", recipient);
    guard_refused(
        world->guard, world->now_ms, span_of(recipient), span_of(unit), span_of(reply));
}

/* `name`0@example.com and so on, one each `every_ms`. */
static void
refuse_many(struct world *world, const char *name, unsigned count, int64_t every_ms,
    const char *reply)
{
    char recipient[100];

    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(recipient, sizeof(recipient), "%s%u@example.com", name, i);
        refuse(world, recipient, reply);
        if (every_ms > 0)
            pass(world, every_ms);
    }
}

static struct guard_counts
counts_of(const struct world *world)
{
    struct guard_counts counts;

    guard_counts(world->guard, &counts);
    return counts;
}

/* --- one address --- */

static void
decides_by_what_both_say(void **state)
{
    static const struct guard_rules site = {
        .old_can_be_asked = false, .old_is_final = true, .max_misprovisioned = 9};
    static const struct guard_rules late = {
        .old_can_be_asked = true, .old_is_final = false, .max_misprovisioned = 9};
    static const struct {
        const char *what;
        const struct guard_rules *rules;
        struct people people[2];
        enum guard_verdict wanted;
        unsigned asked_old;
    } rows[] = {
        {"new takes it from nobody: the sender was refused", &usual,
            {{"a", GUARD_ACCEPTS, GUARD_ACCEPTS}}, GUARD_NOTHING, 0},
        {"old knows it", &usual, {{"a", GUARD_REFUSES, GUARD_ACCEPTS}}, GUARD_PIN, 1},
        {"nobody knows it", &usual, {{"a", GUARD_REFUSES, GUARD_REFUSES}},
            GUARD_PIN_UNKNOWN, 1},
        {"new is silent", &usual, {{"a", GUARD_SILENT, GUARD_ACCEPTS}}, GUARD_NOTHING, 0},
        {"old is greylisting", &usual, {{"a", GUARD_REFUSES, GUARD_SILENT}},
            GUARD_NOTHING, 1},
        {"old is the site's own", &site, {{"a", GUARD_REFUSES, GUARD_ACCEPTS}},
            GUARD_PIN_UNKNOWN, 0},
        {"at 100 old's word is not final", &late, {{"a", GUARD_REFUSES, GUARD_REFUSES}},
            GUARD_NOTHING, 1},
        {"but whom it knows is pinned", &late, {{"a", GUARD_REFUSES, GUARD_ACCEPTS}},
            GUARD_PIN, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct world world;

        print_message("# %s\n", rows[i].what);
        begin(&world, rows[i].people, rows[i].rules);
        refuse(&world, "a@example.com", UNKNOWN);
        pass(&world, 2 * MINUTE_MS);
        for (int verdict = GUARD_PIN; verdict <= GUARD_TOO_MANY; verdict++)
            assert_int_equal(world.findings[verdict], verdict == (int)rows[i].wanted);
        if (rows[i].wanted != GUARD_NOTHING) {
            assert_string_equal(world.last.recipient, "a@example.com");
            assert_string_equal(world.last.unit, "unit-of-a@example.com");
            assert_true(world.last.why[0] != '\0');
        }
        assert_int_equal(world.asked[GUARD_ASK_NEW], 1);
        assert_int_equal(world.asked[GUARD_ASK_OLD], rows[i].asked_old);
        assert_int_equal(counts_of(&world).waiting, 0);
        assert_int_equal(guard_wait_ms(world.guard, world.now_ms), -1);
        end(&world);
    }
}

static void
asks_about_an_address_once_an_hour(void **state)
{
    static const struct people people[] = {
        {"a", GUARD_REFUSES, GUARD_SILENT}, {NULL, 0, 0}};
    struct world world;

    (void)state;
    begin(&world, people, &usual);
    for (int i = 0; i < 59; i++) {
        refuse(&world, "a@example.com", UNKNOWN);
        refuse(&world, "a@example.com", UNKNOWN);
        pass(&world, MINUTE_MS);
        assert_int_equal(world.asked[GUARD_ASK_NEW], 1);
    }
    pass(&world, 2 * MINUTE_MS);
    refuse(&world, "a@example.com", UNKNOWN);
    pass(&world, MINUTE_MS);
    assert_int_equal(world.asked[GUARD_ASK_NEW], 2);
    end(&world);
}

static void
a_pin_is_held_back_until_its_minute_is_over(void **state)
{
    static const struct people people[] = {
        {"a", GUARD_REFUSES, GUARD_ACCEPTS}, {NULL, 0, 0}};
    struct world world;
    int64_t refused_ms;

    (void)state;
    begin(&world, people, &usual);
    refused_ms = world.now_ms;
    refuse(&world, "a@example.com", UNKNOWN);
    pass(&world, MINUTE_MS - STEP_MS);
    assert_int_equal(world.findings[GUARD_PIN], 0);
    assert_in_range(guard_wait_ms(world.guard, world.now_ms), 1, STEP_MS);
    pass(&world, 4 * STEP_MS);
    assert_int_equal(world.findings[GUARD_PIN], 1);
    assert_in_range(world.first_pin_ms - refused_ms, MINUTE_MS, MINUTE_MS + 2 * STEP_MS);
    end(&world);
}

/* --- many --- */

static const struct people relay_people[] = {
    {"user", GUARD_REFUSES, GUARD_ACCEPTS}, {NULL, 0, 0}};

static void
new_that_refuses_us_is_found_with_twenty_questions_and_no_pin(void **state)
{
    static const int64_t paces_ms[] = {0, 20, 500, 2800};
    struct world world;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(paces_ms); i++) {
        print_message("# one each %d ms\n", (int)paces_ms[i]);
        begin(&world, relay_people, &usual);
        refuse_many(&world, "user", 200, paces_ms[i], RELAY);
        pass(&world, 2 * MINUTE_MS - 200 * paces_ms[i]);
        assert_int_equal(world.findings[GUARD_REFUSED_US], 1);
        assert_int_equal(
            world.findings[GUARD_PIN] + world.findings[GUARD_PIN_UNKNOWN], 0);
        assert_true(world.asked[GUARD_ASK_NEW] + world.asked[GUARD_ASK_OLD] <= 20);
        assert_true(counts_of(&world).is_frozen);
        /* Then nothing, whatever comes. */
        refuse_many(&world, "user9", 50, 100, UNKNOWN);
        pass(&world, 2 * MINUTE_MS);
        assert_true(world.asked[GUARD_ASK_NEW] + world.asked[GUARD_ASK_OLD] <= 20);
        assert_int_equal(guard_wait_ms(world.guard, world.now_ms), -1);
        end(&world);
    }
}

static void
after_a_resume_it_begins_anew(void **state)
{
    struct world world;
    unsigned asked;

    (void)state;
    begin(&world, relay_people, &usual);
    refuse_many(&world, "user", 30, 0, RELAY);
    pass(&world, MINUTE_MS);
    assert_int_equal(world.findings[GUARD_REFUSED_US], 1);
    asked = world.asked[GUARD_ASK_NEW];
    guard_restart(world.guard);
    assert_false(counts_of(&world).is_frozen);
    refuse_many(&world, "user", 5, 0, RELAY);
    pass(&world, 2 * MINUTE_MS);
    assert_int_equal(world.asked[GUARD_ASK_NEW], asked + 5);
    assert_int_equal(world.findings[GUARD_PIN], 5);
    assert_int_equal(world.findings[GUARD_REFUSED_US], 1);
    end(&world);
}

static void
answers_from_before_a_resume_are_no_answers(void **state)
{
    struct world world;
    struct guard_question question;

    (void)state;
    begin(&world, relay_people, &usual);
    refuse(&world, "user1@example.com", RELAY);
    assert_true(guard_next(world.guard, world.now_ms, GUARD_ASK_NEW, &question));
    guard_restart(world.guard);
    guard_answered(world.guard, question.id, GUARD_REFUSES);
    guard_answered(world.guard, 12345, GUARD_REFUSES);
    pass(&world, 2 * MINUTE_MS);
    assert_int_equal(world.asked[GUARD_ASK_OLD], 0);
    end(&world);
}

static void
twenty_are_mailboxes_one_more_is_us(void **state)
{
    static const struct {
        unsigned count;
        int64_t every_ms;
        const char *other; /* NULL: all in the same words */
        bool us;
    } rows[] = {
        {20, 2000, NULL, false}, {21, 2000, NULL, true},
        {21, 3100, NULL, false},  /* not within a minute */
        {200, 3100, NULL, false}, /* nor any that come later */
    };
    struct world world;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %u, one each %d ms\n", rows[i].count, (int)rows[i].every_ms);
        begin(&world, relay_people, &usual);
        refuse_many(&world, "user", rows[i].count, rows[i].every_ms, UNKNOWN);
        pass(&world, 10 * (int64_t)MINUTE_MS);
        assert_int_equal(world.findings[GUARD_REFUSED_US], rows[i].us);
        assert_int_equal(world.findings[GUARD_PIN], rows[i].us ? 0 : rows[i].count);
        end(&world);
    }
}

static void
dictionary_spam_freezes_nothing(void **state)
{
    static const struct people people[] = {
        {"user", GUARD_REFUSES, GUARD_REFUSES}, {NULL, 0, 0}};
    struct world world;

    (void)state;
    begin(&world, people, &usual);
    refuse_many(&world, "user", 200, 20, UNKNOWN);
    pass(&world, 5 * (int64_t)MINUTE_MS);
    assert_int_equal(world.findings[GUARD_PIN_UNKNOWN], 200);
    assert_int_equal(world.findings[GUARD_REFUSED_US] + world.findings[GUARD_PIN], 0);
    assert_int_equal(counts_of(&world).unknown_pins, 200);
    end(&world);
}

/* The words of five servers. */
static void
finds_exactly_the_five_among_two_hundred(void **state)
{
    static const struct people people[] = {{"lost", GUARD_REFUSES, GUARD_ACCEPTS},
        {"user", GUARD_REFUSES, GUARD_REFUSES}, {"good", GUARD_ACCEPTS, GUARD_ACCEPTS},
        {NULL, 0, 0}};
    static const char *const words[] = {
        "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
        "553 5.3.0 <lost1@example.com>... No such user here",
        "550 5.2.1 <lost2@example.com>... User Unknown",
        "550 5.7.1 Recipient rejected: User unknown", "550"};
    struct world world;

    (void)state;
    begin(&world, people, &usual);
    for (unsigned i = 0; i < 200; i++) {
        char recipient[100];

        (void)snprintf(recipient, sizeof(recipient), "user%u@example.com", i);
        refuse(&world, recipient, words[i % 5]);
        if (i % 40 == 7) {
            (void)snprintf(recipient, sizeof(recipient), "lost%u@example.com", i / 40);
            refuse(&world, recipient, words[i / 40]);
        }
        if (i % 60 == 9) {
            (void)snprintf(recipient, sizeof(recipient), "good%u@example.com", i);
            refuse(&world, recipient, "550 5.7.1 your address is on a list");
        }
        pass(&world, 100);
    }
    pass(&world, 10 * (int64_t)MINUTE_MS);
    assert_int_equal(world.findings[GUARD_PIN], 5);
    assert_int_equal(world.findings[GUARD_PIN_UNKNOWN], 200);
    assert_int_equal(world.findings[GUARD_REFUSED_US], 0);
    assert_int_equal(counts_of(&world).sender_refused, 4);
    assert_int_equal(counts_of(&world).pins, 5);
    end(&world);
}

static void
who_is_silent_does_not_count_among_the_ten(void **state)
{
    static const struct people people[] = {{"user", GUARD_REFUSES, GUARD_ACCEPTS},
        {"grey", GUARD_REFUSES, GUARD_SILENT}, {NULL, 0, 0}};
    struct world world;

    (void)state;
    begin(&world, people, &usual);
    refuse_many(&world, "grey", 15, 0, RELAY);
    refuse_many(&world, "user", 10, 0, RELAY);
    pass(&world, MINUTE_MS);
    assert_int_equal(world.findings[GUARD_REFUSED_US], 1);
    end(&world);
    /* With nine it can't be known, and the nine are not kept for ever. */
    begin(&world, people, &usual);
    refuse_many(&world, "grey", 15, 0, RELAY);
    refuse_many(&world, "user", 9, 0, RELAY);
    pass(&world, 2 * MINUTE_MS);
    assert_int_equal(world.findings[GUARD_REFUSED_US], 0);
    assert_int_equal(world.findings[GUARD_PIN], 9);
    end(&world);
}

static void
old_that_takes_half_of_them_is_no_proof(void **state)
{
    static const struct people people[] = {{"user", GUARD_REFUSES, GUARD_ACCEPTS},
        {"spam", GUARD_REFUSES, GUARD_REFUSES}, {NULL, 0, 0}};
    struct world world;
    char recipient[50];

    (void)state;
    begin(&world, people, &usual);
    for (int i = 0; i < 40; i++) {
        (void)snprintf(recipient, sizeof(recipient), "%s%d@example.com",
            i % 2 == 0 ? "user" : "spam", i);
        refuse(&world, recipient, UNKNOWN);
    }
    pass(&world, 10 * (int64_t)MINUTE_MS);
    assert_int_equal(world.findings[GUARD_REFUSED_US], 0);
    assert_int_equal(world.findings[GUARD_PIN], 20);
    assert_int_equal(world.findings[GUARD_PIN_UNKNOWN], 20);
    end(&world);
}

static void
too_many_pins_freeze(void **state)
{
    static const struct guard_rules rules = {
        .old_can_be_asked = true, .old_is_final = true, .max_misprovisioned = 3};
    struct world world;

    (void)state;
    begin(&world, relay_people, &rules);
    refuse_many(&world, "user", 10, 4000, UNKNOWN);
    pass(&world, 3 * MINUTE_MS);
    assert_int_equal(world.findings[GUARD_PIN], 3);
    assert_int_equal(world.findings[GUARD_TOO_MANY], 1);
    assert_non_null(strstr(world.last.why, "max_misprovisioned"));
    assert_string_equal(world.last.recipient, "user3@example.com");
    assert_true(counts_of(&world).is_frozen);
    end(&world);
    /* Those of an earlier run count. */
    begin(&world, relay_people, &rules);
    guard_know(world.guard, 3, 0);
    guard_know(world.guard, 0, 0); /* said before ours were there */
    refuse(&world, "user1@example.com", UNKNOWN);
    pass(&world, 2 * MINUTE_MS);
    assert_int_equal(world.findings[GUARD_TOO_MANY], 1);
    end(&world);
}

static void
what_old_knew_an_hour_ago_is_no_proof(void **state)
{
    static const struct people people[] = {{"user", GUARD_REFUSES, GUARD_ACCEPTS},
        {"spam", GUARD_REFUSES, GUARD_REFUSES}, {NULL, 0, 0}};
    struct world world;

    (void)state;
    begin(&world, people, &usual);
    refuse_many(&world, "user", 10, 10000, UNKNOWN);
    pass(&world, 10 * (int64_t)MINUTE_MS);
    refuse_many(&world, "spam", 40, 20, UNKNOWN);
    pass(&world, 10 * (int64_t)MINUTE_MS);
    assert_int_equal(world.findings[GUARD_REFUSED_US], 0);
    assert_int_equal(world.findings[GUARD_PIN], 10);
    assert_int_equal(world.findings[GUARD_PIN_UNKNOWN], 40);
    end(&world);
}

static void
a_question_without_an_answer_holds_pins_back_for_a_while_only(void **state)
{
    struct world world;
    struct guard_question lost;

    (void)state;
    begin(&world, relay_people, &usual);
    refuse_many(&world, "user", 30, 0, UNKNOWN);
    assert_true(guard_next(world.guard, world.now_ms, GUARD_ASK_NEW, &lost));
    world.now_ms += STEP_MS / 3;
    pass(&world, 4 * MINUTE_MS);
    assert_int_equal(world.findings[GUARD_PIN], 0);
    pass(&world, 2 * MINUTE_MS);
    assert_true(world.findings[GUARD_PIN] >= 9);
    end(&world);
}

static void
who_waits_is_not_taken_twice(void **state)
{
    struct world world;

    (void)state;
    begin(&world, relay_people, &usual);
    refuse(&world, "user@example.com", UNKNOWN);
    world.now_ms += 2 * HOUR_MS;
    refuse(&world, "user@example.com", UNKNOWN);
    assert_int_equal(counts_of(&world).waiting, 1);
    end(&world);
}

/* --- bounds --- */

static void
remembers_no_more_addresses_than_it_may(void **state)
{
    struct plan_asked asked = {.most = 1000, .keep_ms = 100};

    (void)state;
    for (uint64_t hash = 0; hash < 3000; hash++)
        plan_asked_note(&asked, hash * 0x9e3779b97f4a7c15, 50);
    assert_false(plan_asked_has_room(&asked, 149));
    for (uint64_t hash = 0; hash < 3000; hash++)
        assert_int_equal(
            plan_asked_has(&asked, hash * 0x9e3779b97f4a7c15, 149), hash < 1000);
    assert_true(plan_asked_has_room(&asked, 150));
    assert_false(plan_asked_has(&asked, 0, 150));
    plan_asked_note(&asked, 7, 150);
    assert_true(plan_asked_has(&asked, 7, 150));
    plan_asked_clear(&asked);
}

static void
a_thousand_pins_of_the_unknown_at_a_time(void **state)
{
    static const struct people people[] = {{"user", GUARD_REFUSES, GUARD_REFUSES},
        {"other", GUARD_REFUSES, GUARD_REFUSES}, {NULL, 0, 0}};
    struct world world;

    (void)state;
    begin(&world, people, &usual);
    guard_know(world.guard, 0, GUARD_UNKNOWN_PINS_MAX - 1);
    refuse_many(&world, "user", 1, 1000, UNKNOWN);
    pass(&world, MINUTE_MS);
    assert_int_equal(world.findings[GUARD_PIN_UNKNOWN], 1);
    guard_know(world.guard, 0, GUARD_UNKNOWN_PINS_MAX);
    refuse_many(&world, "other", 2, 1000, UNKNOWN);
    pass(&world, MINUTE_MS);
    assert_int_equal(world.findings[GUARD_PIN_UNKNOWN], 1);
    assert_int_equal(counts_of(&world).dropped, 2);
    assert_int_equal(counts_of(&world).unknown_pins, GUARD_UNKNOWN_PINS_MAX);
    guard_restart(world.guard);
    assert_int_equal(counts_of(&world).unknown_pins, GUARD_UNKNOWN_PINS_MAX);
    /* Their hour is over. */
    pass(&world, HOUR_MS);
    guard_know(world.guard, 0, 0);
    refuse(&world, "user7@example.com", UNKNOWN);
    pass(&world, MINUTE_MS);
    assert_int_equal(world.findings[GUARD_PIN_UNKNOWN], 2);
    end(&world);
}

static void
holds_no_more_than_it_has_room_for(void **state)
{
    static const struct people people[] = {
        {"user", GUARD_SILENT, GUARD_SILENT}, {NULL, 0, 0}};
    struct world world;
    struct guard_counts counts;
    char reply[200];

    (void)state;
    begin(&world, people, &usual);
    refuse_many(&world, "user", 3 * GUARD_QUEUE_MAX, 0, UNKNOWN);
    counts = counts_of(&world);
    assert_int_equal(counts.waiting, GUARD_QUEUE_MAX);
    assert_int_equal(counts.dropped, 2 * GUARD_QUEUE_MAX);
    guard_restart(world.guard);
    /* Words of any number of kinds. */
    for (unsigned i = 0; i < 2 * GUARD_REPLIES_MAX; i++) {
        (void)snprintf(reply, sizeof(reply), "550 no %c%c", 'a' + (int)(i / 26),
            'a' + (int)(i % 26));
        refuse_many(&world, "user", i + 1, 0, reply);
    }
    counts = counts_of(&world);
    assert_int_equal(counts.waiting, GUARD_REPLIES_MAX);
    pass(&world, MINUTE_MS);
    /* Once nobody waits for them, others find room. */
    refuse(&world, "userx@example.com", "550 other words");
    assert_int_equal(counts_of(&world).waiting, 1);
    end(&world);
}

static void
takes_no_address_that_is_none(void **state)
{
    char long_address[GUARD_ADDRESS_MAX + 20];
    struct world world;

    (void)state;
    begin(&world, relay_people, &usual);
    memset(long_address, 'a', sizeof(long_address) - 1);
    long_address[sizeof(long_address) - 1] = '\0';
    refuse(&world, long_address, UNKNOWN);
    refuse(&world, "", UNKNOWN);
    refuse(&world, "user@example.com\r\nDATA", UNKNOWN);
    assert_int_equal(counts_of(&world).waiting, 0);
    assert_int_equal(counts_of(&world).dropped, 3);
    end(&world);
}

/* --- words --- */

static void
knows_the_same_words_whoever_is_named(void **state)
{
    static const struct {
        const char *what;
        const char *left;
        const char *right;
        bool same;
    } rows[] = {
        {"an address", "550 5.1.1 <alice@example.com>: Recipient address rejected",
            "550 5.1.1 <bob@example.com>: Recipient address rejected", true},
        {"a name", "550 5.1.1 alice... User unknown", "550 5.1.1 bob... User unknown",
            true},
        {"a host and a number of the session",
            "550 5.4.1 Access denied. [AM0EUR02FT003.eop.example 08DA1]",
            "550 5.4.1 Access denied. [DB5EUR03FT011.eop.example 08DB7]", true},
        {"what the log puts around it",
            "host a[192.0.2.1] said: 550 no such user (in reply to RCPT TO command)",
            "host b[192.0.2.2] said: 550 no such user (in reply to RCPT TO command)",
            true},
        {"as the server said it",
            "host a[192.0.2.1] said: 550 no such user (in reply to RCPT TO command)",
            "550 no such user", true},
        {"case", "550 No Such User", "550 no such user", true},
        {"another code", "550 no such user", "553 no such user", false},
        {"another enhanced code", "550 5.1.1 no", "550 5.7.1 no", false},
        {"other words", "550 no such user", "550 unable to relay", false},
        {"no words", "550", "550", true},
    };
    static const struct hash_key key = {3, 4};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint64_t left =
            plan_alike_hash(span_of(rows[i].left), SPAN("alice@example.com"), key);
        uint64_t right =
            plan_alike_hash(span_of(rows[i].right), SPAN("bob@example.com"), key);

        print_message("# %s\n", rows[i].what);
        assert_int_equal(left == right, rows[i].same);
        assert_true(left != 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides_by_what_both_say),
        cmocka_unit_test(asks_about_an_address_once_an_hour),
        cmocka_unit_test(a_pin_is_held_back_until_its_minute_is_over),
        cmocka_unit_test(new_that_refuses_us_is_found_with_twenty_questions_and_no_pin),
        cmocka_unit_test(after_a_resume_it_begins_anew),
        cmocka_unit_test(answers_from_before_a_resume_are_no_answers),
        cmocka_unit_test(twenty_are_mailboxes_one_more_is_us),
        cmocka_unit_test(dictionary_spam_freezes_nothing),
        cmocka_unit_test(finds_exactly_the_five_among_two_hundred),
        cmocka_unit_test(who_is_silent_does_not_count_among_the_ten),
        cmocka_unit_test(old_that_takes_half_of_them_is_no_proof),
        cmocka_unit_test(too_many_pins_freeze),
        cmocka_unit_test(what_old_knew_an_hour_ago_is_no_proof),
        cmocka_unit_test(a_question_without_an_answer_holds_pins_back_for_a_while_only),
        cmocka_unit_test(who_waits_is_not_taken_twice),
        cmocka_unit_test(remembers_no_more_addresses_than_it_may),
        cmocka_unit_test(a_thousand_pins_of_the_unknown_at_a_time),
        cmocka_unit_test(holds_no_more_than_it_has_room_for),
        cmocka_unit_test(takes_no_address_that_is_none),
        cmocka_unit_test(knows_the_same_words_whoever_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
