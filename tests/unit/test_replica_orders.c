#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policyd/replica/replica_orders.h"
#include "shared/base/attributes.h"

enum { NOW = 1800000000 };

/* One under test, and what it told. */
struct site {
    struct replica_orders *orders;
    uint64_t now_ms;
    size_t changes;
    char change[200]; /* the last one */
    size_t problems;
    char kept[64];
    char problem[800];
    size_t alarms;
    char alarm[600];
};

static void
was_changed(void *argument, const struct replica_change *change)
{
    struct site *site = argument;

    site->changes++;
    snprintf(site->change, sizeof(site->change), "%s %.*s %s %.*s->%.*s",
        replica_source_name(change->source), (int)change->name.length, change->name.data,
        change->field, (int)change->from.length, change->from.data,
        (int)change->to.length, change->to.data);
}

static void
has_problem(void *argument, const struct replica_problem *problem, const char *kept)
{
    struct site *site = argument;

    site->problems++;
    snprintf(site->kept, sizeof(site->kept), "%s", kept);
    snprintf(site->problem, sizeof(site->problem), "%s %s=%s %s", problem->key,
        problem->detail.field, problem->detail.value, problem->detail.text);
}

static void
was_alarmed(void *argument, const char *text)
{
    struct site *site = argument;

    site->alarms++;
    snprintf(site->alarm, sizeof(site->alarm), "%s", text);
}

static const char *const transports[] = {"cutover-old", "cutover-new", "cutover-standby"};
static const char *const listed[] = {"example.com", "example.net", "example.org"};
static const struct replica_rules rules = {
    .recipient = {.delimiters = "+", .fold_local_part = true},
    .state = {.transports = transports, .transport_count = ARRAY_LENGTH(transports)},
};

static void
site_open(struct site *site, bool with_list)
{
    static const struct replica_events events = {was_changed, has_problem, was_alarmed};
    struct replica_rules these = rules;

    memset(site, 0, sizeof(*site));
    these.domains = listed;
    these.domain_count = with_list ? ARRAY_LENGTH(listed) : 0;
    site->orders = replica_orders_new(&these, &events, site);
    replica_orders_set_time(site->orders, NOW, site->now_ms);
}

static void
site_close(struct site *site)
{
    replica_orders_free(site->orders);
}

static void
pass_time(struct site *site, uint64_t milliseconds)
{
    site->now_ms += milliseconds;
    replica_orders_set_time(
        site->orders, NOW + (int64_t)(site->now_ms / 1000), site->now_ms);
}

static void
take_value(struct site *site, unsigned targets, const char *key,
    const struct replica_value *value)
{
    struct replica_key about;

    replica_key_parse(span_of(key), span_of(""), &rules.recipient, &about);
    assert_true(about.kind > REPLICA_KEY_BAD);
    replica_orders_take(site->orders, targets, span_of(key), &about, value);
}

/* "weight 30 old ..." words; "" is a key that isn't there. */
static void
take_hash(struct site *site, unsigned targets, const char *domain, const char *words)
{
    struct domain_field fields[16];
    struct replica_value value = {.kind = VALUE_ABSENT, .fields = fields};
    struct span rest = span_of(words);
    char key[300];

    while (value.count < ARRAY_LENGTH(fields) &&
           span_word(&rest, &fields[value.count].name) &&
           span_word(&rest, &fields[value.count].value)) {
        value.kind = VALUE_FIELDS;
        value.count++;
    }
    snprintf(key, sizeof(key), "domain:%s", domain);
    take_value(site, targets, key, &value);
}

static void
take_text(struct site *site, unsigned targets, const char *key, const char *text)
{
    struct replica_value value = {
        .kind = text == NULL ? VALUE_ABSENT : VALUE_TEXT, .text = span_of(text)};

    take_value(site, targets, key, &value);
}

static void
take_list(struct site *site, unsigned targets, const char *key, const char *words)
{
    struct replica_key about;
    struct span rest = span_of(words);
    struct span word;

    replica_key_parse(span_of(key), span_of(""), &rules.recipient, &about);
    replica_orders_begin_list(site->orders, targets, span_of(key), &about);
    while (span_word(&rest, &word))
        replica_orders_take_member(site->orders, word);
    replica_orders_end_list(site->orders, LIST_READ);
    while (replica_orders_step_list(site->orders, 1))
        continue;
}

static bool
accept(struct site *site, const char *text)
{
    struct replica_value value = {.kind = VALUE_TEXT, .text = span_of(text)};

    return replica_orders_take_accept(site->orders, &value);
}

static enum replica_load_result
finish_load(struct site *site)
{
    enum replica_load_result result;

    while ((result = replica_orders_step_load(site->orders, 7)) == REPLICA_LOAD_GOES_ON)
        continue;
    return result;
}

#define ROUTES "old cutover-old:[192.0.2.1]:25 new cutover-new:[192.0.2.2]:25 "
#define LIVE REPLICA_ANSWERING
#define LOADING REPLICA_LOADING
#define BOTH ((unsigned)REPLICA_ANSWERING | (unsigned)REPLICA_LOADING)

/* -1: no state. */
static int
weight_of(const struct site *site, const char *domain)
{
    struct replica_domain found;

    if (!replica_find_domain(
            replica_orders_answering(site->orders), span_of(domain), &found) ||
        found.state == NULL)
        return -1;
    return (int)found.state->weight;
}

static bool
is_suspect(const struct site *site, const char *domain)
{
    struct replica_domain found;

    return replica_find_domain(
               replica_orders_answering(site->orders), span_of(domain), &found) &&
           found.suspect;
}

static enum pin_place
pin_of(const struct site *site, const char *name)
{
    struct pin pin;

    (void)replica_find_pin(replica_orders_answering(site->orders), span_of(name), &pin);
    return pin.place;
}

static size_t
list_count(const struct site *site, const char *list)
{
    return replica_list_count(
        replica_orders_answering(site->orders), SPAN("example.com"), span_of(list));
}

static const char *
pin_key(size_t i)
{
    static char key[64];

    snprintf(key, sizeof(key), "pin:user%zu@example.com", i);
    return key;
}

/* Everything that a usual Redis has, read as a load would. */
static void
read_all(struct site *site, const char *hash, size_t pins)
{
    replica_orders_begin_load(site->orders);
    take_hash(site, LOADING, "example.com", hash);
    for (size_t i = 0; i < pins; i++)
        take_text(site, LOADING, pin_key(i), "new");
}

