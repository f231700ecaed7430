#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policyd/replica/snapshot_reader.h"
#include "shared/base/attributes.h"

static const char *const transports[] = {"cutover-old", "cutover-new"};
static const struct replica_rules rules = {
    .state = {.transports = transports, .transport_count = ARRAY_LENGTH(transports)},
};

static bool
into_buffer(void *argument, struct span octets)
{
    return buffer_append(argument, octets);
}

static struct domain_state *
state_of(const char *domain, const char *words)
{
    struct domain_field fields[16];
    struct domain_problem problem;
    struct domain_state *state;
    struct span rest = span_of(words);
    size_t count = 0;

    while (count < ARRAY_LENGTH(fields) && span_word(&rest, &fields[count].name) &&
           span_word(&rest, &fields[count].value))
        count++;
    state = domain_state_parse(
        span_of(domain), fields, count, &rules.state, &problem, NULL, NULL);
    assert_non_null(state);
    return state;
}

/* A bit of everything, over several blocks. */
static struct replica *
sample(void)
{
    struct replica *replica = replica_new();
    char name[64];

    replica_put_domain(replica, SPAN("example.com"),
        state_of("example.com",
            "weight 30.5 old cutover-old:[192.0.2.1]:25 new "
            "cutover-new:[192.0.2.2]:25 rev 17 lists it inside relay"),
        17);
    replica_put_domain(replica, SPAN("example.org"), NULL, 0);
    replica_put_domain(
        replica, SPAN("gone.example"), state_of("gone.example", "mode forgotten"), 0);
    replica_set_suspect(replica, SPAN("never.example"), "weight=x");
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "user%d@example.com", i);
        replica_put_pin(
            replica, span_of(name), i % 2 == 0 ? PIN_NEW : PIN_HOLD, i % 3 * 100);
        replica_put_unit(replica, span_of(name), SPAN("team"));
        replica_put_member(replica, SPAN("example.com"), SPAN("it"), span_of(name));
    }
    replica_put_pin(replica, SPAN("bad@example.com"), PIN_BAD, 0);
    return replica;
}

static void
write_sample(struct buffer *out)
{
    const struct snapshot_extra extra = {true, 1234567, 7654321};
    struct replica *replica = sample();

    buffer_init(out, 16 << 20);
    assert_true(snapshot_wire_write(replica, &extra, into_buffer, out));
    replica_free(replica);
}

/* Fed in pieces of `piece` octets. */
static bool
read_back(struct span file, size_t piece, struct snapshot_reader *reader,
    const struct replica_rules *with, struct error *error)
{
    size_t fed = 0;
    struct span rest = span_first(file, 0);

    memset(error, 0, sizeof(*error));
    snapshot_reader_init(reader, replica_new(), with);
    while (fed < file.length) {
        fed += piece < file.length - fed ? piece : file.length - fed;
        rest.length = (size_t)(file.data + fed - rest.data);
        if (!snapshot_reader_take(reader, &rest, error))
            return false;
    }
    return snapshot_reader_end(reader, rest, error);
}

static void
what_is_written_is_read(void **state)
{
    static const size_t pieces[] = {1000, 65536, 1 << 20};
    struct buffer out;
    struct snapshot_reader reader;
    struct error error;

    (void)state;
    write_sample(&out);
    for (size_t i = 0; i < ARRAY_LENGTH(pieces); i++) {
        struct replica_domain domain;
        struct pin pin;

        assert_true(read_back(buffer_span(&out), pieces[i], &reader, &rules, &error));
        assert_true(replica_is_loaded(reader.replica));
        assert_int_equal(reader.extra.accepted, 1234567);
        assert_int_equal(reader.extra.written, 7654321);
        assert_true(reader.extra.knows_accept);
        assert_true(replica_find_domain(reader.replica, SPAN("example.com"), &domain));
        assert_int_equal(domain.state->weight, 3050);
        assert_int_equal(domain.rev, 17);
        assert_int_equal(domain.state->inside, INSIDE_RELAY);
        assert_string_equal(domain.state->lists[0], "it");
        assert_true(replica_find_domain(reader.replica, SPAN("example.org"), &domain));
        assert_true(domain.ours);
        assert_null(domain.state);
        assert_true(replica_find_domain(reader.replica, SPAN("gone.example"), &domain));
        assert_int_equal(domain.state->mode, DOMAIN_MODE_FORGOTTEN);
        assert_false(replica_find_domain(reader.replica, SPAN("never.example"), &domain));
        assert_int_equal(replica_count(reader.replica, REPLICA_PIN), 5001);
        assert_true(replica_find_pin(reader.replica, SPAN("user5@example.com"), &pin));
        assert_int_equal(pin.place, PIN_HOLD);
        assert_int_equal(pin.until, 200);
        assert_true(replica_find_pin(reader.replica, SPAN("bad@example.com"), &pin));
        assert_int_equal(pin.place, PIN_BAD);
        assert_true(span_is(
            replica_find_unit(reader.replica, SPAN("user7@example.com")), "team"));
        assert_int_equal(
            replica_list_count(reader.replica, SPAN("example.com"), SPAN("it")), 5000);
        replica_free(reader.replica);
    }
    buffer_clear(&out);
}

