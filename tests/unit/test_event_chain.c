/*
 * What was done to a stream of events is told as what it is.
 */
#include "tests/unit/unit.h"

#include "policyd/events/event_chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 10 };

/* Ten entries that follow each other, as a writer of ours makes them. */
struct stream {
    struct event_entry entries[MANY];
    char seqs[MANY][24];
    char prevs[MANY][EVENT_HASH_SIZE];
    char hashes[MANY][EVENT_HASH_SIZE];
    char ids[MANY][EVENT_ID_SIZE];
    char whats[MANY][16];
    char to[EVENT_HEAD_SIZE];
    struct event_head head;
    size_t count;
};

static void
seal(struct stream *stream, size_t i)
{
    struct event_entry *entry = &stream->entries[i];

    event_entry_hash(entry, stream->prevs[i], stream->hashes[i]);
    entry->pairs[4].value = span_of(stream->hashes[i]);
}

/* The first has the number `first` and stands behind `before`. */
static void
make_from(struct stream *stream, const struct event_head *before)
{
    struct event_head head = *before;

    stream->count = MANY;
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(stream->ids[i], EVENT_ID_SIZE, "17640000%02zu-0", i);
        (void)snprintf(stream->whats[i], sizeof(stream->whats[i]), "weight%zu", i);
        (void)snprintf(stream->seqs[i], sizeof(stream->seqs[i]), "%" PRIu64, ++head.seq);
        memcpy(stream->prevs[i], head.hash, EVENT_HASH_SIZE);
        stream->entries[i] = (struct event_entry){span_of(stream->ids[i]),
            {{SPAN("what"), span_of(stream->whats[i])}, {SPAN("to"), SPAN("30")},
                {SPAN("seq"), span_of(stream->seqs[i])},
                {SPAN("prev"), span_of(stream->prevs[i])}, {SPAN("hash"), SPAN("")}},
            5, false};
        seal(stream, i);
        memcpy(head.hash, stream->hashes[i], EVENT_HASH_SIZE);
    }
    stream->head = head;
}

static void
make(struct stream *stream)
{
    struct event_head none;

    event_head_init(&none);
    make_from(stream, &none);
}

static void
leave_out(struct stream *stream, size_t from, size_t count)
{
    memmove(&stream->entries[from], &stream->entries[from + count],
        (stream->count - from - count) * sizeof(*stream->entries));
    stream->count -= count;
}

/* "ok", or the names and numbers of the faults: "changed 5, gap 7". */
static const char *
judge(const struct stream *stream, const struct event_head *copy,
    const struct event_head *given, uint64_t added)
{
    static char said[1000];
    struct event_chain *chain = event_chain_new();
    struct event_chain_end end = {stream->head, stream->head, {0}, added};
    const struct event_fault *faults;
    size_t count;

    for (size_t i = 0; i < stream->count; i++)
        event_chain_add(chain, &stream->entries[i]);
    if (copy != NULL)
        event_chain_copy(chain, copy, "the books");
    if (given != NULL)
        end.given = *given;
    event_chain_end(chain, &end);
    count = event_chain_faults(chain, &faults);
    (void)snprintf(said, sizeof(said), "%s", count == 0 ? "ok" : "");
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(said);

        (void)snprintf(said + length, sizeof(said) - length, "%s%s %" PRIu64,
            i > 0 ? ", " : "", event_fault_name(faults[i].kind), faults[i].seq);
        assert_true(faults[i].text[0] != '\0');
    }
    event_chain_free(chain);
    return said;
}

static void
is_content_with_what_was_written(void **state)
{
    struct stream stream;

    (void)state;
    make(&stream);
    assert_string_equal(judge(&stream, NULL, NULL, 10), "ok");
    assert_string_equal(judge(&stream, &stream.head, &stream.head, 10), "ok");
    stream.count = 0;
    event_head_init(&stream.head);
    assert_string_equal(judge(&stream, NULL, NULL, 0), "ok");
}

