/*
 * A Redis hash to a checked state: every way in which one field spoils it.
 */
#include "tests/unit/unit.h"

#include "policyd/state/domain_state.h"
#include "shared/base/attributes.h"

#include <stdio.h>
#include <string.h>

#define OLD "cutover-old:[old.example]:25"
#define NEW "cutover-new:[new.example]:25"
#define STANDBY "cutover-standby:[standby.example]:25"

enum { PAIRS_MAX = 8 };

/* Names and values in turn; NULL ends them. */
struct hash {
    const char *pairs[2 * PAIRS_MAX + 1];
};

static const struct domain_state_rules usual = {0};

struct warnings {
    size_t count;
    struct domain_problem last;
};

static void
count_warning(void *argument, const struct domain_problem *problem)
{
    struct warnings *warnings = argument;

    warnings->count++;
    warnings->last = *problem;
}

static struct domain_state *
parse(const struct hash *hash, struct domain_problem *problem, struct warnings *warnings)
{
    struct domain_field fields[PAIRS_MAX];
    size_t count = 0;

    for (; hash->pairs[2 * count] != NULL; count++) {
        fields[count].name = span_of(hash->pairs[2 * count]);
        fields[count].value = span_of(hash->pairs[2 * count + 1]);
    }
    return domain_state_parse(SPAN("example.com"), fields, count, &usual, problem,
        warnings == NULL ? NULL : count_warning, warnings);
}

