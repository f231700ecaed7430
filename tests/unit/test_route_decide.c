/*
 * The decision: every step of it, in its order.
 *
 * A row's site is text, one thing a line: `domain NAME field=value...`, `ours NAME`
 * (ours, without a state), `pin NAME TEXT`, `unit RECIPIENT UNIT`, `list DOMAIN LIST
 * UNIT`, `override LINE`, `suspect NAME`, `unloaded`, `only DOMAIN` (a domain of the
 * file).
 */
#include "tests/unit/unit.h"

#include "policyd/replica/override_text.h"
#include "policyd/routing/bucket.h"
#include "policyd/routing/route_decide.h"
#include "shared/base/attributes.h"

#include <stdio.h>
#include <string.h>

enum { NOW = 1795521600, ONLY_MAX = 4 };

#define BEFORE "2026-11-24T11:59:59Z"
#define AFTER "2026-11-24T12:00:01Z"
#define ROUTES " old=cutover-old:[o]:25 new=cutover-new:[n]:25"
#define STANDBY " standby=cutover-standby:[s]:25"
#define SITE "domain example.com old=site new=cutover-new:[n]:25 weight="
#define EXAMPLE "domain example.com weight=30" ROUTES "\n"

struct site {
    struct replica *replica;
    struct route_rules rules;
    char only[ONLY_MAX][64];
    const char *names[ONLY_MAX];
    bool is_unloaded;
};

static struct domain_state *
parse_state(struct span name, struct span words)
{
    static const struct domain_state_rules rules = {0};
    struct domain_field fields[16];
    struct domain_problem problem = {0};
    struct domain_state *state;
    struct span word;
    size_t count = 0;

    while (span_word(&words, &word)) {
        fields[count].name = span_first(word, span_find(word, '='));
        fields[count].value = span_from(word, span_find(word, '=') + 1);
        count++;
    }
    state = domain_state_parse(name, fields, count, &rules, &problem, NULL, NULL);
    if (state == NULL)
        print_message("# %s: %s\n", problem.field, problem.text);
    assert_non_null(state);
    return state;
}

static void
put_override(struct replica *replica, struct span line)
{
    struct override_text text;

    if (!override_text_parse(line, &text))
        override_text_doubt(&text);
    replica_set_unclear(replica, text.unclear);
    if (text.unclear) {
        override_text_clear(&text);
        return;
    }
    assert_int_equal(text.count, 1);
    assert_true(replica_set_override(
        replica, span_of(text.entries[0].domain), &text.entries[0].override));
    override_text_clear(&text);
}

static void
put_pin(struct replica *replica, struct span name, struct span text)
{
    struct pin pin;
    struct error error;

    (void)pin_parse(span_trim(text), &pin, &error);
    assert_true(replica_put_pin(replica, name, pin.place, pin.until));
}

static void
set_up_line(struct site *site, struct span line)
{
    struct replica *replica = site->replica;
    struct span verb;
    struct span name = {NULL, 0};
    struct span word;

    if (!span_word(&line, &verb))
        return;
    if (span_is(verb, "override")) {
        put_override(replica, line);
        return;
    }
    (void)span_word(&line, &name);
    if (span_is(verb, "domain"))
        assert_true(replica_put_domain(replica, name, parse_state(name, line), 0));
    else if (span_is(verb, "ours"))
        assert_true(replica_put_domain(replica, name, NULL, 0));
    else if (span_is(verb, "pin"))
        put_pin(replica, name, line);
    else if (span_is(verb, "unit"))
        assert_true(replica_put_unit(replica, name, span_trim(line)));
    else if (span_is(verb, "list") && span_word(&line, &word))
        assert_true(replica_put_member(replica, name, word, span_trim(line)));
    else if (span_is(verb, "suspect"))
        assert_true(replica_set_suspect(replica, name, "why"));
    else if (span_is(verb, "unloaded"))
        site->is_unloaded = true;
    else if (span_is(verb, "only"))
        assert_true(span_copy(name, site->only[site->rules.domain_count++], 64));
    else
        fail_msg("no such verb");
}

static void
set_up(struct site *site, const char *text)
{
    struct span rest = span_of(text);
    struct span line;

    *site = (struct site){
        .replica = replica_new(),
        .rules = {.recipient = {.delimiters = "+", .fold_local_part = true},
            .system_recipients_on_old = true,
            .domains = site->names},
    };
    for (size_t i = 0; i < ONLY_MAX; i++)
        site->names[i] = site->only[i];
    while (span_split(&rest, '\n', &line))
        set_up_line(site, line);
    if (!site->is_unloaded)
        replica_set_loaded(site->replica);
}

struct row {
    const char *what;
    const char *site;
    const char *address;
    enum route_place place;
    enum route_reason reason;
};