static void
finds_any_octet_that_was_changed(void **state)
{
    struct stream stream;

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        for (size_t n = 0; n < 5; n++) {
            char text[100];
            char wanted[20];

            make(&stream);
            assert_true(span_copy(stream.entries[i].pairs[n].value, text, sizeof(text)));
            text[0] = text[0] == '7' ? '8' : '7';
            stream.entries[i].pairs[n].value = span_of(text);
            (void)snprintf(wanted, sizeof(wanted), "changed %s", stream.seqs[i]);
            if (!(i == 0 && n == 2))
                assert_string_equal(judge(&stream, NULL, NULL, 10), wanted);
            else /* who knows which one it was */
                assert_string_equal(judge(&stream, NULL, NULL, 10), "changed 7");
        }
    }
}

static void
finds_what_was_added_to_an_entry_or_left_out(void **state)
{
    struct stream stream;

    (void)state;
    make(&stream);
    stream.entries[4].pairs[5] = (struct event_pair){SPAN("why"), SPAN("")};
    stream.entries[4].count = 6;
    assert_string_equal(judge(&stream, NULL, NULL, 10), "changed 5");
    for (size_t n = 0; n < 5; n++) {
        make(&stream);
        stream.entries[4].pairs[n].name = SPAN("x");
        assert_string_equal(judge(&stream, NULL, NULL, 10), "changed 5");
    }
}

static void
finds_a_hash_that_was_made_to_fit(void **state)
{
    struct stream stream;

    (void)state;
    make(&stream);
    stream.entries[4].pairs[1].value = SPAN("70");
    seal(&stream, 4);
    assert_string_equal(judge(&stream, NULL, NULL, 10), "fork 6");
    make(&stream);
    stream.entries[9].pairs[1].value = SPAN("70");
    seal(&stream, 9);
    assert_string_equal(judge(&stream, NULL, NULL, 10), "head-moved 10");
}

