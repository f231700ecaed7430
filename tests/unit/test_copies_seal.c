/*
 * Records of the journal: read back by their key, and by no other key, place or file; and
 * what is no record, entry or key is refused.
 */
#include "tests/unit/unit.h"

#include "policyd/copies/copies_entry.h"
#include "policyd/copies/copies_seal.h"
#include "shared/base/attributes.h"

#include <string.h>

static const uint8_t key[COPIES_KEY_SIZE] = {1, 2, 3};
static const struct copies_begin begin = {.salt = {9}, .hour = 1795986000};

static void
seal(const struct copies_head *head, struct span plain, struct buffer *out)
{
    struct copies_seal *made = copies_seal_new(key, &begin);

    copies_seal_write(made, head, plain, out);
    copies_seal_free(made);
}

static bool
opens(const uint8_t with[COPIES_KEY_SIZE], const struct copies_begin *file,
    struct span record, struct buffer *plain)
{
    struct copies_seal *made = copies_seal_new(with, file);
    struct copies_head head;
    bool opened =
        copies_head_read(span_first(record, COPIES_HEAD_SIZE), &head) &&
        copies_seal_read(made, &head, span_from(record, COPIES_HEAD_SIZE), plain);

    copies_seal_free(made);
    return opened;
}

static void
opens_what_it_sealed_and_nothing_else(void **state)
{
    static const struct copies_head head = {
        .kind = COPIES_CHUNK, .number = 7, .message = 3};
    const uint8_t other_key[COPIES_KEY_SIZE] = {1, 2, 4};
    struct copies_begin other_file = begin;
    struct span plain = SPAN("From: a\r\n\r\nHello.\r\n");
    struct buffer record;
    struct buffer out;

    (void)state;
    other_file.salt[31] = 1;
    buffer_init(&record, 1000);
    buffer_init(&out, 1000);
    seal(&head, plain, &record);
    assert_int_equal(record.length, COPIES_HEAD_SIZE + plain.length + COPIES_TAG_SIZE);
    assert_int_equal(span_find_text(buffer_span(&record), SPAN("Hello")), SPAN_NONE);
    assert_true(opens(key, &begin, buffer_span(&record), &out));
    assert_true(span_equal(buffer_span(&out), plain));
    buffer_reset(&out);
    assert_false(opens(other_key, &begin, buffer_span(&record), &out));
    assert_false(opens(key, &other_file, buffer_span(&record), &out));
    other_file = begin;
    other_file.hour += 3600;
    assert_false(opens(key, &other_file, buffer_span(&record), &out));
    /* Each octet counts: length, kind, number, message, content, tag. */
    for (size_t i = 0; i < record.length; i++) {
        record.data[i] = (char)(record.data[i] ^ 1);
        assert_false(opens(key, &begin, buffer_span(&record), &out));
        record.data[i] = (char)(record.data[i] ^ 1);
        assert_false(opens(key, &begin, span_first(buffer_span(&record), i), &out));
    }
    assert_int_equal(out.length, 0);
    buffer_reset(&record);
    seal(&head, SPAN(""), &record);
    assert_true(opens(key, &begin, buffer_span(&record), &out));
    buffer_clear(&record);
    buffer_clear(&out);
}

static void
reads_the_begin_of_a_file(void **state)
{
    struct copies_begin again;
    struct buffer out;

    (void)state;
    buffer_init(&out, 100);
    copies_begin_write(&out, &begin);
    assert_int_equal(out.length, COPIES_BEGIN_SIZE);
    assert_true(copies_begin_read(buffer_span(&out), &again));
    assert_memory_equal(&again, &begin, sizeof(begin));
    assert_false(
        copies_begin_read(span_first(buffer_span(&out), out.length - 1), &again));
    out.data[0] = 'x';
    assert_false(copies_begin_read(buffer_span(&out), &again));
    buffer_clear(&out);
}

static void
writes_entries_and_reads_them(void **state)
{
    static const uint64_t chunks[] = {56, 65616, UINT64_MAX};
    const struct copies_entry entry = {
        .time_ms = 1795986001234,
        .eight_bit = true,
        .size = 131000,
        .queue_id = SPAN("4jYVch3KtSz1bYFk"),
        .ident = SPAN(""),
        .message_id = SPAN("<1@outside.example>"),
        .sender = SPAN("a@outside.example"),
        .chunks = chunks,
        .chunk_count = ARRAY_LENGTH(chunks),
    };
    struct arena *arena = arena_new(1 << 20);
    struct copies_entry again;
    struct buffer out;

    (void)state;
    buffer_init(&out, COPIES_PLAIN_MAX);
    copies_entry_write(&out, &entry);
    assert_true(copies_entry_read(buffer_span(&out), &again, arena));
    assert_int_equal(again.time_ms, entry.time_ms);
    assert_true(again.eight_bit && !again.utf8 && again.size == entry.size);
    assert_true(span_equal(again.queue_id, entry.queue_id));
    assert_true(span_equal(again.message_id, entry.message_id));
    assert_true(span_equal(again.sender, entry.sender) && again.ident.length == 0);
    assert_int_equal(again.chunk_count, entry.chunk_count);
    assert_memory_equal(again.chunks, chunks, sizeof(chunks));
    for (size_t i = 0; i < out.length; i++)
        assert_false(copies_entry_read(span_first(buffer_span(&out), i), &again, arena));
    buffer_append_octet(&out, '\0');
    assert_false(copies_entry_read(buffer_span(&out), &again, arena));
    buffer_clear(&out);
    arena_free(arena);
}

static void
takes_keys_in_both_forms(void **state)
{
#define DIGITS "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"
    static const struct {
        struct span text;
        bool is_key;
    } rows[] = {
        {{DIGITS, 64}, true},
        {{DIGITS "\n", 65}, true},
        {{DIGITS "\r\n", 66}, true},
        {{DIGITS "0", 65}, false},
        {{DIGITS, 63}, false},
        {{"x" DIGITS, 64}, false},
        {{DIGITS, 32}, true},
        {{DIGITS "\n", 31}, false},
        {{"", 0}, false},
    };
    uint8_t out[COPIES_KEY_SIZE];
    struct error error;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# row %zu\n", i);
        error.text[0] = '\0';
        assert_int_equal(copies_key_parse(rows[i].text, out, &error), rows[i].is_key);
        assert_int_equal(error.text[0] == '\0', rows[i].is_key);
        if (i == 0)
            assert_true(out[0] == 0 && out[10] == 10 && out[31] == 31);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_what_it_sealed_and_nothing_else),
        cmocka_unit_test(reads_the_begin_of_a_file),
        cmocka_unit_test(writes_entries_and_reads_them),
        cmocka_unit_test(takes_keys_in_both_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