static void
check_route(const struct row *row, const struct route *route)
{
    assert_string_equal(route_place_name(route->place), route_place_name(row->place));
    assert_string_equal(route_reason_name(route->reason), route_reason_name(row->reason));
    assert_int_equal(route->state != NULL,
        route->place != ROUTE_NOT_OURS && route->place != ROUTE_UNKNOWN);
    assert_int_equal(route->nexthop[0] != '\0', route->place == ROUTE_OLD ||
                                                    route->place == ROUTE_NEW ||
                                                    route->place == ROUTE_STANDBY);
    if (route->place == ROUTE_OLD)
        assert_string_equal(route->nexthop, "cutover-old:[o]:25");
    if (route->place == ROUTE_NEW)
        assert_string_equal(route->nexthop, "cutover-new:[n]:25");
    if (route->place == ROUTE_STANDBY)
        assert_string_equal(route->nexthop, "cutover-standby:[s]:25");
    assert_int_equal(
        route->recipient.length == 0, route->reason == ROUTE_REASON_NO_ADDRESS);
    if (route->reason == ROUTE_REASON_PIN || route->reason == ROUTE_REASON_PIN_HOLD ||
        route->reason == ROUTE_REASON_BAD_PIN) {
        assert_true(route->pin.place != PIN_NONE);
        assert_true(route->pin_name.length > 0);
    }
    assert_int_equal(route->list.length != 0, route->reason == ROUTE_REASON_LIST);
}

static void
check_with(void (*decide)(const struct route_rules *, const struct replica *, struct span,
               int64_t, struct route *),
    const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct site site;
        struct route route;

        print_message("# %s\n", rows[i].what);
        set_up(&site, rows[i].site);
        decide(&site.rules, site.replica, span_of(rows[i].address), NOW, &route);
        check_route(&rows[i], &route);
        replica_free(site.replica);
    }
}

static void
check(const struct row *rows, size_t count)
{
    check_with(route_decide, rows, count);
}

/* alice's bucket is 5319, user000's 4649, a.smith's 667. */
static void
splits_by_bucket(void **state)
{
    static const struct row rows[] = {
        {"not below", EXAMPLE, "alice@example.com", ROUTE_OLD, ROUTE_REASON_BUCKET},
        {"below", EXAMPLE, "a.smith@example.com", ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"just not below", "domain example.com weight=53.19" ROUTES, "alice@example.com",
            ROUTE_OLD, ROUTE_REASON_BUCKET},
        {"just below", "domain example.com weight=53.2" ROUTES, "alice@example.com",
            ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"canonical first", "domain example.com weight=53.2" ROUTES,
            "Alice+x@EXAMPLE.com.", ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"batv too", "domain example.com weight=53.2" ROUTES, "prvs=1a=alice@example.com",
            ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"weight 0", "domain example.com weight=0" ROUTES, "a.smith@example.com",
            ROUTE_OLD, ROUTE_REASON_BUCKET},
        {"weight 100", "domain example.com weight=100" ROUTES, "alice@example.com",
            ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"by unit", EXAMPLE "unit alice@example.com a.smith@example.com",
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_BUCKET},
    };

    (void)state;
    check(rows, ARRAY_LENGTH(rows));
}

static void
knows_what_is_ours(void **state)
{
    static const struct row rows[] = {
        {"another's", EXAMPLE, "a@example.net", ROUTE_NOT_OURS, ROUTE_REASON_NOT_OURS},
        {"a sub-domain inherits not", EXAMPLE, "a@sub.example.com", ROUTE_NOT_OURS,
            ROUTE_REASON_NOT_OURS},
        {"nor the one above", "domain a.example.com weight=1" ROUTES, "a@example.com",
            ROUTE_NOT_OURS, ROUTE_REASON_NOT_OURS},
        {"no address", EXAMPLE, "*", ROUTE_NOT_OURS, ROUTE_REASON_NO_ADDRESS},
        {"an address literal", EXAMPLE, "a@[192.0.2.1]", ROUTE_NOT_OURS,
            ROUTE_REASON_NO_ADDRESS},
        {"empty", EXAMPLE, "", ROUTE_NOT_OURS, ROUTE_REASON_NO_ADDRESS},
        {"forgotten", "domain example.com mode=forgotten", "a@example.com",
            ROUTE_NOT_OURS, ROUTE_REASON_FORGOTTEN},
        {"forgotten, listed", "only example.com\ndomain example.com mode=forgotten",
            "a@example.com", ROUTE_NOT_OURS, ROUTE_REASON_FORGOTTEN},
        {"ours, no state", "ours example.com", "a@example.com", ROUTE_UNKNOWN,
            ROUTE_REASON_NO_STATE},
        {"never had a good one", "suspect example.com", "a@example.com", ROUTE_NOT_OURS,
            ROUTE_REASON_NOT_OURS},
        {"only in the override file", "override example.com mode=old", "a@example.com",
            ROUTE_NOT_OURS, ROUTE_REASON_NOT_OURS},
        {"listed, unknown to Redis", "only example.com", "a@example.com", ROUTE_UNKNOWN,
            ROUTE_REASON_NO_STATE},
        {"listed, never a good one", "only example.com\nsuspect example.com",
            "a@example.com", ROUTE_UNKNOWN, ROUTE_REASON_NO_STATE},
        {"listed, only overridden", "only example.com\noverride example.com mode=old",
            "a@example.com", ROUTE_UNKNOWN, ROUTE_REASON_NO_STATE},
        {"listed and good", "only a.example\nonly example.com\n" EXAMPLE,
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_BUCKET},
        {"another one listed", "only example.net\n" EXAMPLE, "alice@example.com",
            ROUTE_NOT_OURS, ROUTE_REASON_NOT_OURS},
        {"nothing loaded", "unloaded", "a@example.com", ROUTE_UNKNOWN,
            ROUTE_REASON_NOT_LOADED},
        {"half loaded", "unloaded\n" EXAMPLE, "alice@example.com", ROUTE_UNKNOWN,
            ROUTE_REASON_NOT_LOADED},
        {"nothing loaded, no address", "unloaded", "*", ROUTE_NOT_OURS,
            ROUTE_REASON_NO_ADDRESS},
        {"nothing loaded, listed", "unloaded\nonly example.com", "a@example.com",
            ROUTE_UNKNOWN, ROUTE_REASON_NOT_LOADED},
        {"half loaded, listed", "unloaded\nonly example.com\n" EXAMPLE,
            "alice@example.com", ROUTE_UNKNOWN, ROUTE_REASON_NOT_LOADED},
        {"nothing loaded, not listed", "unloaded\nonly example.com", "a@example.net",
            ROUTE_NOT_OURS, ROUTE_REASON_NOT_OURS},
    };

    (void)state;
    check(rows, ARRAY_LENGTH(rows));
}