static void
load_all(struct site *site, const char *hash, size_t pins)
{
    read_all(site, hash, pins);
    assert_int_equal(finish_load(site), REPLICA_LOAD_TAKEN);
}

/* --- values --- */

static void
bad_hashes_keep_the_last_good_state(void **state)
{
    static const char *const rows[] = {
        "weight 30% " ROUTES,
        "weight abc " ROUTES,
        "weight -1 " ROUTES,
        "weight 1e9 " ROUTES,
        "weight 101 " ROUTES,
        "weight 30.123 " ROUTES,
        "weight 30 old cutover-old:[192.0.2.1]:25",
        "weight 30 new cutover-new:[192.0.2.1]:25",
        ROUTES,
        "mode sideways weight 30 " ROUTES,
        "mode standby weight 30 " ROUTES,
        "weight 30 old discard: new cutover-new:[192.0.2.2]:25",
        "weight 30 old error:no new cutover-new:[192.0.2.2]:25",
        "weight 30 old cutover-old:[127.0.0.1]:25 new cutover-new:[192.0.2.2]:25",
        "weight 30 old smtp:[192.0.2.1]:25 new cutover-new:[192.0.2.2]:25",
        "rev -5 weight 30 " ROUTES,
    };
    struct site site;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        site_open(&site, false);
        load_all(&site, "weight 70 " ROUTES, 0);
        take_hash(&site, LIVE, "example.com", rows[i]);
        assert_int_equal(weight_of(&site, "example.com"), 7000);
        assert_true(is_suspect(&site, "example.com"));
        assert_int_equal(site.problems, 1);
        /* Met again, live or by a load, it is told no more. */
        take_hash(&site, LIVE, "example.com", rows[i]);
        read_all(&site, rows[i], 0);
        assert_int_equal(finish_load(&site), REPLICA_LOAD_TAKEN);
        assert_int_equal(site.problems, 1);
        assert_int_equal(weight_of(&site, "example.com"), 7000);
        assert_true(is_suspect(&site, "example.com"));
        assert_int_equal(
            replica_problems_count(replica_orders_problems(site.orders), PROBLEM_INVALID),
            1);
        take_hash(&site, LIVE, "example.com", "weight 10 " ROUTES);
        assert_int_equal(weight_of(&site, "example.com"), 1000);
        assert_false(is_suspect(&site, "example.com"));
        assert_int_equal(
            replica_problems_count(replica_orders_problems(site.orders), PROBLEM_INVALID),
            0);
        assert_int_equal(site.alarms, 0);
        site_close(&site);
    }
}

static void
a_problem_says_what_counts_instead(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 0);
    take_hash(&site, LIVE, "example.com", "weight 30% " ROUTES);
    assert_string_equal(site.kept, "30");
    assert_non_null(strstr(site.problem, "domain:example.com weight=30% "));
    take_hash(&site, LIVE, "example.com", "colour red weight 30 " ROUTES);
    assert_int_equal(site.problems, 2);
    assert_non_null(strstr(site.problem, "colour=red"));
    assert_false(is_suspect(&site, "example.com"));
    site_close(&site);
}

static void
what_is_hardly_meant_is_taken_and_said(void **state)
{
    static const char swapped[] =
        "weight 30 old cutover-old:[192.0.2.2]:25 new cutover-new:[192.0.2.1]:25";
    static const char equal[] =
        "weight 30 old cutover-old:[192.0.2.2]:25 new cutover-new:[192.0.2.2]:25";
    struct site site;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 0);
    assert_int_equal(site.problems, 0);
    take_hash(&site, LIVE, "example.com", swapped);
    assert_int_equal(site.problems, 1);
    assert_non_null(strstr(site.problem, "domain:example.com new=cutover-new:"));
    assert_non_null(strstr(site.problem, "hardly meant, and taken: swapping"));
    assert_false(is_suspect(&site, "example.com"));
    take_hash(&site, LIVE, "example.com", equal);
    assert_non_null(strstr(site.problem, "name the same place"));
    take_hash(&site, LIVE, "example.com", equal);
    assert_int_equal(site.problems, 2);
    site_close(&site);
}

static void
a_hash_that_never_was_good_gives_no_state(void **state)
{
    struct site site;
    struct replica_domain found;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30% " ROUTES, 0);
    assert_int_equal(weight_of(&site, "example.com"), -1);
    assert_true(is_suspect(&site, "example.com"));
    assert_true(replica_find_domain(
        replica_orders_answering(site.orders), SPAN("example.com"), &found));
    assert_false(found.ours);
    take_hash(&site, LIVE, "example.com", "");
    assert_false(replica_find_domain(
        replica_orders_answering(site.orders), SPAN("example.com"), &found));
    assert_int_equal(site.alarms, 0);
    site_close(&site);
}

static void
good_hashes_are_taken_and_told(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 0);
    assert_int_equal(site.changes, 0);
    take_hash(&site, LIVE, "example.com", "weight 70.5 " ROUTES);
    assert_int_equal(weight_of(&site, "example.com"), 7050);
    assert_int_equal(site.changes, 1);
    assert_string_equal(site.change, "redis example.com weight 30->70.5");
    take_hash(&site, LIVE, "example.com", "weight 70.5 " ROUTES);
    assert_int_equal(site.changes, 1);
    site_close(&site);
}

static void
domains_that_the_file_does_not_list_are_refused(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, true);
    load_all(&site, "weight 30 " ROUTES, 0);
    take_hash(&site, LIVE, "other.example", "weight 30 " ROUTES);
    take_hash(&site, LIVE, "other.example", "weight 40 " ROUTES);
    assert_int_equal(weight_of(&site, "other.example"), -1);
    assert_true(is_suspect(&site, "other.example"));
    assert_int_equal(site.problems, 1);
    assert_int_equal(
        replica_problems_count(replica_orders_problems(site.orders), PROBLEM_REFUSED), 1);
    take_hash(&site, LIVE, "other.example", "");
    assert_int_equal(
        replica_problems_count(replica_orders_problems(site.orders), PROBLEM_REFUSED), 0);
    assert_false(is_suspect(&site, "other.example"));
    assert_int_equal(site.alarms, 0);
    site_close(&site);
}

