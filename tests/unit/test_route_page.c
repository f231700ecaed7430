/*
 * The pages of policyd: one decision, and all domains.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/ctl/ctl_json.h"
#include "policyd/routing/route_page.h"
#include "policyd/routing/status_page.h"
#include "shared/base/attributes.h"
#include "shared/base/number.h"

#define OLD "cutover-old:[192.0.2.10]:25"
#define NEW "cutover-new:[192.0.2.20]:25"

static const char *const transports[] = {"cutover-old", "cutover-new"};
static const char *const listed[] = {"example.com", "stateless.example"};
static const struct domain_state_rules state_rules = {
    .transports = transports, .transport_count = ARRAY_LENGTH(transports)};
static const struct route_rules rules = {
    .recipient = {.delimiters = "+", .fold_local_part = true},
    .system_recipients_on_old = true,
    .domains = listed,
    .domain_count = ARRAY_LENGTH(listed),
};

static void
put(struct replica *replica, const char *domain, const char *weight, const char *lists)
{
    const struct domain_field fields[] = {
        {SPAN("old"), SPAN(OLD)},
        {SPAN("new"), SPAN(NEW)},
        {SPAN("weight"), span_of(weight)},
        {SPAN("inside"), SPAN("relay")},
        {SPAN("rev"), SPAN("12")},
        {SPAN("lists"), span_of(lists)},
    };
    struct domain_problem problem;
    struct domain_state *state = domain_state_parse(span_of(domain), fields,
        ARRAY_LENGTH(fields), &state_rules, &problem, NULL, NULL);

    assert_non_null(state);
    assert_true(replica_put_domain(replica, span_of(domain), state, 12));
}

static int
set_up(void **state)
{
    struct replica *replica = replica_new();

    put(replica, "example.com", "30", "canary");
    put(replica, "stranger.example", "0", "");
    replica_put_pin(replica, SPAN("held@example.com"), PIN_HOLD, 1795564800);
    replica_put_pin(replica, SPAN("bad@example.com"), PIN_BAD, 0);
    replica_put_pin(replica, SPAN("aside@example.com"), PIN_STANDBY, 0);
    replica_put_member(
        replica, SPAN("example.com"), SPAN("canary"), SPAN("c@example.com"));
    replica_put_member(
        replica, SPAN("example.com"), SPAN("exclude"), SPAN("x@example.com"));
    replica_set_loaded(replica);
    *state = replica;
    return 0;
}

static int
tear_down(void **state)
{
    replica_free(*state);
    return 0;
}

/* The page of a decision, read again. */
static const struct ctl_json *
page(struct arena *arena, const struct replica *replica, const char *address)
{
    struct buffer out;
    struct route route;
    struct error error;
    const struct ctl_json *document;

    buffer_init(&out, 1 << 16);
    route_decide(&rules, replica, span_of(address), 1795500000, &route);
    route_page_write(&out, "policyd", span_of(address), &route);
    document = ctl_json_parse(arena, arena_span(arena, buffer_span(&out)), &error);
    buffer_clear(&out);
    assert_non_null(document);
    return document;
}

static void
says_why_in_a_sentence(void **state)
{
    static const struct {
        const char *address;
        const char *place;
        const char *why;
    } rows[] = {
        {"Alice+x@Example.COM", "old",
            "bucket 5319 is not below the weight of 30 (3000)"},
        {"held@example.com", "hold",
            "pin hold on held@example.com until 2026-11-25T00:00:00Z"},
        {"bad@example.com", "unknown",
            "pin bad on bad@example.com says nothing usable, mail waits in the queue"},
        {"aside@example.com", "unknown",
            "it is sent to standby, which the domain lacks, mail waits in the queue"},
        {"c@example.com", "new", "the unit is on the list canary"},
        {"x@example.com", "old",
            "the unit is on the list exclude, which stays on old until 100"},
        {"postmaster@example.com", "old",
            "postmaster and abuse stay on old until the weight is 100"},
        {"SRS0=a=b=outside.example=c@example.com", "old",
            "forwarders' addresses (SRS) stay on old until the weight is 100"},
        {"a@stateless.example", "unknown",
            "the domain is ours but never had a good state, mail waits in the queue"},
        {"a@stranger.example", "not-ours",
            "the domain is none of ours, the site's own maps say where its mail goes"},
        {"no address", "not-ours", "this is no address that could be routed"},
    };
    struct arena *arena = arena_new(1 << 20);

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct ctl_json *document = page(arena, *state, rows[i].address);

        print_message("# %s\n", rows[i].address);
        assert_true(span_is(ctl_json_text(document, "address"), rows[i].address));
        assert_true(span_is(ctl_json_text(document, "result"), rows[i].place));
        assert_true(span_is(ctl_json_text(document, "why"), rows[i].why));
    }
    arena_free(arena);
}