#define ALIAS "domain alias.example same_as=example.com\n"

static void
follows_same_as_once(void **state)
{
    static const struct row rows[] = {
        {"its bucket", ALIAS "domain example.com weight=53.2" ROUTES,
            "Alice+x@alias.example", ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"its bucket, other side", ALIAS "domain example.com weight=53.19" ROUTES,
            "alice@alias.example", ROUTE_OLD, ROUTE_REASON_BUCKET},
        {"its pins", ALIAS EXAMPLE "pin alice@example.com new", "alice@alias.example",
            ROUTE_NEW, ROUTE_REASON_PIN},
        {"no pins of its own", ALIAS EXAMPLE "pin alice@alias.example new",
            "alice@alias.example", ROUTE_OLD, ROUTE_REASON_BUCKET},
        {"its units", ALIAS EXAMPLE "unit alice@example.com a.smith@example.com",
            "alice@alias.example", ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"its lists",
            ALIAS "domain example.com weight=0 lists=it" ROUTES
                  "\nlist example.com it alice@example.com",
            "alice@alias.example", ROUTE_NEW, ROUTE_REASON_LIST},
        {"its mode", ALIAS "domain example.com weight=0 mode=hold" ROUTES,
            "alice@alias.example", ROUTE_HOLD, ROUTE_REASON_MODE},
        {"own fields count not",
            "domain alias.example same_as=example.com mode=hold weight=100" ROUTES
            "\n" EXAMPLE,
            "alice@alias.example", ROUTE_OLD, ROUTE_REASON_BUCKET},
        {"own forgotten does",
            "domain alias.example same_as=example.com mode=forgotten\n" EXAMPLE,
            "alice@alias.example", ROUTE_NOT_OURS, ROUTE_REASON_FORGOTTEN},
        {"target forgotten", ALIAS "domain example.com mode=forgotten",
            "alice@alias.example", ROUTE_NOT_OURS, ROUTE_REASON_FORGOTTEN},
        {"target unknown", ALIAS, "alice@alias.example", ROUTE_UNKNOWN,
            ROUTE_REASON_NO_STATE},
        {"target without state", ALIAS "ours example.com", "alice@alias.example",
            ROUTE_UNKNOWN, ROUTE_REASON_NO_STATE},
        {"target never good", ALIAS "suspect example.com", "alice@alias.example",
            ROUTE_UNKNOWN, ROUTE_REASON_NO_STATE},
        {"no second step", "domain one.example same_as=alias.example\n" ALIAS EXAMPLE,
            "alice@one.example", ROUTE_UNKNOWN, ROUTE_REASON_NO_STATE},
        {"a target's own fields",
            "domain one.example same_as=two.example\ndomain two.example "
            "same_as=example.com weight=100" ROUTES "\n" EXAMPLE,
            "alice@one.example", ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"a target that lacks one",
            "domain one.example same_as=two.example\ndomain two.example "
            "same_as=example.com" ROUTES "\n" EXAMPLE,
            "alice@one.example", ROUTE_UNKNOWN, ROUTE_REASON_NO_STATE},
        {"each other's",
            "domain a.example same_as=b.example\ndomain b.example same_as=a.example",
            "x@a.example", ROUTE_UNKNOWN, ROUTE_REASON_NO_STATE},
        {"both listed", "only alias.example\nonly example.com\n" ALIAS EXAMPLE,
            "alice@alias.example", ROUTE_OLD, ROUTE_REASON_BUCKET},
        {"target not listed", "only alias.example\n" ALIAS EXAMPLE, "alice@alias.example",
            ROUTE_UNKNOWN, ROUTE_REASON_NO_STATE},
        {"alias not listed", "only example.com\n" ALIAS EXAMPLE, "alice@alias.example",
            ROUTE_NOT_OURS, ROUTE_REASON_NOT_OURS},
        {"postmaster of the alias", ALIAS "domain example.com weight=99.99" ROUTES,
            "postmaster@alias.example", ROUTE_OLD, ROUTE_REASON_SYSTEM},
    };

    (void)state;
    check(rows, ARRAY_LENGTH(rows));
}