static void
finds_what_is_missing(void **state)
{
    static const struct {
        size_t from;
        size_t count;
        uint64_t added;
        const char *wanted;
    } rows[] = {
        {4, 1, 10, "gap 5"},
        {4, 3, 10, "gap 5"},
        {9, 1, 10, "cut-tail 10"},
        {6, 4, 10, "cut-tail 7"},
        {0, 1, 10, "cut-start 1"},
        {0, 7, 10, "cut-start 1"},
        {0, 7, 0, "cut-start 1"},
        {0, 7, 3, "deleted 1"},
        {0, 10, 0, "deleted 1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stream stream;

        make(&stream);
        leave_out(&stream, rows[i].from, rows[i].count);
        assert_string_equal(judge(&stream, NULL, NULL, rows[i].added), rows[i].wanted);
    }
}

static void
is_told_by_copies_where_the_head_is_made_to_fit(void **state)
{
    struct stream stream;
    struct event_head last;

    (void)state;
    make(&stream);
    last = stream.head;
    leave_out(&stream, 8, 2);
    stream.head.seq = 8;
    memcpy(stream.head.hash, stream.hashes[7], EVENT_HASH_SIZE);
    assert_string_equal(judge(&stream, NULL, NULL, 10), "ok");
    assert_string_equal(judge(&stream, &last, NULL, 10), "cut-tail 9");
    assert_string_equal(judge(&stream, NULL, &last, 10), "cut-tail 9");
    stream.count = 0;
    event_head_init(&stream.head);
    assert_string_equal(judge(&stream, &last, NULL, 0), "deleted 1");
}

static void
finds_a_fork(void **state)
{
    struct stream stream;
    struct stream other;
    struct event_head copy;

    (void)state;
    make(&stream);
    make(&other);
    other.entries[5].pairs[1].value = SPAN("50");
    seal(&other, 5);
    /* Both went on from the fifth. */
    stream.entries[6] = other.entries[5];
    stream.entries[6].id = stream.entries[5].id;
    assert_string_equal(judge(&stream, NULL, NULL, 10), "fork 6, gap 7");
    /* One of them is in our books. */
    make(&stream);
    copy.seq = 6;
    memcpy(copy.hash, other.hashes[5], EVENT_HASH_SIZE);
    assert_string_equal(judge(&stream, &copy, NULL, 10), "fork 6");
    assert_string_equal(judge(&stream, NULL, &copy, 10), "fork 6");
}

static void
begins_behind_a_checkpoint(void **state)
{
    struct stream stream;
    struct event_head before = {.seq = 1000};

    (void)state;
    memset(before.hash, 'a', EVENT_HASH_SIZE - 1);
    before.hash[EVENT_HASH_SIZE - 1] = '\0';
    make_from(&stream, &before);
    assert_string_equal(judge(&stream, NULL, NULL, 1010), "cut-start 1");
    /* The last one names what went. */
    event_head_write(&before, stream.to);
    stream.entries[9].pairs[0].value = SPAN("checkpoint");
    stream.entries[9].pairs[1].value = span_of(stream.to);
    seal(&stream, 9);
    memcpy(stream.head.hash, stream.hashes[9], EVENT_HASH_SIZE);
    assert_string_equal(judge(&stream, NULL, NULL, 1010), "ok");
    assert_string_equal(judge(&stream, NULL, &before, 1010), "ok");
    leave_out(&stream, 0, 2);
    assert_string_equal(judge(&stream, NULL, NULL, 1010), "cut-start 1001");
    before.seq = 5;
    assert_string_equal(
        judge(&stream, NULL, &before, 1010), "head-unknown 5, cut-start 1001");
}

static void
does_not_mind_what_is_not_chained(void **state)
{
    struct stream stream;
    struct event_chain *chain = event_chain_new();
    struct event_entry plain = {SPAN("1-1"), {{SPAN("what"), SPAN("weight")}}, 1, false};
    struct event_chain_counts counts;
    struct event_chain_end end = {0};
    const struct event_fault *faults;

    (void)state;
    make(&stream);
    event_chain_add(chain, &plain);
    event_chain_add(chain, &plain);
    for (size_t i = 0; i < MANY; i++)
        event_chain_add(chain, &stream.entries[i]);
    event_chain_add(chain, &plain);
    end.before = end.after = stream.head;
    end.added = 13;
    event_chain_end(chain, &end);
    assert_int_equal(event_chain_faults(chain, &faults), 0);
    event_chain_counts(chain, &counts);
    assert_int_equal(counts.earlier, 2);
    assert_int_equal(counts.beside, 1);
    assert_int_equal(counts.chained, MANY);
    event_chain_free(chain);
}

static void
tells_a_head_that_was_put_elsewhere(void **state)
{
    struct stream stream;

    (void)state;
    make(&stream);
    event_head_init(&stream.head);
    assert_string_equal(judge(&stream, NULL, NULL, 10), "head-moved 10");
    make(&stream);
    stream.head.seq = 4;
    memcpy(stream.head.hash, stream.hashes[3], EVENT_HASH_SIZE);
    assert_string_equal(judge(&stream, NULL, NULL, 10), "head-moved 10");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_content_with_what_was_written),
        cmocka_unit_test(finds_any_octet_that_was_changed),
        cmocka_unit_test(finds_what_was_added_to_an_entry_or_left_out),
        cmocka_unit_test(finds_a_hash_that_was_made_to_fit),
        cmocka_unit_test(finds_what_is_missing),
        cmocka_unit_test(is_told_by_copies_where_the_head_is_made_to_fit),
        cmocka_unit_test(finds_a_fork),
        cmocka_unit_test(begins_behind_a_checkpoint),
        cmocka_unit_test(does_not_mind_what_is_not_chained),
        cmocka_unit_test(tells_a_head_that_was_put_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