static void
a_domain_that_goes_is_kept_with_an_alarm(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 rev 5 " ROUTES, 3);
    take_hash(&site, LIVE, "example.com", "");
    assert_int_equal(weight_of(&site, "example.com"), 3000);
    assert_true(is_suspect(&site, "example.com"));
    assert_int_equal(site.alarms, 1);
    assert_non_null(strstr(site.alarm, "example.com is gone"));
    /* A load that lacks it is refused, pins and all. */
    replica_orders_begin_load(site.orders);
    take_text(&site, LOADING, pin_key(0), "hold");
    assert_int_equal(finish_load(&site), REPLICA_LOAD_REFUSED);
    assert_int_equal(weight_of(&site, "example.com"), 3000);
    assert_int_equal(pin_of(&site, "user0@example.com"), PIN_NEW);
    assert_int_equal(pin_of(&site, "user2@example.com"), PIN_NEW);
    /* It comes back: the next load says so. */
    take_hash(&site, LIVE, "example.com", "weight 31 rev 6 " ROUTES);
    assert_false(is_suspect(&site, "example.com"));
    assert_true(replica_orders_wants_load(site.orders));
    load_all(&site, "weight 31 rev 6 " ROUTES, 3);
    assert_string_equal(replica_orders_alarm(site.orders), "");
    assert_int_equal(weight_of(&site, "example.com"), 3100);
    site_close(&site);
}

static void
a_domain_that_comes_back_ends_the_alarm_by_itself(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 3);
    take_hash(&site, LIVE, "example.com", "");
    assert_int_not_equal(strlen(replica_orders_alarm(site.orders)), 0);
    take_hash(&site, LIVE, "example.com", "weight 30 " ROUTES);
    assert_string_equal(replica_orders_alarm(site.orders), "");
    assert_int_equal(site.alarms, 2);
    take_text(&site, LIVE, pin_key(0), NULL);
    assert_int_equal(pin_of(&site, "user0@example.com"), PIN_NONE);
    site_close(&site);
}

static void
a_forgotten_domain_may_go(void **state)
{
    struct site site;
    struct replica_domain found;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 0);
    take_hash(&site, LIVE, "example.com", "mode forgotten");
    take_hash(&site, LIVE, "example.com", "");
    replica_orders_begin_load(site.orders);
    assert_int_equal(finish_load(&site), REPLICA_LOAD_TAKEN);
    assert_int_equal(site.alarms, 0);
    assert_true(replica_find_domain(
        replica_orders_answering(site.orders), SPAN("example.com"), &found));
    assert_int_equal(found.state->mode, DOMAIN_MODE_FORGOTTEN);
    assert_false(found.suspect);
    site_close(&site);
}

static void
a_lower_rev_is_an_old_state(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 rev 5 " ROUTES, 1);
    take_hash(&site, LIVE, "example.com", "weight 70 rev 4 " ROUTES);
    assert_int_equal(weight_of(&site, "example.com"), 3000);
    assert_true(is_suspect(&site, "example.com"));
    assert_int_equal(site.alarms, 1);
    /* An edit by hand leaves the rev alone; without one the memory is gone. */
    take_hash(&site, LIVE, "example.com", "weight 71 rev 5 " ROUTES);
    assert_int_equal(weight_of(&site, "example.com"), 7100);
    assert_string_equal(replica_orders_alarm(site.orders), "");
    take_hash(&site, LIVE, "example.com", "weight 72 " ROUTES);
    assert_int_equal(weight_of(&site, "example.com"), 7200);
    take_hash(&site, LIVE, "example.com", "weight 73 rev 1 " ROUTES);
    assert_int_equal(weight_of(&site, "example.com"), 7300);
    site_close(&site);
}

static void
a_load_with_a_lower_rev_is_refused_whole(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 rev 5 " ROUTES, 3);
    read_all(&site, "weight 70 rev 4 " ROUTES, 5);
    take_hash(&site, LOADING, "example.org", "weight 1 " ROUTES);
    assert_int_equal(finish_load(&site), REPLICA_LOAD_REFUSED);
    assert_int_equal(weight_of(&site, "example.com"), 3000);
    assert_int_equal(weight_of(&site, "example.org"), -1);
    assert_int_equal(pin_of(&site, "user4@example.com"), PIN_NONE);
    assert_int_equal(site.alarms, 1);
    assert_non_null(strstr(site.alarm, "1 domain with a lower rev"));
    assert_true(is_suspect(&site, "example.com"));
    assert_true(is_suspect(&site, "example.org"));
    /* The same again: no second line. */
    read_all(&site, "weight 70 rev 4 " ROUTES, 5);
    take_hash(&site, LOADING, "example.org", "weight 1 " ROUTES);
    assert_int_equal(finish_load(&site), REPLICA_LOAD_REFUSED);
    assert_int_equal(site.alarms, 1);
    site_close(&site);
}

static void
pins_keep_their_last_good_meaning(void **state)
{
    struct site site;
    struct replica_value list = {.kind = VALUE_OTHER};

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 1);
    take_text(&site, LIVE, pin_key(0), "newish");
    assert_int_equal(pin_of(&site, "user0@example.com"), PIN_NEW);
    take_text(&site, LIVE, "pin:bob@example.com", "nonsense");
    assert_int_equal(pin_of(&site, "bob@example.com"), PIN_BAD);
    take_value(&site, LIVE, "pin:carol@example.com", &list);
    assert_int_equal(pin_of(&site, "carol@example.com"), PIN_BAD);
    assert_int_equal(site.problems, 3);
    /* Through a load, too. */
    replica_orders_begin_load(site.orders);
    take_hash(&site, LOADING, "example.com", "weight 30 " ROUTES);
    take_text(&site, LOADING, pin_key(0), "newish");
    take_text(&site, LOADING, "pin:bob@example.com", "nonsense");
    assert_int_equal(finish_load(&site), REPLICA_LOAD_TAKEN);
    assert_int_equal(pin_of(&site, "user0@example.com"), PIN_NEW);
    assert_int_equal(pin_of(&site, "bob@example.com"), PIN_BAD);
    assert_int_equal(pin_of(&site, "carol@example.com"), PIN_NONE);
    assert_int_equal(site.problems, 3);
    take_text(
        &site, LIVE, "pin:bob@example.com", "old until=2030-01-01T00:00:00Z note=x");
    assert_int_equal(pin_of(&site, "bob@example.com"), PIN_OLD);
    assert_string_equal(site.change, "redis bob@example.com pin bad->old");
    take_text(&site, LIVE, "pin:bob@example.com", "none");
    assert_int_equal(pin_of(&site, "bob@example.com"), PIN_NONE);
    site_close(&site);
}