static void
obeys_pins_and_mode_in_order(void **state)
{
    static const struct row rows[] = {
        {"pin old", "domain example.com weight=100" ROUTES "\npin alice@example.com old",
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_PIN},
        {"pin new", EXAMPLE "pin alice@example.com new", "alice@example.com", ROUTE_NEW,
            ROUTE_REASON_PIN},
        {"pin standby",
            "domain example.com weight=0" ROUTES STANDBY
            "\npin alice@example.com standby",
            "alice@example.com", ROUTE_STANDBY, ROUTE_REASON_PIN},
        {"standby without one", EXAMPLE "pin alice@example.com standby",
            "alice@example.com", ROUTE_UNKNOWN, ROUTE_REASON_NO_STANDBY},
        {"pin hold", EXAMPLE "pin alice@example.com hold", "alice@example.com",
            ROUTE_HOLD, ROUTE_REASON_PIN_HOLD},
        {"another's pin", EXAMPLE "pin bob@example.com hold", "alice@example.com",
            ROUTE_OLD, ROUTE_REASON_BUCKET},
        {"of the unit", EXAMPLE "unit alice@example.com team\npin team new",
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_PIN},
        {"recipient before unit",
            EXAMPLE
            "unit alice@example.com team\npin team new\npin alice@example.com old",
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_PIN},
        {"a unit's hold goes first",
            EXAMPLE
            "unit alice@example.com team\npin team hold\npin alice@example.com new",
            "alice@example.com", ROUTE_HOLD, ROUTE_REASON_PIN_HOLD},
        {"hold before mode old",
            "domain example.com mode=old weight=0" ROUTES "\npin alice@example.com hold",
            "alice@example.com", ROUTE_HOLD, ROUTE_REASON_PIN_HOLD},
        {"unit hold before mode",
            "domain example.com mode=new weight=0" ROUTES
            "\nunit alice@example.com team\npin team hold",
            "alice@example.com", ROUTE_HOLD, ROUTE_REASON_PIN_HOLD},
        {"mode old before pin",
            "domain example.com mode=old weight=100" ROUTES "\npin alice@example.com new",
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_MODE},
        {"mode new before pin",
            "domain example.com mode=new weight=0" ROUTES "\npin alice@example.com old",
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_MODE},
        {"mode standby",
            "domain example.com mode=standby weight=0" ROUTES STANDBY
            "\npin alice@example.com new",
            "alice@example.com", ROUTE_STANDBY, ROUTE_REASON_MODE},
        {"mode hold",
            "domain example.com mode=hold weight=0" ROUTES "\npin alice@example.com new",
            "alice@example.com", ROUTE_HOLD, ROUTE_REASON_MODE},
        {"mode before postmaster", "domain example.com mode=new weight=0" ROUTES,
            "postmaster@example.com", ROUTE_NEW, ROUTE_REASON_MODE},
        {"mode before exclude",
            "domain example.com mode=new weight=0" ROUTES
            "\nlist example.com exclude alice@example.com",
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_MODE},
        {"pin before postmaster", EXAMPLE "pin postmaster@example.com new",
            "postmaster@example.com", ROUTE_NEW, ROUTE_REASON_PIN},
        {"pin before exclude",
            EXAMPLE
            "pin alice@example.com new\nlist example.com exclude alice@example.com",
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_PIN},
        {"a pin not yet over", EXAMPLE "pin alice@example.com new until=" AFTER,
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_PIN},
        {"a pin that is over", EXAMPLE "pin alice@example.com new until=" BEFORE,
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_BUCKET},
        {"over this second",
            EXAMPLE "pin alice@example.com new until=2026-11-24T12:00:00Z",
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_BUCKET},
        {"a hold that is over", EXAMPLE "pin alice@example.com hold until=" BEFORE,
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_BUCKET},
        {"over: the unit's counts",
            EXAMPLE "unit alice@example.com team\npin team new\npin alice@example.com "
                    "old until=" BEFORE,
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_PIN},
        {"taken back in bulk",
            EXAMPLE "pin alice@example.com new\npin alice@example.com none",
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_BUCKET},
        {"a bad pin", EXAMPLE "pin alice@example.com nonsense", "alice@example.com",
            ROUTE_UNKNOWN, ROUTE_REASON_BAD_PIN},
        {"bad pin before mode",
            "domain example.com mode=old weight=0" ROUTES
            "\npin alice@example.com nonsense",
            "alice@example.com", ROUTE_UNKNOWN, ROUTE_REASON_BAD_PIN},
        {"a unit's bad pin",
            EXAMPLE
            "unit alice@example.com team\npin team nonsense\npin alice@example.com new",
            "alice@example.com", ROUTE_UNKNOWN, ROUTE_REASON_BAD_PIN},
        {"bad and hold is hold",
            EXAMPLE
            "unit alice@example.com team\npin team hold\npin alice@example.com nonsense",
            "alice@example.com", ROUTE_HOLD, ROUTE_REASON_PIN_HOLD},
        {"a bad pin of another", EXAMPLE "pin bob@example.com nonsense",
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_BUCKET},
    };

    (void)state;
    check(rows, ARRAY_LENGTH(rows));
}