static void
has_the_parts_of_the_decision(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    const struct ctl_json *document = page(arena, *state, "Alice+x@Example.COM");
    const struct ctl_json *pin;

    assert_true(span_is(ctl_json_text(document, "recipient"), "alice@example.com"));
    assert_true(span_is(ctl_json_text(document, "unit"), "alice@example.com"));
    assert_true(span_is(ctl_json_text(document, "bucket"), "5319"));
    assert_true(span_is(ctl_json_text(document, "weight"), "30"));
    assert_true(span_is(ctl_json_text(document, "mode"), "split"));
    assert_true(span_is(ctl_json_text(document, "nexthop"), OLD));
    assert_true(ctl_json_is_null(document, "pin"));
    pin = ctl_json_get(page(arena, *state, "held@example.com"), "pin");
    assert_true(span_is(ctl_json_text(pin, "on"), "held@example.com"));
    assert_true(span_is(ctl_json_text(pin, "until"), "2026-11-25T00:00:00Z"));
    document = page(arena, *state, "a@stateless.example");
    assert_true(ctl_json_is_null(document, "bucket"));
    assert_true(ctl_json_is_null(document, "weight"));
    arena_free(arena);
}

static void
lists_all_domains_in_their_order(void **state)
{
    static const char *const notes[] = {"one", "two"};
    const struct status_facts facts = {.source = "policyd",
        .version = "0",
        .host = "h",
        .redis_address = "inet:r:1",
        .redis_error = "gone",
        .notes = notes,
        .note_count = ARRAY_LENGTH(notes)};
    const struct replica_override override = {.has_weight = true, .weight = 50};
    struct arena *arena = arena_new(1 << 20);
    struct buffer out;
    struct error error;
    const struct ctl_json *document;
    const struct ctl_json *domain;

    replica_set_override(*state, SPAN("example.com"), &override);
    replica_set_suspect(*state, SPAN("example.com"), "weight: 30%");
    buffer_init(&out, 1 << 16);
    status_page_write(&out, &facts, &rules, *state);
    document = ctl_json_parse(arena, arena_span(arena, buffer_span(&out)), &error);
    assert_non_null(document);
    assert_true(span_is(ctl_json_text(document, "pins"), "3"));
    assert_true(ctl_json_is_null(ctl_json_get(document, "redis"), "synced"));
    assert_true(span_is(ctl_json_get(document, "notes")->first->next->text, "two"));
    domain = ctl_json_get(document, "domains")->first;
    assert_true(span_is(ctl_json_text(domain, "domain"), "example.com"));
    assert_true(span_is(ctl_json_text(domain, "weight"), "30"));
    assert_true(span_is(ctl_json_text(domain, "rev"), "12"));
    assert_true(
        span_is(ctl_json_text(ctl_json_get(domain, "override"), "weight"), "0.5"));
    assert_true(ctl_json_is_null(ctl_json_get(domain, "override"), "mode"));
    assert_true(ctl_json_is_true(domain, "suspect"));
    assert_true(span_is(ctl_json_text(domain, "why"), "weight: 30%"));
    domain = domain->next;
    assert_true(span_is(ctl_json_text(domain, "domain"), "stateless.example"));
    assert_true(ctl_json_is_true(domain, "ours"));
    assert_false(ctl_json_is_true(domain, "good"));
    domain = domain->next;
    assert_true(span_is(ctl_json_text(domain, "domain"), "stranger.example"));
    assert_false(ctl_json_is_true(domain, "ours"));
    assert_null(domain->next);
    buffer_clear(&out);
    arena_free(arena);
}

static void
writes_times_that_read_the_same(void **state)
{
    static const int64_t times[] = {
        0, 1, 951782399, 951782400, 951868800, 1795500000, 4107542400, 253402300799};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(times); i++) {
        char text[21];
        int64_t again;

        number_rfc3339_write(times[i], text);
        assert_int_equal(strlen(text), 20);
        assert_true(number_rfc3339(span_of(text), &again));
        assert_int_equal(again, times[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(says_why_in_a_sentence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(has_the_parts_of_the_decision, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            lists_all_domains_in_their_order, set_up, tear_down),
        cmocka_unit_test(writes_times_that_read_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
