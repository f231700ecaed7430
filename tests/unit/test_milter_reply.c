/*
 * A verdict octet by octet: the order of edits, and replies that are none.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "milters/protocol/milter_reply.h"
#include "shared/base/attributes.h"

#define OCTETS(literal)                                                                  \
    {                                                                                    \
        ("" literal), sizeof(literal) - 1                                                \
    }

static void
writes(const struct verdict *verdict, bool leading_space, struct span wanted)
{
    struct buffer out = {.ceiling = 4096};

    assert_int_equal(milter_reply_write(&out, verdict, leading_space), verdict->action);
    assert_int_equal(out.length, wanted.length);
    assert_memory_equal(out.data, wanted.data, wanted.length);
    buffer_clear(&out);
}

static void
plain_verdicts(void **state)
{
    static const struct {
        struct verdict verdict;
        struct span wanted;
    } rows[] = {
        {{.action = VERDICT_ACCEPT}, OCTETS("\0\0\0\1a")},
        {{.action = VERDICT_DISCARD}, OCTETS("\0\0\0\1d")},
        {{.action = VERDICT_QUARANTINE}, OCTETS("\0\0\0\6qheld\0\0\0\0\1a")},
        {{.action = VERDICT_QUARANTINE, .reason = "a virus"},
            OCTETS("\0\0\0\x09qa virus\0\0\0\0\1a")},
        {{.action = VERDICT_REJECT}, OCTETS("\0\0\0\1r")},
        {{.action = VERDICT_TEMPFAIL}, OCTETS("\0\0\0\1t")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        writes(&rows[i].verdict, true, rows[i].wanted);
}

/* Deletions from the highest number down and first, then the others in their order. */
static void
edits_in_the_order_that_works(void **state)
{
    static struct verdict_edit edits[] = {
        {VERDICT_INSERT, "A", "1", 0},
        {VERDICT_DELETE, "X", NULL, 1},
        {VERDICT_APPEND, "B", "2", 0},
        {VERDICT_DELETE, "Y", NULL, 3},
        {VERDICT_DELETE, "X", NULL, 2},
        {VERDICT_INSERT, "C", "3", 0},
    };
    struct verdict verdict = {
        .action = VERDICT_ACCEPT, .edits = edits, .edit_count = ARRAY_LENGTH(edits)};

    (void)state;
    writes(&verdict, true,
        SPAN("\0\0\0\x08m\0\0\0\3Y\0\0"
             "\0\0\0\x08m\0\0\0\2X\0\0"
             "\0\0\0\x08m\0\0\0\1X\0\0"
             "\0\0\0\x0ai\0\0\0\0A\0 1\0"
             "\0\0\0\6hB\0 2\0"
             "\0\0\0\x0ai\0\0\0\0C\0 3\0"
             "\0\0\0\1a"));
    verdict.edit_count = 1;
    writes(&verdict, false, SPAN("\0\0\0\x09i\0\0\0\0A\0001\0\0\0\0\1a"));
    verdict.action = VERDICT_QUARANTINE;
    writes(&verdict, false, SPAN("\0\0\0\x09i\0\0\0\0A\0001\0\0\0\0\6qheld\0\0\0\0\1a"));
}

static void
what_is_refused_is_not_edited(void **state)
{
    static struct verdict_edit edits[] = {
        {VERDICT_INSERT, "A", "1", 0},
        {VERDICT_DELETE, "X", NULL, 1},
    };
    struct verdict verdict = {.action = VERDICT_REJECT,
        .code = "550",
        .enhanced = "5.7.1",
        .text = "no",
        .edits = edits,
        .edit_count = ARRAY_LENGTH(edits)};

    (void)state;
    writes(&verdict, true, SPAN("\0\0\0\x0ey550 5.7.1 no\0"));
    verdict.action = VERDICT_DISCARD;
    writes(&verdict, true, SPAN("\0\0\0\1d"));
}