#define ALL "domain example.com weight=100" ROUTES "\n"
#define NEARLY "domain example.com weight=99.99" ROUTES "\n"

static void
obeys_system_recipients_and_lists_in_order(void **state)
{
    static const struct row rows[] = {
        {"postmaster", NEARLY, "PostMaster@example.com", ROUTE_OLD, ROUTE_REASON_SYSTEM},
        {"abuse with extension", NEARLY, "abuse+x@example.com", ROUTE_OLD,
            ROUTE_REASON_SYSTEM},
        {"whatever the unit", NEARLY "unit abuse@example.com alice@example.com",
            "abuse@example.com", ROUTE_OLD, ROUTE_REASON_SYSTEM},
        {"before the lists",
            "domain example.com weight=50 lists=it" ROUTES
            "\nlist example.com it abuse@example.com",
            "abuse@example.com", ROUTE_OLD, ROUTE_REASON_SYSTEM},
        {"at 100 no more", ALL, "postmaster@example.com", ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"others are none", NEARLY, "hostmaster@example.com", ROUTE_NEW,
            ROUTE_REASON_BUCKET},
        {"exclude", NEARLY "list example.com exclude alice@example.com",
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_EXCLUDE},
        {"exclude by unit",
            NEARLY "unit alice@example.com team\nlist example.com exclude team",
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_EXCLUDE},
        {"units alone, no addresses",
            NEARLY
            "unit alice@example.com team\nlist example.com exclude alice@example.com",
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"exclude at 100", ALL "list example.com exclude alice@example.com",
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"exclude before lists",
            "domain example.com weight=0 lists=it" ROUTES
            "\nlist example.com it alice@example.com\nlist example.com exclude "
            "alice@example.com",
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_EXCLUDE},
        {"of another domain", NEARLY "list example.net exclude alice@example.com",
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"a forwarder's sender", NEARLY, "SRS0=HHH=TT=outside.example=bob@example.com",
            ROUTE_OLD, ROUTE_REASON_SYSTEM},
        {"a second forwarder's", NEARLY,
            "srs1=HHH=outside.example==HHH=TT=o=b@example.com", ROUTE_OLD,
            ROUTE_REASON_SYSTEM},
        {"with other separators", NEARLY, "SRS0+HHH=TT=outside.example=bob@example.com",
            ROUTE_OLD, ROUTE_REASON_SYSTEM},
        {"a name that begins so", NEARLY, "srs0x@example.com", ROUTE_NEW,
            ROUTE_REASON_BUCKET},
        {"at 100 the forwarder's too", ALL, "SRS0=HHH=TT=outside.example=bob@example.com",
            ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"on the list known", NEARLY "list example.com known alice@example.com",
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"not on the list known", NEARLY "list example.com known alice@example.com",
            "catchall@example.com", ROUTE_OLD, ROUTE_REASON_UNLISTED},
        {"known by unit",
            NEARLY "unit alice@example.com team\nlist example.com known team",
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"known, the unit isn't",
            NEARLY
            "unit alice@example.com team\nlist example.com known alice@example.com",
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_UNLISTED},
        {"known at 100", ALL "list example.com known alice@example.com",
            "catchall@example.com", ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"known before lists",
            "domain example.com weight=0 lists=it" ROUTES
            "\nlist example.com it bob@example.com\nlist example.com known "
            "alice@example.com",
            "bob@example.com", ROUTE_OLD, ROUTE_REASON_UNLISTED},
        {"a pin before known",
            NEARLY "list example.com known alice@example.com\npin bob@example.com new",
            "bob@example.com", ROUTE_NEW, ROUTE_REASON_PIN},
        {"known of another domain", NEARLY "list example.net known bob@example.net",
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"a list",
            "domain example.com weight=0 lists=it" ROUTES
            "\nlist example.com it alice@example.com",
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_LIST},
        {"a list by unit",
            "domain example.com weight=0 lists=it" ROUTES
            "\nunit alice@example.com team\nlist example.com it team",
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_LIST},
        {"a list not named",
            "domain example.com weight=0" ROUTES
            "\nlist example.com it alice@example.com",
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_BUCKET},
        {"a list that is not there", "domain example.com weight=0 lists=it" ROUTES,
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_BUCKET},
        {"exclude among lists",
            "domain example.com weight=0 lists=exclude" ROUTES
            "\nlist example.com exclude alice@example.com",
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_EXCLUDE},
    };

    (void)state;
    check(rows, ARRAY_LENGTH(rows));
}