static void
single_losses_are_orders_and_many_are_not(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 500);
    for (size_t i = 0; i < 100; i++)
        take_text(&site, LIVE, pin_key(i), NULL);
    assert_int_equal(pin_of(&site, "user42@example.com"), PIN_NONE);
    assert_int_equal(site.alarms, 0);
    take_text(&site, LIVE, pin_key(100), NULL);
    assert_int_equal(site.alarms, 1);
    assert_int_equal(pin_of(&site, "user42@example.com"), PIN_NEW);
    assert_int_equal(
        replica_count(replica_orders_answering(site.orders), REPLICA_PIN), 500);
    /* Until the alarm is over, nothing goes; what is written counts. */
    pass_time(&site, 100 * 1000);
    take_text(&site, LIVE, pin_key(200), NULL);
    assert_int_equal(pin_of(&site, "user200@example.com"), PIN_NEW);
    take_text(&site, LIVE, pin_key(200), "hold");
    assert_int_equal(pin_of(&site, "user200@example.com"), PIN_HOLD);
    site_close(&site);
}

static void
what_is_kept_of_a_domain_makes_it_suspect(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 500);
    take_hash(&site, LIVE, "example.org", "weight 30 " ROUTES);
    for (size_t i = 0; i < 101; i++)
        take_text(&site, LIVE, pin_key(i), NULL);
    assert_non_null(strstr(site.alarm, "101 of 500 pins went within 60 s"));
    assert_non_null(strstr(site.alarm, "100 pins and units of the last 60 s came back"));
    assert_true(is_suspect(&site, "example.com"));
    assert_false(is_suspect(&site, "example.org"));
    take_hash(&site, LIVE, "example.com", "weight 30 " ROUTES);
    assert_false(is_suspect(&site, "example.com"));
    /* A load that lacks them says so again; one that has them ends it. */
    read_all(&site, "weight 30 " ROUTES, 300);
    take_hash(&site, LOADING, "example.org", "weight 30 " ROUTES);
    assert_int_equal(finish_load(&site), REPLICA_LOAD_REFUSED);
    assert_true(is_suspect(&site, "example.com"));
    assert_false(is_suspect(&site, "example.org"));
    read_all(&site, "weight 30 " ROUTES, 500);
    take_hash(&site, LOADING, "example.org", "weight 30 " ROUTES);
    assert_int_equal(finish_load(&site), REPLICA_LOAD_TAKEN);
    assert_false(is_suspect(&site, "example.com"));
    site_close(&site);
}

static void
new_rules_end_what_they_do_not_allow(void **state)
{
    static const char *const less[] = {"cutover-old"};
    struct replica_rules narrow = rules;
    struct replica_domain found;
    struct site site;

    (void)state;
    narrow.state.transports = less;
    narrow.state.transport_count = 1;
    site_open(&site, false);
    load_all(&site, "weight 30 rev 4 " ROUTES, 0);
    replica_orders_set_rules(site.orders, &rules);
    assert_int_equal(weight_of(&site, "example.com"), 3000);
    replica_orders_set_rules(site.orders, &narrow);
    assert_true(replica_find_domain(
        replica_orders_answering(site.orders), SPAN("example.com"), &found));
    assert_true(found.ours && found.suspect);
    assert_null(found.state);
    assert_int_equal(found.rev, 4);
    site_close(&site);
}

/* The file's word is an order: nothing is lost, and nothing of others is frozen. */
static void
a_domain_taken_out_of_the_file_is_no_loss(void **state)
{
    static const char *const less[] = {"example.com"};
    struct replica_rules narrow = rules;
    struct replica_domain found;
    struct site site;

    (void)state;
    narrow.domains = less;
    narrow.domain_count = 1;
    site_open(&site, true);
    load_all(&site, "weight 30 rev 4 " ROUTES, 10);
    take_hash(&site, LIVE, "example.org", "weight 30 " ROUTES);
    for (int i = 0; i < 200; i++) {
        char key[64];

        snprintf(key, sizeof(key), "pin:other%d@example.org", i);
        take_text(&site, LIVE, key, "new");
    }
    take_list(&site, LIVE, "list:example.org:it", "a@example.org b@example.org");
    /* It goes from Redis first: an alarm, which the file's word then ends. */
    take_hash(&site, LIVE, "example.org", "");
    assert_int_equal(site.alarms, 1);
    replica_orders_set_rules(site.orders, &narrow);
    assert_string_equal(replica_orders_alarm(site.orders), "");
    assert_false(replica_find_domain(
        replica_orders_answering(site.orders), SPAN("example.org"), &found));
    assert_int_equal(weight_of(&site, "example.com"), 3000);

    /* With all of it gone, a load is taken, and so is a single deletion. */
    load_all(&site, "weight 30 rev 4 " ROUTES, 10);
    assert_string_equal(replica_orders_alarm(site.orders), "");
    assert_int_equal(pin_of(&site, "other1@example.org"), PIN_NONE);
    take_text(&site, LIVE, pin_key(1), NULL);
    assert_int_equal(pin_of(&site, "user1@example.com"), PIN_NONE);
    site_close(&site);
}

/* What is left in Redis of a domain that isn't listed may go in one go. */
static void
what_concerns_no_domain_of_the_file_is_no_loss(void **state)
{
    struct site site;
    char key[64];

    (void)state;
    site_open(&site, true);
    load_all(&site, "weight 30 " ROUTES, 10);
    for (int i = 0; i < 400; i++) {
        snprintf(
            key, sizeof(key), "%s:other%d@stranger.example", i % 2 ? "pin" : "unit", i);
        take_text(&site, LIVE, key, "new");
    }
    for (int i = 0; i < 400; i++) {
        snprintf(
            key, sizeof(key), "%s:other%d@stranger.example", i % 2 ? "pin" : "unit", i);
        take_text(&site, LIVE, key, NULL);
    }
    assert_string_equal(replica_orders_alarm(site.orders), "");
    assert_int_equal(pin_of(&site, "other399@stranger.example"), PIN_NONE);
    site_close(&site);
}

