/*
 * The words of a plan's one command: what was read, what is set, the event.
 */
#include "tests/unit/unit.h"

#include "policyd/plan/plan_commit.h"

#include <string.h>

static bool
stand_together(const struct span *words, size_t count, const char *const *wanted)
{
    for (size_t i = 0; i < count; i++) {
        size_t n = 0;

        while (wanted[n] != NULL && i + n < count && span_is(words[i + n], wanted[n]))
            n++;
        if (wanted[n] == NULL)
            return true;
    }
    return false;
}

static void
has_what_was_read_and_what_is_set(void **state)
{
    static const char *const read[] = {"1763999999", "10", "2", "state", "running",
        "stage", "1", "1", "weight", "30", "1", "stage", "2", "1", "weight", "70", "24",
        "time", NULL};
    static const char *const event[] = {"time", "1764000000", "who", "plan", "host",
        "gw1", "domain", "example.com", "what", "plan-advance", "from", "30", "to", "70",
        "why", "every gate says yes", "rev", "17", NULL};
    static const char *const keys[] = {"4", "cutover:events", "cutover:events:head",
        "cutover:plan:example.com", "cutover:domain:example.com", NULL};
    const struct domain_field plan_fields[] = {
        {SPAN("state"), SPAN("running")}, {SPAN("stage"), SPAN("1")}};
    const struct domain_field state_fields[] = {{SPAN("weight"), SPAN("30")}};
    struct plan_write write = {
        .plan = {{SPAN("stage"), SPAN("2")}},
        .plan_count = 1,
        .domain = {{SPAN("weight"), SPAN("70")}},
        .domain_count = 1,
        .what = "plan-advance",
        .by = "plan",
        .from = "30",
        .to = "70",
        .why = "every gate says yes",
        .rev = 17,
    };
    const struct plan_commit commit = {"cutover:", "example.com", "gw1", 1764000000,
        1763999999, plan_fields, 2, state_fields, 1, &write};
    struct arena *arena = arena_new(1 << 20);
    const struct span *words;
    size_t count = event_write_words(plan_commit_write(&commit, arena), &words);

    (void)state;
    assert_true(span_is(words[0], "EVAL"));
    assert_true(stand_together(words, count, keys));
    assert_true(stand_together(words, count, read));
    assert_true(stand_together(words, count, event));
    arena_free(arena);
}

static void
refuses_a_hash_that_is_too_large(void **state)
{
    static struct domain_field many[DOMAIN_STATE_FIELDS_MAX + 1];
    struct plan_write write = {.what = "freeze", .by = "plan"};
    const struct plan_commit commit = {"cutover:", "example.com", "gw1", 1764000000, 1,
        many, DOMAIN_STATE_FIELDS_MAX + 1, many, 1, &write};
    struct arena *arena = arena_new(1 << 20);

    (void)state;
    assert_null(plan_commit_write(&commit, arena));
    arena_free(arena);
}

static void
has_room_for_the_largest(void **state)
{
    static struct domain_field many[DOMAIN_STATE_FIELDS_MAX];
    static struct plan_write write = {.plan_count = PLAN_WRITE_FIELDS_MAX,
        .domain_count = PLAN_WRITE_FIELDS_MAX,
        .what = "freeze",
        .by = "plan"};
    const struct plan_commit commit = {"cutover:", "example.com", "gw1", 1764000000, 1,
        many, DOMAIN_STATE_FIELDS_MAX, many, DOMAIN_STATE_FIELDS_MAX, &write};
    struct arena *arena = arena_new(1 << 20);
    const struct span *words;

    (void)state;
    assert_in_range(event_write_words(plan_commit_write(&commit, arena), &words), 300,
        EVENT_WRITE_WORDS_MAX);
    arena_free(arena);
}

static void
leaves_out_an_empty_key_of_an_event(void **state)
{
    static const char *const without[] = {"what", "drain", "from", NULL};
    static const char *const with[] = {
        "what", "misprovision", "key", "a@example.com", NULL};
    struct event_fields event = {.time = 1, .what = "drain", .domain = "example.com"};
    struct arena *arena = arena_new(1 << 20);
    const struct span *words;
    size_t count = event_write_words(plan_event_write("p:", &event, arena), &words);

    (void)state;
    assert_true(span_is(words[3], "p:events"));
    assert_true(span_is(words[4], "p:events:head"));
    assert_true(stand_together(words, count, without));
    event.what = "misprovision";
    event.key = "a@example.com";
    count = event_write_words(
        plan_pin_write(
            "p:", &(struct plan_pin){"a@example.com", "old until=x", "known", 3600},
            &event, arena),
        &words);
    assert_true(span_is(words[6], "p:guard:known:example.com"));
    assert_true(stand_together(words, count, with));
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_what_was_read_and_what_is_set),
        cmocka_unit_test(refuses_a_hash_that_is_too_large),
        cmocka_unit_test(has_room_for_the_largest),
        cmocka_unit_test(leaves_out_an_empty_key_of_an_event),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