static void
lets_the_override_win(void **state)
{
    static const struct row rows[] = {
        {"a weight", ALL "override example.com weight=0", "alice@example.com", ROUTE_OLD,
            ROUTE_REASON_BUCKET},
        {"a mistyped one", ALL "override example.com mode=odl", "alice@example.com",
            ROUTE_UNKNOWN, ROUTE_REASON_OVERRIDE},
        {"a mistyped one, held", ALL "override example.com x\npin alice@example.com hold",
            "alice@example.com", ROUTE_UNKNOWN, ROUTE_REASON_OVERRIDE},
        {"of the target", ALIAS ALL "override example.com x", "alice@alias.example",
            ROUTE_UNKNOWN, ROUTE_REASON_OVERRIDE},
        {"of another domain", ALL "override example.net x", "alice@example.com",
            ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"of whom it isn't known", ALL "override =nonsense x", "alice@example.com",
            ROUTE_UNKNOWN, ROUTE_REASON_OVERRIDE},
        {"but it says something of this one",
            ALL "override example.com weight=0\noverride =nonsense x",
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_BUCKET},
        {"not ours all the same", ALL "override =nonsense x", "alice@example.net",
            ROUTE_NOT_OURS, ROUTE_REASON_NOT_OURS},
        {"forgotten, but it may say otherwise",
            "domain example.com mode=forgotten\noverride example.com x",
            "alice@example.com", ROUTE_UNKNOWN, ROUTE_REASON_OVERRIDE},
        {"a weight up", EXAMPLE "override example.com weight=100", "alice@example.com",
            ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"its weight for postmaster", ALL "override example.com weight=99",
            "postmaster@example.com", ROUTE_OLD, ROUTE_REASON_SYSTEM},
        {"a mode", ALL "override example.com mode=old", "alice@example.com", ROUTE_OLD,
            ROUTE_REASON_MODE},
        {"a mode before pins",
            ALL "override example.com mode=old\npin alice@example.com new",
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_MODE},
        {"but not before hold",
            ALL "override example.com mode=old\npin alice@example.com hold",
            "alice@example.com", ROUTE_HOLD, ROUTE_REASON_PIN_HOLD},
        {"split over mode hold",
            "domain example.com weight=100 mode=hold" ROUTES
            "\noverride example.com mode=split",
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"standby without one", ALL "override example.com mode=standby",
            "alice@example.com", ROUTE_UNKNOWN, ROUTE_REASON_NO_STANDBY},
        {"mode over forgotten",
            "domain example.com mode=forgotten weight=0" ROUTES
            "\noverride example.com mode=old",
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_MODE},
        {"mode, but no routes",
            "domain example.com mode=forgotten\noverride example.com mode=old",
            "alice@example.com", ROUTE_UNKNOWN, ROUTE_REASON_NO_STATE},
        {"weight over forgotten",
            "domain example.com mode=forgotten weight=0" ROUTES
            "\noverride example.com weight=1",
            "alice@example.com", ROUTE_NOT_OURS, ROUTE_REASON_FORGOTTEN},
        {"of the target", ALIAS ALL "override example.com mode=old",
            "alice@alias.example", ROUTE_OLD, ROUTE_REASON_MODE},
        {"of the alias", ALIAS ALL "override alias.example mode=old",
            "alice@alias.example", ROUTE_OLD, ROUTE_REASON_MODE},
        {"of the alias alone", ALIAS ALL "override alias.example mode=old",
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_BUCKET},
        {"the alias' goes first",
            ALIAS ALL "override alias.example mode=hold\noverride example.com mode=old",
            "alice@alias.example", ROUTE_HOLD, ROUTE_REASON_MODE},
        {"field by field",
            ALIAS ALL "override alias.example weight=0\noverride example.com mode=split",
            "alice@alias.example", ROUTE_OLD, ROUTE_REASON_BUCKET},
        {"the target's field stays",
            ALIAS ALL "override alias.example weight=100\noverride example.com mode=old",
            "alice@alias.example", ROUTE_OLD, ROUTE_REASON_MODE},
        {"of another", ALL "override example.net mode=old", "alice@example.com",
            ROUTE_NEW, ROUTE_REASON_BUCKET},
    };

    (void)state;
    check(rows, ARRAY_LENGTH(rows));
}