static void
a_lost_domain_brings_back_what_went_before(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 10);
    take_text(&site, LIVE, pin_key(0), NULL);
    pass_time(&site, 70 * 1000);
    take_text(&site, LIVE, pin_key(1), NULL);
    assert_int_equal(pin_of(&site, "user1@example.com"), PIN_NONE);
    take_hash(&site, LIVE, "example.com", "");
    assert_int_equal(pin_of(&site, "user0@example.com"), PIN_NONE);
    assert_int_equal(pin_of(&site, "user1@example.com"), PIN_NEW);
    take_text(&site, LIVE, pin_key(2), NULL);
    assert_int_equal(pin_of(&site, "user2@example.com"), PIN_NEW);
    site_close(&site);
}

static void
pins_written_none_or_expired_are_no_loss(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 300);
    for (size_t i = 0; i < 150; i++)
        take_text(&site, LIVE, pin_key(i), "none");
    for (size_t i = 150; i < 300; i++)
        take_text(&site, LIVE, pin_key(i), "new until=2020-01-01T00:00:00Z");
    for (size_t i = 0; i < 300; i++)
        take_text(&site, LIVE, pin_key(i), NULL);
    assert_int_equal(site.alarms, 0);
    assert_int_equal(
        replica_count(replica_orders_answering(site.orders), REPLICA_PIN), 0);
    site_close(&site);
}

/* SET ... EX: Redis deletes them itself, at a time that it told. */
static void
pins_that_redis_lets_expire_are_no_loss(void **state)
{
    struct site site;
    struct pin pin;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 0);
    read_all(&site, "weight 30 " ROUTES, 150);
    for (size_t i = 0; i < 150; i++)
        replica_orders_take_expiry(site.orders, span_of(pin_key(i) + 4), 30);
    assert_int_equal(finish_load(&site), REPLICA_LOAD_TAKEN);
    take_text(&site, LIVE, "pin:early@example.com", "new until=2001-01-01T00:00:00Z");
    replica_orders_take_expiry(site.orders, SPAN("early@example.com"), 30);
    (void)replica_find_pin(
        replica_orders_answering(site.orders), SPAN("early@example.com"), &pin);
    assert_true(pin.until < NOW);
    (void)replica_find_pin(
        replica_orders_answering(site.orders), SPAN("user3@example.com"), &pin);
    assert_int_equal(pin.until, NOW + 30);
    pass_time(&site, 31 * 1000);
    for (size_t i = 0; i < 150; i++)
        take_text(&site, LIVE, pin_key(i), NULL);
    assert_string_equal(replica_orders_alarm(site.orders), "");
    assert_int_equal(pin_of(&site, "user149@example.com"), PIN_NONE);
    /* Written anew without a time, it stays. */
    take_text(&site, LIVE, pin_key(0), "hold");
    replica_orders_take_expiry(site.orders, SPAN("user0@example.com"), 60);
    take_text(&site, LIVE, pin_key(0), "hold");
    (void)replica_find_pin(
        replica_orders_answering(site.orders), SPAN("user0@example.com"), &pin);
    assert_int_equal(pin.until, 0);
    site_close(&site);
}

static void
the_reply_for_held_mail_is_redis_or_the_files(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, false);
#define TEXT replica_hold_text(replica_orders_answering(site.orders))
    read_all(&site, "weight 30 " ROUTES, 1);
    take_text(&site, LOADING, "text:hold", "moved until six");
    assert_int_equal(finish_load(&site), REPLICA_LOAD_TAKEN);
    assert_string_equal(TEXT, "moved until six");
    take_text(&site, LIVE, "text:hold", "moved until seven");
    assert_string_equal(TEXT, "moved until seven");
    take_text(&site, LIVE, "text:hold", "two\nlines");
    assert_string_equal(TEXT, "moved until seven");
    assert_string_equal(site.kept, "moved until seven");
    take_text(&site, LIVE, "text:hold", "caf\xc3\xa9");
    take_text(&site, LIVE, "text:hold", "");
    assert_string_equal(TEXT, "moved until seven");
    read_all(&site, "weight 30 " ROUTES, 1);
    take_text(&site, LOADING, "text:hold", " blank");
    assert_int_equal(finish_load(&site), REPLICA_LOAD_TAKEN);
    assert_string_equal(TEXT, "moved until seven");
    take_text(&site, LIVE, "text:hold", NULL);
    assert_string_equal(TEXT, "");
    site_close(&site);
}

static void
units_are_canonical_and_guarded(void **state)
{
    struct site site;
    char key[64];

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 0);
    for (size_t i = 0; i < 300; i++) {
        snprintf(key, sizeof(key), "unit:user%zu@example.com", i);
        take_text(&site, LIVE, key, "Team+1@Example.com");
    }
    assert_true(span_is(replica_find_unit(replica_orders_answering(site.orders),
                            SPAN("user7@example.com")),
        "team@example.com"));
    take_text(&site, LIVE, "unit:user7@example.com", "");
    assert_true(span_is(replica_find_unit(replica_orders_answering(site.orders),
                            SPAN("user7@example.com")),
        "team@example.com"));
    assert_int_equal(site.problems, 1);
    for (size_t i = 0; i < 101; i++) {
        snprintf(key, sizeof(key), "unit:user%zu@example.com", i);
        take_text(&site, LIVE, key, NULL);
    }
    assert_int_equal(site.alarms, 1);
    assert_int_equal(
        replica_count(replica_orders_answering(site.orders), REPLICA_UNIT), 300);
    site_close(&site);
}

/* --- lists --- */

static void
lists_follow_redis_but_do_not_vanish(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 0);
    take_list(
        &site, LIVE, "list:example.com:it", "Anna@Example.com bert@example.com team");
    assert_int_equal(list_count(&site, "it"), 3);
    assert_true(replica_list_has(replica_orders_answering(site.orders),
        SPAN("example.com"), SPAN("it"), SPAN("anna@example.com")));
    take_list(&site, LIVE, "list:example.com:it", "team zoe@example.com");
    assert_int_equal(list_count(&site, "it"), 2);
    take_list(&site, LIVE, "list:example.com:it", "");
    assert_int_equal(list_count(&site, "it"), 2);
    assert_int_equal(site.problems, 1);
    assert_int_equal(site.alarms, 0);
    /* A load without it keeps it as well. */
    load_all(&site, "weight 30 " ROUTES, 0);
    assert_int_equal(list_count(&site, "it"), 2);
    assert_int_equal(
        replica_problems_count(replica_orders_problems(site.orders), PROBLEM_GONE), 1);
    take_list(&site, LIVE, "list:example.com:it", "team");
    assert_int_equal(
        replica_problems_count(replica_orders_problems(site.orders), PROBLEM_GONE), 0);
    take_list(&site, LIVE, "list:example.com:it", "");
    assert_int_equal(list_count(&site, "it"), 0);
    site_close(&site);
}