static void
takes_the_site_for_old_alone(void **state)
{
    static const struct {
        const char *what;
        struct hash hash;
        const char *field; /* what spoils it; NULL: it is good */
    } rows[] = {
        {"old=site", {{"weight", "0", "old", "site", "new", NEW}}, NULL},
        {"with a standby",
            {{"weight", "0", "old", "site", "new", NEW, "standby", STANDBY}}, NULL},
        {"new=site", {{"weight", "0", "old", OLD, "new", "site"}}, "new"},
        {"standby=site", {{"weight", "0", "old", OLD, "new", NEW, "standby", "site"}},
            "standby"},
        {"in other letters", {{"weight", "0", "old", "Site", "new", NEW}}, "old"},
        {"with a colon", {{"weight", "0", "old", "site:", "new", NEW}}, "old"},
        {"with a blank", {{"weight", "0", "old", "site ", "new", NEW}}, "old"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct domain_problem problem = {0};
        struct domain_state *read = parse(&rows[i].hash, &problem, NULL);

        print_message("# %s\n", rows[i].what);
        if (rows[i].field == NULL) {
            assert_non_null(read);
            assert_true(read->complete);
            assert_true(domain_state_old_is_site(read));
        } else {
            assert_null(read);
            assert_string_equal(problem.field, rows[i].field);
        }
        domain_state_free(read);
    }
}

static void
takes_the_next_hops_of_its_own_site(void **state)
{
    static const struct {
        const char *what;
        const char *site;
        struct hash hash;
        const char *old; /* NULL: bad */
        size_t warnings;
    } rows[] = {
        {"its own", "fra",
            {{"old@fra", "cutover-old:[fra]:25", "weight", "0", "old", OLD, "new", NEW}},
            "cutover-old:[fra]:25", 0},
        {"behind the general one", "fra",
            {{"weight", "0", "old", OLD, "new", NEW, "old@fra", "cutover-old:[fra]:25"}},
            "cutover-old:[fra]:25", 0},
        {"its own is the site's maps", "fra",
            {{"old@fra", "site", "weight", "0", "old", OLD, "new", NEW}}, "site", 0},
        {"another's", "ams",
            {{"old@fra", "cutover-old:[fra]:25", "weight", "0", "old", OLD, "new", NEW}},
            OLD, 0},
        {"none", NULL,
            {{"old@fra", "cutover-old:[fra]:25", "weight", "0", "old", OLD, "new", NEW}},
            OLD, 0},
        {"another's is bad", "ams",
            {{"old@fra", "nonsense", "weight", "0", "old", OLD, "new", NEW}}, OLD, 0},
        {"its own is bad", "fra",
            {{"old@fra", "nonsense", "weight", "0", "old", OLD, "new", NEW}}, NULL, 0},
        {"no such field has sites", "fra",
            {{"weight@fra", "5", "weight", "0", "old", OLD, "new", NEW}}, OLD, 1},
        {"no name of a site", "fra",
            {{"old@", OLD, "weight", "0", "old", OLD, "new", NEW}}, OLD, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct domain_state_rules rules = {.site = rows[i].site};
        struct domain_field fields[PAIRS_MAX];
        struct domain_problem problem = {0};
        struct warnings warnings = {0};
        struct domain_state *read;
        size_t count = 0;

        print_message("# %s\n", rows[i].what);
        for (; rows[i].hash.pairs[2 * count] != NULL; count++) {
            fields[count].name = span_of(rows[i].hash.pairs[2 * count]);
            fields[count].value = span_of(rows[i].hash.pairs[2 * count + 1]);
        }
        read = domain_state_parse(SPAN("example.com"), fields, count, &rules, &problem,
            count_warning, &warnings);
        assert_int_equal(warnings.count, rows[i].warnings);
        if (rows[i].old == NULL) {
            assert_null(read);
            assert_string_equal(problem.field, "old@fra");
        } else {
            assert_non_null(read);
            assert_string_equal(read->old_route, rows[i].old);
        }
        domain_state_free(read);
    }
}

static void
reads_a_whole_hash(void **state)
{
    static const struct hash hash = {
        {"weight", "30.25", "old", OLD, "new", NEW, "standby", STANDBY, "mode", "standby",
            "lists", " canary  it-dept ", "inside", "relay", "rev", "1795521600"}};
    struct domain_problem problem;
    struct warnings warnings = {0};
    struct domain_state *read = parse(&hash, &problem, &warnings);

    (void)state;
    assert_non_null(read);
    assert_int_equal(warnings.count, 0);
    assert_true(read->complete);
    assert_int_equal(read->weight, 3025);
    assert_string_equal(read->old_route, OLD);
    assert_string_equal(read->new_route, NEW);
    assert_string_equal(read->standby_route, STANDBY);
    assert_int_equal(read->mode, DOMAIN_MODE_STANDBY);
    assert_int_equal(read->inside, INSIDE_RELAY);
    assert_int_equal(read->list_count, 2);
    assert_string_equal(read->lists[0], "canary");
    assert_string_equal(read->lists[1], "it-dept");
    assert_true(read->has_rev);
    assert_int_equal(read->rev, 1795521600);
    assert_string_equal(read->same_as, "");
    assert_string_equal(read->logins[DOMAIN_LOGIN_IMAP][SIDE_OLD], "");
    domain_state_free(read);
}

static void
takes_what_is_allowed(void **state)
{
    static const struct {
        const char *what;
        struct hash hash;
        bool complete;
    } rows[] = {
        {"the least", {{"weight", "0", "old", OLD, "new", NEW}}, true},
        {"forgotten alone", {{"mode", "forgotten"}}, false},
        {"forgotten, all there",
            {{"mode", "forgotten", "weight", "3", "old", OLD, "new", NEW}}, true},
        {"same_as alone", {{"same_as", "example.net"}}, false},
        {"same_as and some", {{"same_as", "example.net", "weight", "3"}}, false},
        {"empty lists", {{"weight", "0", "old", OLD, "new", NEW, "lists", ""}}, true},
        {"blank lists", {{"weight", "0", "old", OLD, "new", NEW, "lists", "  "}}, true},
        {"exclude among lists",
            {{"weight", "0", "old", OLD, "new", NEW, "lists", "exclude known"}}, true},
        {"logins",
            {{"weight", "0", "old", OLD, "new", NEW, "imap_old", "a.example:143",
                "imap_new", "[2001:db8::1]:993", "pop3_old", "a.example", "lmtp_new",
                "[2001:db8::1]"}},
            true},
        {"split said aloud", {{"weight", "0", "old", OLD, "new", NEW, "mode", "split"}},
            true},
        {"a large rev",
            {{"weight", "0", "old", OLD, "new", NEW, "rev", "9007199254740992"}}, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct domain_problem problem;
        struct domain_state *read = parse(&rows[i].hash, &problem, NULL);

        print_message("# %s\n", rows[i].what);
        assert_non_null(read);
        assert_int_equal(read->complete, rows[i].complete);
        domain_state_free(read);
    }
}

static void
is_spoilt_by_one_bad_field(void **state)
{
    static const struct {
        const char *field;
        const char *value;
    } rows[] = {
        {"weight", "30%"},
        {"weight", "abc"},
        {"weight", "-1"},
        {"weight", "1e9"},
        {"weight", "1e1"},
        {"weight", ""},
        {"weight", " 30"},
        {"weight", "30 "},
        {"weight", "+30"},
        {"weight", "100.01"},
        {"weight", "101"},
        {"weight", "030"},
        {"weight", "30."},
        {"weight", ".5"},
        {"weight", "30.123"},
        {"weight", "30,5"},
        {"weight", "0x10"},
        {"weight", "nan"},
        {"weight", "30\n"},
        {"old", ""},
        {"old", "discard:"},
        {"old", "cutover-old:[127.0.0.1]:25"},
        {"new", "cutover-new:new.example:25"},
        {"new", "cutover-new:[new.example]:25\n"},
        {"new", "smtp:[new.example]:25"},
        {"standby", ""},
        {"standby", "cutover-standby:unix:/run/x"},
        {"mode", ""},
        {"mode", "Old"},
        {"mode", "both"},
        {"mode", "split "},
        {"mode", "standby"},
        {"same_as", ""},
        {"same_as", "example.com"},
        {"same_as", "EXAMPLE.com."},
        {"same_as", "a b"},
        {"same_as", "[192.0.2.1]"},
        {"lists", "a,b"},
        {"lists", "a\tb\n"},
        {"lists", "m\xc3\xbc"},
        {"lists", "12345678901234567890123456789012345678901234567890123456789012345"},
        {"inside", ""},
        {"inside", "yes"},
        {"rev", ""},
        {"rev", "-1"},
        {"rev", "01"},
        {"rev", "1.0"},
        {"rev", "9007199254740993"},
        {"rev", "99999999999999999999999"},
        {"imap_old", ""},
        {"imap_old", "imap.example:"},
        {"pop3_old", "pop.example:0"},
        {"lmtp_new", "unix:/run/lmtp"},
        {"submission_old", ""},
        {"sieve_new", "a b"},
        {"imap_new", "imap.example:99999"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct hash hash = {{"weight", "30", "old", OLD, "new", NEW}};
        struct domain_problem problem = {0};
        size_t at = 0;

        while (hash.pairs[at] != NULL && strcmp(hash.pairs[at], rows[i].field) != 0)
            at += 2;
        hash.pairs[at] = rows[i].field;
        hash.pairs[at + 1] = rows[i].value;
        print_message("# %s=%s\n", rows[i].field, rows[i].value);
        assert_null(parse(&hash, &problem, NULL));
        /* mode=standby is good but for the standby it lacks. */
        if (strcmp(rows[i].value, "standby") == 0)
            assert_string_equal(problem.field, "standby");
        else
            assert_string_equal(problem.field, rows[i].field);
        assert_true(strlen(problem.text) > 0);
        for (const char *octet = problem.value; *octet != '\0'; octet++)
            assert_true(*octet >= ' ' && *octet <= '~');
    }
}

static void
is_bad_where_something_is_missing(void **state)
{
    static const struct {
        struct hash hash;
        const char *missing;
    } rows[] = {
        {{{NULL}}, "old"},
        {{{"weight", "30", "new", NEW}}, "old"},
        {{{"weight", "30", "old", OLD}}, "new"},
        {{{"old", OLD, "new", NEW}}, "weight"},
        {{{"mode", "hold"}}, "old"},
        {{{"same_as", "example.net", "mode", "standby"}}, "standby"},
        {{{"Weight", "30", "old", OLD, "new", NEW}}, "weight"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct domain_problem problem = {0};

        assert_null(parse(&rows[i].hash, &problem, NULL));
        assert_string_equal(problem.field, rows[i].missing);
        assert_non_null(strstr(problem.text, "missing"));
    }
}

static void
checks_forgotten_and_same_as_all_the_same(void **state)
{
    static const struct hash rows[] = {
        {{"mode", "forgotten", "weight", "x"}},
        {{"same_as", "example.net", "old", "discard:"}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct domain_problem problem = {0};

        assert_null(parse(&rows[i], &problem, NULL));
    }
}

static void
warns_of_unknown_fields_and_goes_on(void **state)
{
    static const struct hash hash = {
        {"weight", "30", "Mode", "hold", "old", OLD, "wei\x1b[ght", "\n99", "new", NEW}};
    struct domain_problem problem;
    struct warnings warnings = {0};
    struct domain_state *read = parse(&hash, &problem, &warnings);

    (void)state;
    assert_non_null(read);
    assert_int_equal(read->mode, DOMAIN_MODE_SPLIT);
    assert_int_equal(warnings.count, 2);
    assert_string_equal(warnings.last.field, "wei?[ght");
    assert_string_equal(warnings.last.value, "?99");
    domain_state_free(read);
    read = parse(&hash, &problem, NULL);
    assert_non_null(read);
    domain_state_free(read);
}

static void
states_its_ceilings(void **state)
{
    static char long_value[DOMAIN_STATE_VALUE_MAX + 2];
    struct domain_field fields[DOMAIN_STATE_FIELDS_MAX + 1] = {
        {SPAN("weight"), SPAN("30")},
        {SPAN("old"), SPAN(OLD)},
        {SPAN("new"), SPAN(NEW)},
    };
    struct domain_problem problem;
    struct domain_state *read;
    char lists[400] = "";

    (void)state;
    for (size_t i = 3; i < ARRAY_LENGTH(fields); i++)
        fields[i] = (struct domain_field){SPAN("x"), SPAN("")};
    read = domain_state_parse(
        SPAN("a.example"), fields, DOMAIN_STATE_FIELDS_MAX, &usual, &problem, NULL, NULL);
    assert_non_null(read);
    domain_state_free(read);
    assert_null(domain_state_parse(SPAN("a.example"), fields, DOMAIN_STATE_FIELDS_MAX + 1,
        &usual, &problem, NULL, NULL));

    /* A field may stand once. */
    fields[3] = fields[0];
    assert_null(
        domain_state_parse(SPAN("a.example"), fields, 4, &usual, &problem, NULL, NULL));
    assert_string_equal(problem.field, "weight");

    memset(long_value, ' ', sizeof(long_value));
    fields[3] = (struct domain_field){
        SPAN("lists"), span_make(long_value, DOMAIN_STATE_VALUE_MAX)};
    read = domain_state_parse(SPAN("a.example"), fields, 4, &usual, &problem, NULL, NULL);
    assert_non_null(read);
    domain_state_free(read);
    fields[3].value.length++;
    assert_null(
        domain_state_parse(SPAN("a.example"), fields, 4, &usual, &problem, NULL, NULL));
    assert_int_equal(strlen(problem.value), sizeof(problem.value) - 1);

    for (unsigned i = 0; i < DOMAIN_STATE_LISTS_MAX; i++)
        (void)snprintf(lists + strlen(lists), sizeof(lists) - strlen(lists), "l%u ", i);
    fields[3].value = span_of(lists);
    read = domain_state_parse(SPAN("a.example"), fields, 4, &usual, &problem, NULL, NULL);
    assert_non_null(read);
    assert_int_equal(read->list_count, DOMAIN_STATE_LISTS_MAX);
    assert_string_equal(read->lists[31], "l31");
    domain_state_free(read);
    (void)snprintf(lists + strlen(lists), sizeof(lists) - strlen(lists), "more");
    fields[3].value = span_of(lists);
    assert_null(
        domain_state_parse(SPAN("a.example"), fields, 4, &usual, &problem, NULL, NULL));
}

static void
makes_same_as_canonical(void **state)
{
    static const struct hash hash = {{"same_as", "M\xc3\xbcNCHEN.Example."}};
    struct domain_problem problem;
    struct domain_state *read = parse(&hash, &problem, NULL);

    (void)state;
    assert_non_null(read);
    assert_string_equal(read->same_as, "xn--mnchen-3ya.example");
    domain_state_free(read);
}

static void
compares_everything(void **state)
{
    static const struct hash rows[] = {
        {{"weight", "30", "old", OLD, "new", NEW}},
        {{"weight", "31", "old", OLD, "new", NEW}},
        {{"weight", "30", "old", "cutover-old:[o]:25", "new", NEW}},
        {{"weight", "30", "old", OLD, "new", "cutover-new:[n]:25"}},
        {{"weight", "30", "old", OLD, "new", NEW, "standby", STANDBY}},
        {{"weight", "30", "old", OLD, "new", NEW, "mode", "hold"}},
        {{"weight", "30", "old", OLD, "new", NEW, "same_as", "b.example"}},
        {{"weight", "30", "old", OLD, "new", NEW, "lists", "a"}},
        {{"weight", "30", "old", OLD, "new", NEW, "lists", "b"}},
        {{"weight", "30", "old", OLD, "new", NEW, "lists", "a b"}},
        {{"weight", "30", "old", OLD, "new", NEW, "inside", "map"}},
        {{"weight", "30", "old", OLD, "new", NEW, "rev", "0"}},
        {{"weight", "30", "old", OLD, "new", NEW, "rev", "1"}},
        {{"weight", "30", "old", OLD, "new", NEW, "imap_old", "a:1"}},
        {{"weight", "30", "old", OLD, "new", NEW, "imap_new", "a:1"}},
        {{"weight", "30", "old", OLD, "new", NEW, "sieve_new", "a:1"}},
    };
    struct domain_state *read[ARRAY_LENGTH(rows)];
    struct domain_problem problem;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        read[i] = parse(&rows[i], &problem, NULL);
        assert_non_null(read[i]);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct domain_state *again = parse(&rows[i], &problem, NULL);

        for (size_t n = 0; n < ARRAY_LENGTH(rows); n++)
            assert_int_equal(domain_state_equal(again, read[n]), i == n);
        domain_state_free(again);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        domain_state_free(read[i]);
}

static void
writes_names_and_weights(void **state)
{
    static const struct {
        unsigned weight;
        const char *wanted;
    } rows[] = {
        {0, "0"},
        {1, "0.01"},
        {50, "0.5"},
        {105, "1.05"},
        {3000, "30"},
        {9995, "99.95"},
        {10000, "100"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char text[8];

        domain_weight_write(rows[i].weight, text);
        assert_string_equal(text, rows[i].wanted);
    }
    for (int mode = DOMAIN_MODE_SPLIT; mode <= DOMAIN_MODE_FORGOTTEN; mode++) {
        enum domain_mode again;

        assert_true(
            domain_mode_parse(span_of(domain_mode_name((enum domain_mode)mode)), &again));
        assert_int_equal(again, mode);
    }
    for (int inside = INSIDE_RELAY; inside <= INSIDE_ACCEPT; inside++) {
        enum domain_inside again;

        assert_true(domain_inside_parse(
            span_of(domain_inside_name((enum domain_inside)inside)), &again));
        assert_int_equal(again, inside);
    }
    assert_string_equal(domain_inside_name(INSIDE_UNSET), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_site_for_old_alone),
        cmocka_unit_test(takes_the_next_hops_of_its_own_site),
        cmocka_unit_test(reads_a_whole_hash),
        cmocka_unit_test(takes_what_is_allowed),
        cmocka_unit_test(is_spoilt_by_one_bad_field),
        cmocka_unit_test(is_bad_where_something_is_missing),
        cmocka_unit_test(checks_forgotten_and_same_as_all_the_same),
        cmocka_unit_test(warns_of_unknown_fields_and_goes_on),
        cmocka_unit_test(states_its_ceilings),
        cmocka_unit_test(makes_same_as_canonical),
        cmocka_unit_test(compares_everything),
        cmocka_unit_test(writes_names_and_weights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
