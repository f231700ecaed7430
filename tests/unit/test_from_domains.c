/*
 * From fields that are not one author's: no domain in them is missed.
 */
#include "tests/unit/unit.h"

#include "milters/message/from_domains.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"

#include <string.h>

enum { TEXT_MAX = 1 << 20 };

/* The domains, each with a blank behind it. */
static void
check(const struct header_field *fields, size_t count, const char *wanted)
{
    static struct from_domains domains;
    struct buffer text;

    from_domains_read(fields, count, &domains);
    buffer_init(&text, TEXT_MAX);
    for (size_t i = 0; i < domains.count; i++)
        buffer_printf(&text, "%s ", domains.names[i]);
    if (domains.more)
        buffer_append_text(&text, "...");
    assert_string_equal(buffer_text(&text), wanted);
    buffer_clear(&text);
}

static void
misses_none(void **state)
{
    static const struct {
        const char *value;
        const char *wanted;
    } rows[] = {
        {"", ""},
        {" ceo", ""},
        {" ceo@victim.example <ceo@victim.example>", "victim.example "},
        {" [CEO] Smith <ceo@victim.example>", "victim.example "},
        {" ceo@victim.example;", "victim.example "},
        {" Joe joe@Joe.COM", "joe.com "},
        {" ceo@victim.example .evil.example",
            "victim.example victim.example.evil.example "},
        {" ceo@victim.example. evil.example",
            "victim.example victim.example.evil.example "},
        {" ceo@victim.example\n\t.evil.example",
            "victim.example victim.example.evil.example "},
        {" ceo@victim.example(c(d)e).evil.example",
            "victim.example victim.example.evil.example "},
        {" ceo@victim.(c)example", "victim.example "},
        {" ceo@ (c) victim.example", "victim.example "},
        {" ceo@\"victim.example\"", "victim.example "},
        {" ceo@victim.\"example\"", "victim.example "},
        {" ceo@victim\\.example", "victim.example "},
        {" ceo@<victim.example>", "victim.example "},
        {" <@victim.example:a@evil.example>", "victim.example evil.example "},
        {" a@victim.example@evil.example", "victim.example evil.example "},
        {" \"ceo@victim.example\" x <a@evil.example> b", "victim.example evil.example "},
        {" (ceo@victim.example) \"", "victim.example "},
        {" \"ceo@victim.example", "victim.example "},
        {" ceo@victim.example'.evil.example", "victim.example "},
        {" =?utf-8?B?Y2VvQHZpY3RpbS5leGFtcGxl?= a@evil.example",
            "evil.example victim.example "},
        {" =?utf-8?Q?ceo=40victim.example?=", "victim.example "},
        {" =?utf-8?q?ceo=40vic?=\n =?x?B?dGltLmV4YW1wbGU?=", "victim.example "},
        {" =?utf-16?B?AGMAQAB2AC4AZQB4?=", "v.ex "},
        {" =?utf-8?Q?ceo=40victim.example", "victim.example "},
        {" a@=?utf-8?Q?victim?=.example", "victim.example "},
        {" a@m\xc3\xbcnchen.example x", "xn--mnchen-3ya.example "},
        {" a@\xef\xbd\x96ictim\xe3\x80\x82\x65xample x", "victim.example "},
        {" a@victim.example\xe2\x80\x8b.evil.example x y@z",
            "victim.example.evil.example "},
        {" a@victim.example\xff.evil.example", "victim.example "},
        {" a@localhost b@[192.0.2.1] c@ @", ""},
        {" a@VICTIM.example..", "victim.example "},
        {" <ceo@.victim.example>", "victim.example "},
        {" <ceo@victim..example>", "victim.example "},
        {" <ceo@victim. .example>", "victim.example "},
        {" ceo@[victim.example] x", "victim.example "},
        {" ceo\xef\xbc\xa0victim.example", "victim.example "},
        {" <ceo\xef\xb9\xabvictim.example>", "victim.example "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct header_field field = {SPAN("From"), span_of(rows[i].value)};

        print_message("# %s\n", rows[i].value);
        check(&field, 1, rows[i].wanted);
    }
}

static void
looks_at_all_from_fields_and_no_other(void **state)
{
    const struct header_field fields[] = {
        {SPAN("Sender"), SPAN(" a@sender.example")},
        {SPAN("From"), SPAN(" a@one.example")},
        {SPAN("FROM "), SPAN(" a@two.example, b@one.example")},
        {SPAN("Resent-From"), SPAN(" a@resent.example")},
    };

    (void)state;
    check(fields, ARRAY_LENGTH(fields), "one.example two.example ");
    check(NULL, 0, "");
}

static void
says_where_it_stops(void **state)
{
    struct buffer value;
    struct header_field field = {SPAN("From"), {NULL, 0}};
    struct from_domains domains;

    (void)state;
    buffer_init(&value, TEXT_MAX);
    for (int i = 0; i < FROM_DOMAINS_MAX; i++)
        buffer_printf(&value, "a@d%d.example,", i);
    field.value = buffer_span(&value);
    from_domains_read(&field, 1, &domains);
    assert_int_equal(domains.count, FROM_DOMAINS_MAX);
    assert_false(domains.more);
    buffer_append_text(&value, "a@victim.example");
    field.value = buffer_span(&value);
    from_domains_read(&field, 1, &domains);
    assert_true(domains.more);

    buffer_reset(&value);
    for (int i = 0; i < FROM_AT_SIGNS_MAX; i++)
        buffer_append_text(&value, "@");
    buffer_append_text(&value, "@victim.example");
    field.value = buffer_span(&value);
    from_domains_read(&field, 1, &domains);
    assert_true(domains.more);

    /* Megabytes of what never ends. */
    buffer_reset(&value);
    while (value.length < TEXT_MAX - 8)
        buffer_append_text(&value, "@(.=?q?q");
    field.value = buffer_span(&value);
    from_domains_read(&field, 1, &domains);
    buffer_clear(&value);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misses_none),
        cmocka_unit_test(looks_at_all_from_fields_and_no_other),
        cmocka_unit_test(says_where_it_stops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