static void
lists_of_a_load_and_of_changes_meanwhile(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 0);
    read_all(&site, "weight 30 " ROUTES, 0);
    take_list(&site, LOADING, "list:example.com:it", "a b c");
    assert_int_equal(list_count(&site, "it"), 0);
    take_list(&site, BOTH, "list:example.com:it", "b c d");
    assert_int_equal(list_count(&site, "it"), 3);
    assert_int_equal(finish_load(&site), REPLICA_LOAD_TAKEN);
    assert_int_equal(list_count(&site, "it"), 3);
    assert_true(replica_list_has(replica_orders_answering(site.orders),
        SPAN("example.com"), SPAN("it"), SPAN("d")));
    site_close(&site);
}

/* --- loads --- */

static void
loads_with_small_losses_are_taken(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 1000);
    load_all(&site, "weight 31 " ROUTES, 900);
    assert_int_equal(
        replica_count(replica_orders_answering(site.orders), REPLICA_PIN), 900);
    assert_string_equal(site.change, "redis example.com weight 30->31");
    read_all(&site, "weight 32 " ROUTES, 799);
    assert_int_equal(finish_load(&site), REPLICA_LOAD_REFUSED);
    assert_int_equal(
        replica_count(replica_orders_answering(site.orders), REPLICA_PIN), 900);
    assert_int_equal(weight_of(&site, "example.com"), 3200);
    assert_non_null(strstr(site.alarm, "101 of 900 pins"));
    site_close(&site);
}

static void
changes_during_a_load_count_in_both(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 rev 1 " ROUTES, 2);
    read_all(&site, "weight 30 rev 1 " ROUTES, 2);
    take_hash(&site, BOTH, "example.com", "weight 60 rev 2 " ROUTES);
    take_text(&site, BOTH, pin_key(0), NULL);
    take_text(&site, BOTH, pin_key(5), "hold");
    assert_int_equal(weight_of(&site, "example.com"), 6000);
    assert_int_equal(replica_orders_step_load(site.orders, 1), REPLICA_LOAD_GOES_ON);
    take_text(&site, BOTH, pin_key(6), "hold");
    assert_int_equal(finish_load(&site), REPLICA_LOAD_TAKEN);
    assert_int_equal(weight_of(&site, "example.com"), 6000);
    assert_int_equal(pin_of(&site, "user0@example.com"), PIN_NONE);
    assert_int_equal(pin_of(&site, "user1@example.com"), PIN_NEW);
    assert_int_equal(pin_of(&site, "user5@example.com"), PIN_HOLD);
    assert_int_equal(pin_of(&site, "user6@example.com"), PIN_HOLD);
    site_close(&site);
}

/* Steps until everything but the last moment has been compared. */
static void
compare_all(struct site *site)
{
    for (int i = 0; i < 400; i++)
        assert_int_equal(replica_orders_step_load(site->orders, 1), REPLICA_LOAD_GOES_ON);
}

static void
losses_behind_the_comparison_are_losses(void **state)
{
    struct site site;
    struct replica_domain found;

    (void)state;
    /* A domain that goes when the domains have been compared. */
    for (int steps = 1; steps < 320; steps += 40) {
        site_open(&site, false);
        load_all(&site, "weight 30 " ROUTES, 300);
        read_all(&site, "weight 30 " ROUTES, 300);
        for (int i = 0; i < steps; i++)
            assert_int_equal(
                replica_orders_step_load(site.orders, 1), REPLICA_LOAD_GOES_ON);
        take_hash(&site, BOTH, "example.com", "");
        assert_int_equal(finish_load(&site), REPLICA_LOAD_REFUSED);
        assert_int_equal(weight_of(&site, "example.com"), 3000);
        assert_int_not_equal(strlen(replica_orders_alarm(site.orders)), 0);
        site_close(&site);
    }

    /* More pins than may go. */
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 300);
    read_all(&site, "weight 30 " ROUTES, 300);
    for (int i = 0; i < 303; i++)
        (void)replica_orders_step_load(site.orders, 1);
    for (size_t i = 0; i < 120; i++)
        take_text(&site, BOTH, pin_key(i), NULL);
    assert_int_equal(finish_load(&site), REPLICA_LOAD_REFUSED);
    assert_int_equal(
        replica_count(replica_orders_answering(site.orders), REPLICA_PIN), 300);
    site_close(&site);

    /* A whole list, and a forgotten domain: neither is a loss, and neither goes. */
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 399);
    take_list(&site, LIVE, "list:example.com:it", "a b");
    take_hash(&site, LIVE, "gone.example", "mode forgotten");
    read_all(&site, "weight 30 " ROUTES, 399);
    take_list(&site, LOADING, "list:example.com:it", "a b");
    take_hash(&site, LOADING, "gone.example", "mode forgotten");
    compare_all(&site);
    take_list(&site, BOTH, "list:example.com:it", "");
    take_hash(&site, BOTH, "gone.example", "");
    assert_int_equal(finish_load(&site), REPLICA_LOAD_TAKEN);
    assert_int_equal(list_count(&site, "it"), 2);
    assert_true(replica_find_domain(
        replica_orders_answering(site.orders), SPAN("gone.example"), &found));
    assert_int_equal(found.state->mode, DOMAIN_MODE_FORGOTTEN);
    site_close(&site);
}

static void
an_accepted_loss_behind_the_comparison_leaves_no_state(void **state)
{
    struct site site;
    struct replica_domain found;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 399);
    assert_true(accept(&site, "* 1800000000"));
    read_all(&site, "weight 30 " ROUTES, 399);
    compare_all(&site);
    take_hash(&site, BOTH, "example.com", "");
    assert_int_equal(finish_load(&site), REPLICA_LOAD_TAKEN);
    assert_true(replica_find_domain(
        replica_orders_answering(site.orders), SPAN("example.com"), &found));
    assert_true(found.ours);
    assert_null(found.state);
    site_close(&site);
}

