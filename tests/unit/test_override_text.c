/*
 * The override file's lines.
 */
#include "tests/unit/unit.h"

#include "policyd/replica/override_text.h"
#include "shared/base/attributes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was read, written again: "a.example 30 hold" and "!3" for a bad line 3. */
static const char *
summary(const struct override_text *text, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < text->count; i++) {
        const struct replica_override *override = &text->entries[i].override;
        char weight[8] = "-";

        if (override->has_weight)
            domain_weight_write(override->weight, weight);
        (void)snprintf(out + strlen(out), size - strlen(out), "%s %s %s;",
            text->entries[i].domain, weight,
            override->has_mode ? domain_mode_name(override->mode) : "-");
    }
    for (size_t i = 0; i < text->problem_count; i++)
        (void)snprintf(
            out + strlen(out), size - strlen(out), "!%zu;", text->problems[i].line);
    return out;
}

static void
reads_its_lines(void **state)
{
    static const struct {
        const char *what;
        const char *text;
        const char *wanted;
    } rows[] = {
        {"nothing", "", ""},
        {"a weight", "a.example weight=0", "a.example 0 -;"},
        {"a mode", "a.example mode=old\n", "a.example - old;"},
        {"both", "a.example weight=0.5 mode=hold\n", "a.example 0.5 hold;"},
        {"both, the other way", "a.example mode=hold weight=0.5\n",
            "a.example 0.5 hold;"},
        {"blanks, tabs, CR", "  a.example\t \tweight=1  \r\n", "a.example 1 -;"},
        {"comments, blank lines",
            "# x\n\n   \n  # a.example mode=old\nb.example mode=new\n#",
            "b.example - new;"},
        {"several domains", "a.example mode=old\nb.example mode=split\n",
            "a.example - old;b.example - split;"},
        {"a domain on two lines",
            "a.example weight=0\nb.example mode=old\na.example mode=old\n",
            "a.example 0 old;b.example - old;"},
        {"made canonical", "M\xc3\xbcnchen.EXAMPLE. mode=old\n",
            "xn--mnchen-3ya.example - old;"},
        {"all modes",
            "a mode=split\nb mode=old\nc mode=new\nd mode=standby\ne mode=hold\n",
            "a - split;b - old;c - new;d - standby;e - hold;"},
        {"forgotten is none", "a.example mode=forgotten\n", "!1;"},
        {"a bad line in between",
            "a.example mode=old\nb.example mode=x\nc.example mode=new\n",
            "a.example - old;c.example - new;!2;"},
        {"half a bad line counts not", "a.example weight=0 mode=x\na.example weight=5",
            "a.example 5 -;!1;"},
        {"nothing said", "a.example\n", "!1;"},
        {"no domain", "weight=0\nmode=old x\n", "!1;!2;"},
        {"something else", "a.example color=red\n", "!1;"},
        {"a comment behind", "a.example weight=0 # because\n", "!1;"},
        {"a colon", "a.example: weight=0\n", "!1;"},
        {"a weight twice", "a.example weight=0 weight=0\n", "!1;"},
        {"a mode twice", "a.example mode=old mode=old\n", "!1;"},
        {"a weight twice, lines", "a.example weight=0\na.example weight=1\n",
            "a.example 0 -;!2;"},
        {"a mode twice, lines", "a.example mode=old\nA.example weight=1 mode=new\n",
            "a.example - old;!2;"},
        {"bad weights",
            "a weight=\na weight=101\na weight=30%\na weight=-1\na weight = 0\n",
            "!1;!2;!3;!4;!5;"},
        {"no case in words", "a.example Weight=0\na.example mode=Old\n", "!1;!2;"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct override_text read;
        char text[500];
        bool good = override_text_parse(span_of(rows[i].text), &read);

        print_message("# %s\n", rows[i].what);
        assert_string_equal(summary(&read, text, sizeof(text)), rows[i].wanted);
        assert_int_equal(good, strchr(rows[i].wanted, '!') == NULL);
        override_text_clear(&read);
    }
}

static void
keeps_a_bounded_number_of_problems(void **state)
{
    struct override_text read;
    struct buffer text;

    (void)state;
    buffer_init(&text, 1 << 20);
    for (int i = 0; i < 3 * OVERRIDE_PROBLEMS_MAX; i++)
        buffer_append_text(&text, "nonsense\n");
    buffer_append_text(&text, "a.example mode=old\n");
    assert_false(override_text_parse(buffer_span(&text), &read));
    assert_int_equal(read.problem_count, OVERRIDE_PROBLEMS_MAX);
    assert_int_equal(read.bad_lines, 3 * OVERRIDE_PROBLEMS_MAX);
    assert_int_equal(read.count, 1);
    override_text_clear(&read);
    buffer_clear(&text);
}

static void
reads_ten_thousand_domains_and_no_more(void **state)
{
    struct override_text read;
    struct buffer text;

    (void)state;
    buffer_init(&text, 1 << 20);
    for (int i = 0; i < REPLICA_DOMAINS_MAX; i++)
        buffer_printf(&text, "d%d.example mode=old\n", i);
    assert_true(override_text_parse(buffer_span(&text), &read));
    assert_int_equal(read.count, REPLICA_DOMAINS_MAX);
    assert_string_equal(read.entries[9999].domain, "d9999.example");
    override_text_clear(&read);
    buffer_append_text(&text, "one.more mode=old\nd5.example weight=1\n");
    assert_false(override_text_parse(buffer_span(&text), &read));
    assert_int_equal(read.count, REPLICA_DOMAINS_MAX);
    assert_int_equal(read.bad_lines, 1);
    assert_int_equal(read.problems[0].line, REPLICA_DOMAINS_MAX + 1);
    assert_true(read.entries[5].override.has_weight);
    override_text_clear(&read);
    buffer_clear(&text);
}

static void
reports_what_lies_behind_its_ceiling(void **state)
{
    struct override_text read;
    char *text = malloc(OVERRIDE_TEXT_MAX + 100);

    (void)state;
    assert_non_null(text);
    memset(text, '#', OVERRIDE_TEXT_MAX + 100);
    memcpy(text, "a.example mode=old\n", 19);
    memcpy(text + OVERRIDE_TEXT_MAX - 10, "\nb.example mode=old\n", 20);
    assert_false(override_text_parse(span_make(text, OVERRIDE_TEXT_MAX + 100), &read));
    assert_int_equal(read.count, 1);
    assert_int_equal(read.bad_lines, 1);
    assert_int_equal(read.problems[0].line, 3);
    override_text_clear(&read);
    free(text);
}

static void
replaces_what_it_says_of_a_domain(void **state)
{
    static const struct {
        const char *text;
        struct replica_override override;
        const char *wanted;
    } rows[] = {
        {"", {.has_weight = true, .weight = 0}, "a.example weight=0\n"},
        {"# keep\n\nb.example mode=old", {.has_mode = true, .mode = DOMAIN_MODE_OLD},
            "# keep\n\nb.example mode=old\na.example mode=old\n"},
        {"x\nA.Example. weight=3\nb mode=old\na.example mode=new\n",
            {.has_weight = true,
                .weight = 50,
                .has_mode = true,
                .mode = DOMAIN_MODE_HOLD},
            "x\na.example weight=0.5 mode=hold\nb mode=old\n"},
        {"a.example weight=bad\n# a.example\n", {.has_weight = true, .weight = 10000},
            "a.example weight=100\n# a.example\n"},
        {"b mode=old\na.example mode=old\n", {0}, "b mode=old\n"},
        {"b mode=old\n", {0}, "b mode=old\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buffer out;

        buffer_init(&out, 1000);
        assert_true(override_text_replace(
            span_of(rows[i].text), SPAN("a.example"), &rows[i].override, &out));
        assert_string_equal(buffer_text(&out), rows[i].wanted);
        buffer_clear(&out);
        buffer_init(&out, 5);
        assert_false(override_text_replace(
            span_of(rows[i].text), SPAN("a.example"), &rows[i].override, &out));
        buffer_clear(&out);
    }
}

static void
a_typing_error_ends_no_override(void **state)
{
    static const struct {
        const char *what;
        const char *before;
        const char *now;
        const char *wanted;
    } rows[] = {
        {"misspelt", "a.example mode=old\n", "a.example mode=odl\n",
            "a.example - old;!1;"},
        {"taken out", "a.example mode=old\n", "b.example mode=odl\n", "!1;"},
        {"no bad line at all", "a.example mode=old\n", "", ""},
        {"another good line", "a.example mode=old\n",
            "a.example weight=x\nA.example weight=3\n", "a.example 3 -;!1;"},
        {"the domain alone", "a.example weight=1\n", "a.example\n", "a.example 1 -;!1;"},
        {"of several", "a.example mode=old\nb.example mode=new\n",
            "a.example mode=hold\nb.example mode\n",
            "a.example - hold;b.example - new;!2;"},
        {"no domain: it may be this one", "a.example mode=old\n", "=a mode=old\n",
            "a.example - old;!1;"},
        {"nothing before", "", "a.example mode=odl\n", "!1;"},
    };
    char text[1000];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct override_text before;
        struct override_text now;

        (void)override_text_parse(span_of(rows[i].before), &before);
        (void)override_text_parse(span_of(rows[i].now), &now);
        override_text_keep(&now, &before);
        print_message("# %s\n", rows[i].what);
        assert_string_equal(summary(&now, text, sizeof(text)), rows[i].wanted);
        override_text_clear(&now);
        override_text_clear(&before);
    }
}

/* At start nothing is known of what was said before. */
static void
a_typing_error_at_start_is_unclear(void **state)
{
    static const struct {
        const char *what;
        const char *text;
        size_t count;        /* of the entries */
        const char *doubted; /* the last one of these, or NULL */
        bool unclear;
    } rows[] = {
        {"no bad line", "a.example mode=old\n", 1, NULL, false},
        {"misspelt", "a.example mode=odl\n", 1, "a.example", false},
        {"another good line", "a.example weight=x\nA.example weight=3\n", 1, NULL, false},
        {"twice", "a.example x\na.example y\n", 1, "a.example", false},
        {"beside a good one", "b.example weight=1\na.example x\n", 2, "a.example", false},
        {"of no domain", "b.example weight=1\n=a weight=1\n", 1, NULL, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct override_entry *last;
        struct override_text text;

        print_message("# %s\n", rows[i].what);
        (void)override_text_parse(span_of(rows[i].text), &text);
        override_text_doubt(&text);
        assert_int_equal(text.count, rows[i].count);
        last = &text.entries[text.count - 1];
        assert_int_equal(last->override.unclear, rows[i].doubted != NULL);
        if (rows[i].doubted != NULL)
            assert_string_equal(last->domain, rows[i].doubted);
        assert_int_equal(text.unclear, rows[i].unclear);
        override_text_clear(&text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_its_lines),
        cmocka_unit_test(keeps_a_bounded_number_of_problems),
        cmocka_unit_test(reads_ten_thousand_domains_and_no_more),
        cmocka_unit_test(reports_what_lies_behind_its_ceiling),
        cmocka_unit_test(replaces_what_it_says_of_a_domain),
        cmocka_unit_test(a_typing_error_ends_no_override),
        cmocka_unit_test(a_typing_error_at_start_is_unclear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