static void
replies_that_are_lines(void **state)
{
    static const struct {
        const char *what;
        enum verdict_action action;
        const char *code;
        const char *enhanced;
        const char *text;
        struct span wanted;
    } rows[] = {
        {"now", VERDICT_REJECT, "550", "5.7.1", "no",
            OCTETS("\0\0\0\x0ey550 5.7.1 no\0")},
        {"later", VERDICT_TEMPFAIL, "451", "4.7.1", "later",
            OCTETS("\0\0\0\x11y451 4.7.1 later\0")},
        {"three digits", VERDICT_REJECT, "550", "5.123.45", "no",
            OCTETS("\0\0\0\x11y550 5.123.45 no\0")},
        {"a percent sign", VERDICT_REJECT, "550", "5.7.1", "100%s",
            OCTETS("\0\0\0\x12y550 5.7.1 100%%s\0")},
        {"the other kind", VERDICT_REJECT, "451", "4.7.1", "no", OCTETS("\0\0\0\1r")},
        {"the other kind", VERDICT_TEMPFAIL, "550", "5.7.1", "no", OCTETS("\0\0\0\1t")},
        {"kinds that differ", VERDICT_REJECT, "550", "4.7.1", "no", OCTETS("\0\0\0\1r")},
        {"a short code", VERDICT_REJECT, "55", "5.7.1", "no", OCTETS("\0\0\0\1r")},
        {"a long code", VERDICT_REJECT, "5500", "5.7.1", "no", OCTETS("\0\0\0\1r")},
        {"letters in a code", VERDICT_REJECT, "5x0", "5.7.1", "no", OCTETS("\0\0\0\1r")},
        {"no code", VERDICT_REJECT, NULL, "5.7.1", "no", OCTETS("\0\0\0\1r")},
        {"no enhanced one", VERDICT_REJECT, "550", NULL, "no", OCTETS("\0\0\0\1r")},
        {"an empty one", VERDICT_REJECT, "550", "", "no", OCTETS("\0\0\0\1r")},
        {"half of it", VERDICT_REJECT, "550", "5.7", "no", OCTETS("\0\0\0\1r")},
        {"an empty part", VERDICT_REJECT, "550", "5..1", "no", OCTETS("\0\0\0\1r")},
        {"an empty last part", VERDICT_REJECT, "550", "5.7.", "no", OCTETS("\0\0\0\1r")},
        {"too many digits", VERDICT_REJECT, "550", "5.7.1234", "no", OCTETS("\0\0\0\1r")},
        {"too many parts", VERDICT_REJECT, "550", "5.7.1.1", "no", OCTETS("\0\0\0\1r")},
        {"letters in it", VERDICT_REJECT, "550", "5.a.1", "no", OCTETS("\0\0\0\1r")},
        {"a long class", VERDICT_REJECT, "550", "55.7.1", "no", OCTETS("\0\0\0\1r")},
        {"no text", VERDICT_REJECT, "550", "5.7.1", NULL, OCTETS("\0\0\0\1r")},
        {"an empty text", VERDICT_REJECT, "550", "5.7.1", "", OCTETS("\0\0\0\1r")},
        {"two lines", VERDICT_REJECT, "550", "5.7.1", "a\r\n550", OCTETS("\0\0\0\1r")},
        {"a line end", VERDICT_TEMPFAIL, "451", "4.7.1", "a\n", OCTETS("\0\0\0\1t")},
        {"a tab", VERDICT_REJECT, "550", "5.7.1", "a\tb", OCTETS("\0\0\0\1r")},
        {"DEL", VERDICT_REJECT, "550", "5.7.1", "a\x7f", OCTETS("\0\0\0\1r")},
        {"8 bit", VERDICT_REJECT, "550", "5.7.1", "\xc3\xa9", OCTETS("\0\0\0\1r")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct verdict verdict = {.action = rows[i].action,
            .code = rows[i].code,
            .enhanced = rows[i].enhanced,
            .text = rows[i].text};

        print_message("# %s\n", rows[i].what);
        writes(&verdict, true, rows[i].wanted);
    }
}

static void
a_text_of_400_octets_is_the_longest(void **state)
{
    char text[402] = {0};
    struct buffer out = {.ceiling = 4096};
    const struct verdict verdict = {
        .action = VERDICT_REJECT, .code = "550", .enhanced = "5.7.1", .text = text};

    (void)state;
    memset(text, 'x', 400);
    assert_int_equal(milter_reply_write(&out, &verdict, true), VERDICT_REJECT);
    assert_int_equal(out.length, 4 + 1 + strlen("550 5.7.1 ") + 400 + 1);
    text[400] = 'x';
    buffer_clear(&out);
    writes(&verdict, true, SPAN("\0\0\0\1r"));
}

/* A message without the fields it should have must not go on. */
static void
what_does_not_fit_waits(void **state)
{
    static struct verdict_edit edits[] = {
        {VERDICT_DELETE, "Authentication-Results", NULL, 1},
        {VERDICT_DELETE, "Authentication-Results", NULL, 2},
    };
    const struct verdict verdict = {
        .action = VERDICT_ACCEPT, .edits = edits, .edit_count = ARRAY_LENGTH(edits)};
    size_t needed = 2 * (4 + 1 + 4 + strlen(edits[0].name) + 2) + 5;

    (void)state;
    for (size_t room = 5; room <= needed; room++) {
        struct buffer out = {.ceiling = room};
        enum verdict_action told = milter_reply_write(&out, &verdict, true);

        assert_true(buffer_ok(&out));
        assert_int_equal(told, room < needed ? VERDICT_TEMPFAIL : VERDICT_ACCEPT);
        assert_int_equal(out.length, room < needed ? 5 : needed);
        assert_int_equal(out.data[out.length - 1], room < needed ? 't' : 'a');
        buffer_clear(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_verdicts),
        cmocka_unit_test(edits_in_the_order_that_works),
        cmocka_unit_test(what_is_refused_is_not_edited),
        cmocka_unit_test(replies_that_are_lines),
        cmocka_unit_test(a_text_of_400_octets_is_the_longest),
        cmocka_unit_test(what_does_not_fit_waits),
    };

    return cmocka_run_group_tests_name("milter_reply", tests, NULL, NULL);
}