static void
sends_logins_where_the_mailbox_is(void **state)
{
    static const struct row rows[] = {
        {"old at any weight", ALL, "alice@example.com", ROUTE_OLD, ROUTE_REASON_UNMOVED},
        {"moved", "domain example.com weight=0" ROUTES "\npin alice@example.com new",
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_PIN},
        {"the unit moved", EXAMPLE "unit alice@example.com team\npin team new",
            "alice@example.com", ROUTE_NEW, ROUTE_REASON_PIN},
        {"moving", EXAMPLE "pin alice@example.com hold", "alice@example.com", ROUTE_HOLD,
            ROUTE_REASON_PIN_HOLD},
        {"all moved", "domain example.com weight=0 mode=new" ROUTES, "alice@example.com",
            ROUTE_NEW, ROUTE_REASON_MODE},
        {"held", "domain example.com weight=0 mode=hold" ROUTES, "alice@example.com",
            ROUTE_HOLD, ROUTE_REASON_MODE},
        {"standby", "domain example.com weight=0 mode=standby" ROUTES STANDBY,
            "alice@example.com", ROUTE_STANDBY, ROUTE_REASON_MODE},
        {"lists count not",
            "domain example.com weight=0 lists=it" ROUTES
            "\nlist example.com it alice@example.com",
            "alice@example.com", ROUTE_OLD, ROUTE_REASON_UNMOVED},
        {"postmaster neither", EXAMPLE, "postmaster@example.com", ROUTE_OLD,
            ROUTE_REASON_UNMOVED},
        {"a bad pin", EXAMPLE "pin alice@example.com nonsense", "alice@example.com",
            ROUTE_UNKNOWN, ROUTE_REASON_BAD_PIN},
        {"no state", "ours example.com", "alice@example.com", ROUTE_UNKNOWN,
            ROUTE_REASON_NO_STATE},
        {"another's", EXAMPLE, "alice@example.net", ROUTE_NOT_OURS,
            ROUTE_REASON_NOT_OURS},
        {"override", ALL "override example.com mode=new", "alice@example.com", ROUTE_NEW,
            ROUTE_REASON_MODE},
        {"by alias", ALIAS EXAMPLE "pin alice@example.com new", "alice@alias.example",
            ROUTE_NEW, ROUTE_REASON_PIN},
    };

    (void)state;
    check_with(route_decide_mailbox, rows, ARRAY_LENGTH(rows));
}

static void
shows_what_it_decided_by(void **state)
{
    struct site site;
    struct route route;

    (void)state;
    set_up(&site, ALIAS "domain example.com weight=30 lists=it" ROUTES
                        "\nunit alice@example.com team\npin team new until=" AFTER
                        "\nsuspect example.com\noverride example.com weight=12.5");
    route_decide(&site.rules, site.replica, SPAN("Alice+x@Alias.Example"), NOW, &route);
    assert_true(span_is(recipient_address(&route.recipient), "alice@alias.example"));
    assert_true(span_is(recipient_address(&route.key), "alice@example.com"));
    assert_true(span_is(route.domain, "example.com"));
    assert_true(span_is(route.unit, "team"));
    assert_true(span_is(route.pin_name, "team"));
    assert_int_equal(route.pin.place, PIN_NEW);
    assert_int_equal(route.pin.until, NOW + 1);
    assert_int_equal(route.bucket, bucket_of(SPAN("example.com"), SPAN("team")));
    assert_int_equal(route.weight, 1250);
    assert_int_equal(route.mode, DOMAIN_MODE_SPLIT);
    assert_true(route.suspect);
    assert_false(route.overridden);
    replica_free(site.replica);

    set_up(&site, "domain example.com weight=30 lists=it" ROUTES
                  "\nlist example.com it alice@example.com");
    route_decide(&site.rules, site.replica, SPAN("alice@example.com"), NOW, &route);
    assert_true(span_is(route.list, "it"));
    assert_true(span_is(route.unit, "alice@example.com"));
    assert_int_equal(route.bucket, 5319);
    assert_int_equal(route.pin.place, PIN_NONE);
    assert_false(route.suspect);
    replica_free(site.replica);

    set_up(&site, ALL "override example.com weight=0");
    route_decide(&site.rules, site.replica, SPAN("alice@example.com"), NOW, &route);
    assert_true(route.overridden);
    assert_int_equal(route.weight, 0);
    replica_free(site.replica);
}