static void
an_empty_redis_is_refused_but_at_first(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, false);
    assert_false(replica_is_loaded(replica_orders_answering(site.orders)));
    replica_orders_begin_load(site.orders);
    assert_int_equal(finish_load(&site), REPLICA_LOAD_TAKEN);
    assert_true(replica_is_loaded(replica_orders_answering(site.orders)));
    load_all(&site, "weight 30 " ROUTES, 200);
    replica_orders_begin_load(site.orders);
    assert_int_equal(finish_load(&site), REPLICA_LOAD_REFUSED);
    assert_int_equal(weight_of(&site, "example.com"), 3000);
    assert_int_equal(pin_of(&site, "user7@example.com"), PIN_NEW);
    site_close(&site);
}

/*
 * Two gateways come back to a Redis that was emptied, one before and one after an
 * operator wrote a domain's state anew: both answer by it.
 */
static void
a_word_in_a_load_that_lacks_much_is_taken(void **state)
{
    struct site live;
    struct site late;

    (void)state;
    for (struct site *site = &live;; site = &late) {
        site_open(site, false);
        load_all(site, "weight 100 rev 5 " ROUTES, 300);
        take_hash(site, LIVE, "example.org", "weight 10 rev 3 " ROUTES);
        if (site == &late)
            break;
    }
    replica_orders_begin_load(live.orders);
    assert_int_equal(finish_load(&live), REPLICA_LOAD_REFUSED);
    take_hash(&live, LIVE, "example.com", "weight 0 rev 6 " ROUTES);

    replica_orders_begin_load(late.orders);
    take_hash(&late, LOADING, "example.com", "weight 0 rev 6 " ROUTES);
    take_text(&late, LOADING, pin_key(7), "old");
    assert_int_equal(finish_load(&late), REPLICA_LOAD_REFUSED);

    assert_int_equal(weight_of(&live, "example.com"), 0);
    assert_int_equal(weight_of(&late, "example.com"), 0);
    assert_int_equal(weight_of(&late, "example.org"), 1000);
    assert_int_equal(pin_of(&late, "user0@example.com"), PIN_NEW);
    assert_int_equal(pin_of(&late, "user7@example.com"), PIN_NEW);
    assert_true(is_suspect(&late, "example.com")); /* a pin is not taken */
    assert_true(is_suspect(&late, "example.org"));
    assert_string_not_equal(replica_orders_alarm(late.orders), "");
    site_close(&live);
    site_close(&late);
}

static void
an_incomplete_word_is_none_and_is_seen(void **state)
{
    struct replica_domain found;
    struct site site;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 100 rev 5 " ROUTES, 300);
    replica_orders_begin_load(site.orders);
    take_hash(&site, LOADING, "example.com", "weight 0 ");
    take_hash(&site, LOADING, "example.net", "weight 50 " ROUTES);
    assert_int_equal(finish_load(&site), REPLICA_LOAD_REFUSED);
    assert_int_equal(weight_of(&site, "example.com"), 10000);
    assert_true(replica_find_domain(
        replica_orders_answering(site.orders), SPAN("example.com"), &found));
    assert_true(found.suspect);
    assert_non_null(strstr(found.why, "is missing"));
    assert_int_equal(found.rev, 5);
    assert_int_equal(weight_of(&site, "example.net"), 5000);
    site_close(&site);
}

/* --- accept --- */

static void
accepting_all_takes_what_is_there(void **state)
{
    struct site site;
    struct replica_domain found;
    int64_t time;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 rev 5 " ROUTES, 300);
    take_hash(&site, LIVE, "example.org", "weight 10 " ROUTES);
    take_list(&site, LIVE, "list:example.com:it", "a b c");
    read_all(&site, "weight 70 rev 4 " ROUTES, 1);
    assert_int_equal(finish_load(&site), REPLICA_LOAD_REFUSED);
    assert_true(accept(&site, "* 1800000000"));
    assert_true(replica_orders_wants_load(site.orders));
    read_all(&site, "weight 70 rev 4 " ROUTES, 1);
    assert_int_equal(finish_load(&site), REPLICA_LOAD_TAKEN);
    assert_int_equal(weight_of(&site, "example.com"), 7000);
    assert_int_equal(
        replica_count(replica_orders_answering(site.orders), REPLICA_PIN), 1);
    assert_int_equal(list_count(&site, "it"), 0);
    assert_true(replica_find_domain(
        replica_orders_answering(site.orders), SPAN("example.org"), &found));
    assert_true(found.ours);
    assert_null(found.state);
    assert_string_equal(replica_orders_alarm(site.orders), "");
    assert_true(replica_orders_accepted(site.orders, &time));
    assert_int_equal(time, 1800000000);
    /* Once. */
    assert_false(accept(&site, "* 1800000000"));
    assert_false(accept(&site, "* 1799999999"));
    read_all(&site, "weight 70 rev 3 " ROUTES, 1);
    assert_int_equal(finish_load(&site), REPLICA_LOAD_REFUSED);
    site_close(&site);
}

static void
accepting_one_domain_leaves_the_others(void **state)
{
    struct site site;
    struct replica_domain found;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 rev 5 " ROUTES, 3);
    take_hash(&site, LIVE, "example.org", "weight 10 " ROUTES);
    take_text(&site, LIVE, "pin:zoe@example.org", "new");
    take_text(&site, LIVE, "unit:zoe@example.org", "z@example.org");
    take_list(&site, LIVE, "list:example.com:it", "a b c");
    assert_true(accept(&site, "Example.ORG 1800000001"));
    /* Redis has lost both domains. */
    replica_orders_begin_load(site.orders);
    take_text(&site, LOADING, "pin:yan@example.org", "hold");
    take_text(&site, LOADING, "pin:user9@example.com", "hold");
    assert_int_equal(finish_load(&site), REPLICA_LOAD_REFUSED);
    assert_true(replica_find_domain(
        replica_orders_answering(site.orders), SPAN("example.org"), &found));
    assert_null(found.state);
    assert_int_equal(pin_of(&site, "zoe@example.org"), PIN_NONE);
    assert_int_equal(pin_of(&site, "yan@example.org"), PIN_HOLD);
    assert_int_equal(pin_of(&site, "user9@example.com"), PIN_NONE);
    assert_int_equal(pin_of(&site, "user1@example.com"), PIN_NEW);
    assert_int_equal(
        replica_find_unit(replica_orders_answering(site.orders), SPAN("zoe@example.org"))
            .length,
        0);
    assert_int_equal(weight_of(&site, "example.com"), 3000);
    assert_int_equal(list_count(&site, "it"), 3);
    assert_non_null(strstr(replica_orders_alarm(site.orders), "1 of 2 domains"));
    /* And the other one. */
    assert_true(accept(&site, "example.com 1800000002"));
    replica_orders_begin_load(site.orders);
    take_text(&site, LOADING, "pin:yan@example.org", "hold");
    assert_int_equal(finish_load(&site), REPLICA_LOAD_TAKEN);
    assert_int_equal(weight_of(&site, "example.com"), -1);
    assert_int_equal(list_count(&site, "it"), 0);
    assert_string_equal(replica_orders_alarm(site.orders), "");
    site_close(&site);
}

