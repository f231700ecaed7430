/*
 * The canonical line, its hash, the link of an entry, heads.
 */
#include "tests/unit/unit.h"

#include "policyd/events/event_entry.h"

#include <string.h>

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static struct event_entry
sample(void)
{
    return (struct event_entry){SPAN("1764000000000-0"),
        {{SPAN("time"), SPAN("1764000000")}, {SPAN("who"), SPAN("anna")},
            {SPAN("why"), SPAN("")}, {SPAN("seq"), SPAN("1")},
            {SPAN("prev"), SPAN(ZEROS)}, {SPAN("hash"), SPAN(ZEROS)}},
        6, false};
}

static const char line[] = "4:time,10:1764000000,3:who,4:anna,3:why,0:,3:seq,1:1,";

static void
has_the_line_and_the_hash_of_the_manual(void **state)
{
    /* printf '%064d%s' 0 LINE | sha256sum */
    static const char wanted[] =
        "fee1f4942e37f3e1ffc091a40c8c61fa1373cec2d2c236e12b6253211a2aecf6";
    const struct event_entry entry = sample();
    char hash[EVENT_HASH_SIZE];
    struct buffer out;

    (void)state;
    buffer_init(&out, 1000);
    event_line_write(entry.pairs, entry.count, &out);
    assert_true(span_is(buffer_span(&out), line));
    buffer_clear(&out);
    event_entry_hash(&entry, ZEROS, hash);
    assert_string_equal(hash, wanted);
}

static void
reads_its_own_line_and_no_other(void **state)
{
    static const char *const bad[] = {"4:time,", "4:time,1:", "4:time,1:1",
        "4:time,1:12,", "4:time;1:1,", "04:time,1:1,", ":time,1:1,", "4time,1:1,",
        "99:time,1:1,", "4:prev,1:1,", "4:hash,1:1,", "4:time,1:1,x", "-1:,0:,",
        "99999999:a,0:,"};
    struct event_entry entry;

    (void)state;
    assert_true(event_line_parse(span_of(line), &entry));
    assert_int_equal(entry.count, 4);
    assert_true(span_is(event_entry_value(&entry, "who"), "anna"));
    assert_true(span_is(event_entry_value(&entry, "nobody"), ""));
    assert_true(event_line_parse(SPAN(""), &entry));
    assert_true(event_line_parse(SPAN("1:a,3:,,,,"), &entry));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(event_line_parse(span_of(bad[i]), &entry));
}

static void
says_whether_it_is_chained(void **state)
{
    static const struct {
        const char *name;
        const char *value;
        enum event_link wanted;
    } rows[] = {
        {"seq", "1", EVENT_CHAINED},
        {"seq", "0", EVENT_DAMAGED},
        {"seq", "01", EVENT_DAMAGED},
        {"seq", "-1", EVENT_DAMAGED},
        {"seq", "99999999999999999999", EVENT_DAMAGED},
        {"prev", "", EVENT_DAMAGED},
        {"hash", "ABCDEF0000000000000000000000000000000000000000000000000000000000",
            EVENT_DAMAGED},
        {"hash", "abcdef0000000000000000000000000000000000000000000000000000000000",
            EVENT_CHAINED},
    };
    struct event_entry entry = sample();
    struct event_head own;
    char prev[EVENT_HASH_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        entry = sample();
        for (size_t n = 0; n < entry.count; n++) {
            if (span_is(entry.pairs[n].name, rows[i].name))
                entry.pairs[n].value = span_of(rows[i].value);
        }
        assert_int_equal(event_entry_link(&entry, &own, prev), rows[i].wanted);
    }
    entry = sample();
    entry.count = 3;
    assert_int_equal(event_entry_link(&entry, &own, prev), EVENT_PLAIN);
    entry.count = 5;
    assert_int_equal(event_entry_link(&entry, &own, prev), EVENT_DAMAGED);
    entry = sample();
    entry.pairs[entry.count++] = (struct event_pair){SPAN("seq"), SPAN("1")};
    assert_int_equal(event_entry_link(&entry, &own, prev), EVENT_DAMAGED);
    entry = sample();
    entry.is_odd = true;
    assert_int_equal(event_entry_link(&entry, &own, prev), EVENT_DAMAGED);
}

static void
reads_a_head_and_writes_it(void **state)
{
    static const char *const bad[] = {"", "1", "1:", ":" ZEROS, "1:" ZEROS "0",
        "x:" ZEROS, "01:" ZEROS, "-1:" ZEROS, "1 :" ZEROS, "99999999999999999999:" ZEROS};
    struct event_head head;
    char out[EVENT_HEAD_SIZE];

    (void)state;
    assert_true(event_head_parse(SPAN("812:" ZEROS), &head));
    assert_int_equal(head.seq, 812);
    event_head_write(&head, out);
    assert_string_equal(out, "812:" ZEROS);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(event_head_parse(span_of(bad[i]), &head));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_line_and_the_hash_of_the_manual),
        cmocka_unit_test(reads_its_own_line_and_no_other),
        cmocka_unit_test(says_whether_it_is_chained),
        cmocka_unit_test(reads_a_head_and_writes_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