static void
leaves_old_to_the_site(void **state)
{
    static const struct {
        const char *what;
        const char *site;
        enum route_place place;
        bool at_site;
        const char *nexthop;
    } rows[] = {
        {"weight 0", SITE "0", ROUTE_OLD, true, "site"},
        {"not below the weight", SITE "30", ROUTE_OLD, true, "site"},
        {"below the weight", SITE "70", ROUTE_NEW, false, "cutover-new:[n]:25"},
        {"a pin", SITE "70\npin alice@example.com old", ROUTE_OLD, true, "site"},
        {"mode old", SITE "70 mode=old", ROUTE_OLD, true, "site"},
        {"by the override file", SITE "70\noverride example.com mode=old", ROUTE_OLD,
            true, "site"},
        {"held", SITE "0 mode=hold", ROUTE_HOLD, false, ""},
        {"on standby", SITE "0 mode=standby" STANDBY, ROUTE_STANDBY, false,
            "cutover-standby:[s]:25"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct site site;
        struct route route;

        print_message("# %s\n", rows[i].what);
        set_up(&site, rows[i].site);
        route_decide(&site.rules, site.replica, SPAN("alice@example.com"), NOW, &route);
        assert_int_equal(route.place, rows[i].place);
        assert_int_equal(route.at_site, rows[i].at_site);
        assert_string_equal(route.nexthop, rows[i].nexthop);
        replica_free(site.replica);
    }
}

static void
asks_the_rules_of_the_file(void **state)
{
    struct site site;
    struct route route;

    (void)state;
    set_up(&site, NEARLY);
    site.rules.system_recipients_on_old = false;
    route_decide(&site.rules, site.replica, SPAN("postmaster@example.com"), NOW, &route);
    assert_int_equal(route.reason, ROUTE_REASON_BUCKET);

    /* Unfolded, postmaster is still postmaster, and Alice is not alice. */
    site.rules.system_recipients_on_old = true;
    site.rules.recipient = (struct recipient_rules){.delimiters = ""};
    route_decide(&site.rules, site.replica, SPAN("PostMaster@example.com"), NOW, &route);
    assert_int_equal(route.reason, ROUTE_REASON_SYSTEM);
    route_decide(&site.rules, site.replica, SPAN("Alice+x@example.com"), NOW, &route);
    assert_true(span_is(route.unit, "Alice+x@example.com"));
    replica_free(site.replica);
}

/* Raising the weight moves units from old to new, and never one back. */
static void
is_monotone_in_the_weight(void **state)
{
    enum { UNITS = 500 };
    static enum route_place places[UNITS];
    size_t moved = 0;

    (void)state;
    for (size_t i = 0; i < UNITS; i++)
        places[i] = ROUTE_OLD;
    for (unsigned weight = 0; weight <= 10000; weight += 125) {
        char domain[200];
        char text[8];
        struct site site;

        domain_weight_write(weight, text);
        (void)snprintf(
            domain, sizeof(domain), "domain example.com weight=%s%s", text, ROUTES);
        set_up(&site, domain);
        for (size_t i = 0; i < UNITS; i++) {
            char address[64];
            struct route route;

            (void)snprintf(address, sizeof(address), "user%zu@example.com", i);
            route_decide(&site.rules, site.replica, span_of(address), NOW, &route);
            assert_false(places[i] == ROUTE_NEW && route.place != ROUTE_NEW);
            assert_int_equal(route.place, route.bucket < weight ? ROUTE_NEW : ROUTE_OLD);
            moved += places[i] != route.place;
            places[i] = route.place;
        }
        replica_free(site.replica);
    }
    assert_int_equal(moved, UNITS);
}

static void
routes_the_published_share(void **state)
{
    struct site site;
    size_t on_new = 0;

    (void)state;
    set_up(&site, EXAMPLE);
    for (unsigned i = 0; i < 100000; i++) {
        char address[64];
        struct route route;

        (void)snprintf(address, sizeof(address), "user%u@example.com", i);
        route_decide(&site.rules, site.replica, span_of(address), NOW, &route);
        on_new += route.place == ROUTE_NEW;
    }
    assert_int_equal(on_new, 30147);
    replica_free(site.replica);
}

static void
keeps_long_addresses_out_of_its_keys(void **state)
{
    char address[RECIPIENT_MAX + 1];
    char site_text[400];
    struct site site;
    struct route route;

    (void)state;
    /* 1,024 octets under the short name, too many under the long one. */
    (void)snprintf(site_text, sizeof(site_text),
        "domain a.example same_as=%060d.%060d.example\ndomain %060d.%060d.example "
        "weight=100" ROUTES,
        1, 2, 1, 2);
    set_up(&site, site_text);
    memset(address, 'x', sizeof(address));
    memcpy(address + RECIPIENT_MAX - 10, "@a.example", 10);
    route_decide(
        &site.rules, site.replica, span_make(address, RECIPIENT_MAX), NOW, &route);
    assert_int_equal(route.place, ROUTE_NOT_OURS);
    assert_int_equal(route.reason, ROUTE_REASON_NO_ADDRESS);
    replica_free(site.replica);
}

static void
names_its_places_and_reasons(void **state)
{
    (void)state;
    for (int i = ROUTE_OLD; i <= ROUTE_UNKNOWN; i++)
        assert_non_null(route_place_name((enum route_place)i));
    for (int i = ROUTE_REASON_NO_ADDRESS; i <= ROUTE_REASON_UNMOVED; i++)
        assert_non_null(route_reason_name((enum route_reason)i));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_by_bucket),
        cmocka_unit_test(knows_what_is_ours),
        cmocka_unit_test(follows_same_as_once),
        cmocka_unit_test(obeys_pins_and_mode_in_order),
        cmocka_unit_test(obeys_system_recipients_and_lists_in_order),
        cmocka_unit_test(lets_the_override_win),
        cmocka_unit_test(sends_logins_where_the_mailbox_is),
        cmocka_unit_test(shows_what_it_decided_by),
        cmocka_unit_test(leaves_old_to_the_site),
        cmocka_unit_test(asks_the_rules_of_the_file),
        cmocka_unit_test(is_monotone_in_the_weight),
        cmocka_unit_test(routes_the_published_share),
        cmocka_unit_test(keeps_long_addresses_out_of_its_keys),
        cmocka_unit_test(names_its_places_and_reasons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