static void
a_first_start_only_remembers_what_was_accepted(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, false);
    assert_false(accept(&site, "* 1799990000"));
    load_all(&site, "weight 30 " ROUTES, 0);
    assert_false(accept(&site, "* 1799990000"));
    assert_true(accept(&site, "* 1799990001"));
    site_close(&site);

    site_open(&site, false);
    replica_orders_adopt(site.orders, replica_new(), true, 1799990000);
    assert_true(accept(&site, "* 1799990001"));
    site_close(&site);
}

static void
nonsense_is_not_accepted(void **state)
{
    static const char *const rows[] = {"", "*", "* abc", "* -1", "* 1800000000 x",
        "a..b 1800000000", "1800000000 *", "* 1800200000", "* 99999999999999999999"};
    struct site site;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 " ROUTES, 0);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        assert_false(accept(&site, rows[i]));
        assert_int_equal(site.problems, i + 1);
    }
    site_close(&site);
}

static void
what_was_accepted_outlives_a_load_that_was_given_up(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, false);
    load_all(&site, "weight 30 rev 5 " ROUTES, 0);
    assert_true(accept(&site, "* 1800000000"));
    read_all(&site, "weight 70 rev 4 " ROUTES, 0);
    replica_orders_drop_load(site.orders);
    assert_true(replica_orders_wants_load(site.orders));
    load_all(&site, "weight 70 rev 4 " ROUTES, 0);
    assert_int_equal(weight_of(&site, "example.com"), 7000);
    assert_false(accept(&site, "* 1800000000"));
    site_close(&site);
}

/* --- overrides --- */

static void
overrides_win_through_loads(void **state)
{
    static const struct override_entry entries[] = {
        {"example.com", {.has_weight = true, .weight = 0}},
        {"example.org", {.has_mode = true, .mode = DOMAIN_MODE_OLD}},
    };
    struct site site;
    struct replica_domain found;

    (void)state;
    site_open(&site, false);
    replica_orders_set_overrides(site.orders, entries, 2, false);
    assert_string_equal(site.change, "override example.org override ->mode=old");
    load_all(&site, "weight 30 " ROUTES, 0);
    assert_true(replica_find_domain(
        replica_orders_answering(site.orders), SPAN("example.com"), &found));
    assert_true(found.override.has_weight);
    assert_int_equal(found.override.weight, 0);
    replica_orders_set_overrides(site.orders, entries + 1, 1, false);
    assert_string_equal(site.change, "override example.com override weight=0->");
    assert_true(replica_find_domain(
        replica_orders_answering(site.orders), SPAN("example.com"), &found));
    assert_false(found.override.has_weight);
    load_all(&site, "weight 30 " ROUTES, 0);
    assert_true(replica_find_domain(
        replica_orders_answering(site.orders), SPAN("example.org"), &found));
    assert_true(found.override.has_mode);
    assert_false(found.ours);
    site_close(&site);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_hashes_keep_the_last_good_state),
        cmocka_unit_test(a_problem_says_what_counts_instead),
        cmocka_unit_test(what_is_hardly_meant_is_taken_and_said),
        cmocka_unit_test(a_hash_that_never_was_good_gives_no_state),
        cmocka_unit_test(good_hashes_are_taken_and_told),
        cmocka_unit_test(domains_that_the_file_does_not_list_are_refused),
        cmocka_unit_test(a_domain_that_goes_is_kept_with_an_alarm),
        cmocka_unit_test(a_domain_that_comes_back_ends_the_alarm_by_itself),
        cmocka_unit_test(a_forgotten_domain_may_go),
        cmocka_unit_test(a_lower_rev_is_an_old_state),
        cmocka_unit_test(a_load_with_a_lower_rev_is_refused_whole),
        cmocka_unit_test(pins_keep_their_last_good_meaning),
        cmocka_unit_test(single_losses_are_orders_and_many_are_not),
        cmocka_unit_test(what_is_kept_of_a_domain_makes_it_suspect),
        cmocka_unit_test(new_rules_end_what_they_do_not_allow),
        cmocka_unit_test(a_domain_taken_out_of_the_file_is_no_loss),
        cmocka_unit_test(what_concerns_no_domain_of_the_file_is_no_loss),
        cmocka_unit_test(a_lost_domain_brings_back_what_went_before),
        cmocka_unit_test(pins_written_none_or_expired_are_no_loss),
        cmocka_unit_test(pins_that_redis_lets_expire_are_no_loss),
        cmocka_unit_test(the_reply_for_held_mail_is_redis_or_the_files),
        cmocka_unit_test(units_are_canonical_and_guarded),
        cmocka_unit_test(lists_follow_redis_but_do_not_vanish),
        cmocka_unit_test(lists_of_a_load_and_of_changes_meanwhile),
        cmocka_unit_test(loads_with_small_losses_are_taken),
        cmocka_unit_test(changes_during_a_load_count_in_both),
        cmocka_unit_test(losses_behind_the_comparison_are_losses),
        cmocka_unit_test(an_accepted_loss_behind_the_comparison_leaves_no_state),
        cmocka_unit_test(an_empty_redis_is_refused_but_at_first),
        cmocka_unit_test(a_word_in_a_load_that_lacks_much_is_taken),
        cmocka_unit_test(an_incomplete_word_is_none_and_is_seen),
        cmocka_unit_test(accepting_all_takes_what_is_there),
        cmocka_unit_test(accepting_one_domain_leaves_the_others),
        cmocka_unit_test(a_first_start_only_remembers_what_was_accepted),
        cmocka_unit_test(nonsense_is_not_accepted),
        cmocka_unit_test(what_was_accepted_outlives_a_load_that_was_given_up),
        cmocka_unit_test(overrides_win_through_loads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