static void
damage_is_noticed(void **state)
{
    struct buffer out;
    struct snapshot_reader reader;
    struct error error;

    (void)state;
    write_sample(&out);
    /* A flipped bit anywhere; everything that is cut anywhere. */
    for (size_t at = 0; at < out.length; at += at < 200 ? 1 : 4999) {
        out.data[at] = (char)(out.data[at] ^ 4);
        assert_false(read_back(buffer_span(&out), 1 << 20, &reader, &rules, &error));
        assert_int_not_equal(strlen(error.text), 0);
        replica_free(reader.replica);
        out.data[at] = (char)(out.data[at] ^ 4);
        assert_false(read_back(
            span_first(buffer_span(&out), at), 1 << 20, &reader, &rules, &error));
        replica_free(reader.replica);
    }
    buffer_append_octet(&out, 'x');
    assert_false(read_back(buffer_span(&out), 1 << 20, &reader, &rules, &error));
    replica_free(reader.replica);
    buffer_clear(&out);
}

static void
a_block_left_out_is_noticed(void **state)
{
    struct buffer out;
    struct buffer cut;
    struct snapshot_reader reader;
    struct error error;
    size_t first = 21;
    size_t length;

    (void)state;
    write_sample(&out);
    length = (size_t)(unsigned char)out.data[first + 1] << 16 |
             (size_t)(unsigned char)out.data[first + 2] << 8 |
             (size_t)(unsigned char)out.data[first + 3];
    buffer_init(&cut, 16 << 20);
    buffer_append(&cut, span_first(buffer_span(&out), first));
    buffer_append(&cut, span_from(buffer_span(&out), first + 4 + length + 32));
    assert_false(read_back(buffer_span(&cut), 1 << 20, &reader, &rules, &error));
    assert_string_equal(error.text, "damaged: a checksum is wrong");
    replica_free(reader.replica);
    buffer_clear(&cut);
    buffer_clear(&out);
}

static void
other_files_are_told_apart(void **state)
{
    static const struct {
        const char *text;
        const char *wanted;
    } rows[] = {
        {"", "not a snapshot"},
        {"postshift snap", "not a snapshot"},
        {"postshift snapshot 2\nanything at all", "written by another version"},
        {"postshift snapshot 1\n", "cut short"},
        {"something else that is long enough to be", "not a snapshot"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct snapshot_reader reader;
        struct error error;

        assert_false(read_back(span_of(rows[i].text), 100, &reader, &rules, &error));
        assert_string_equal(error.text, rows[i].wanted);
        replica_free(reader.replica);
    }
}

static void
count_refused(void *argument, struct span domain, const struct domain_problem *problem)
{
    (void)problem;
    assert_true(span_is(domain, "example.com"));
    (*(size_t *)argument)++;
}

static void
the_file_may_allow_less_by_now(void **state)
{
    static const char *const less[] = {"cutover-old"};
    static const char *const listed[] = {"example.com"};
    struct replica_rules narrow = rules;
    struct buffer out;
    struct span file;
    struct snapshot_reader reader;
    struct error error = {0};
    struct replica_domain domain;
    size_t refused = 0;

    (void)state;
    narrow.state.transports = less;
    narrow.state.transport_count = 1;
    narrow.domains = listed;
    narrow.domain_count = 1;
    write_sample(&out);
    snapshot_reader_init(&reader, replica_new(), &narrow);
    reader.refused = count_refused;
    reader.argument = &refused;
    file = buffer_span(&out);
    assert_true(snapshot_reader_take(&reader, &file, &error));
    assert_true(snapshot_reader_end(&reader, file, &error));
    assert_int_equal(refused, 1);
    assert_true(replica_find_domain(reader.replica, SPAN("example.com"), &domain));
    assert_true(domain.ours);
    assert_null(domain.state);
    assert_int_equal(domain.rev, 17);
    assert_false(replica_find_domain(reader.replica, SPAN("gone.example"), &domain));
    replica_free(reader.replica);
    buffer_clear(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(damage_is_noticed),
        cmocka_unit_test(a_block_left_out_is_noticed),
        cmocka_unit_test(other_files_are_told_apart),
        cmocka_unit_test(the_file_may_allow_less_by_now),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
