#include "policyd/replica/snapshot_wire.h"

#include <string.h>

#include "policyd/state/domain_fields.h"
#include "shared/base/attributes.h"
#include "shared/base/cursor.h"

static const struct span magic = {"postshift snapshot 1\n", 21};
static const struct span any_magic = {"postshift snapshot ", 19};

enum { LENGTH_SIZE = 4 };

/* --- writing --- */

struct writer {
    snapshot_sink *sink;
    void *argument;
    bool failed;
    struct snapshot_counts counts;
    struct buffer block; /* the digest before, then the records */
};

static void
begin_block(struct writer *writer, const unsigned char digest[SNAPSHOT_DIGEST_SIZE])
{
    buffer_reset(&writer->block);
    buffer_append(&writer->block, span_make(digest, SNAPSHOT_DIGEST_SIZE));
}

static void
put_out(struct writer *writer, struct span octets)
{
    writer->failed = writer->failed || !writer->sink(writer->argument, octets);
}

static void
end_block(struct writer *writer)
{
    struct span records = span_from(buffer_span(&writer->block), SNAPSHOT_DIGEST_SIZE);
    unsigned char digest[SNAPSHOT_DIGEST_SIZE];
    unsigned char length[LENGTH_SIZE];

    if (records.length == 0)
        return;
    for (size_t i = 0; i < LENGTH_SIZE; i++)
        length[i] = (unsigned char)(records.length >> (8 * (LENGTH_SIZE - 1 - i)));
    digest_sha256(buffer_span(&writer->block), digest);
    put_out(writer, span_make(length, sizeof(length)));
    put_out(writer, records);
    put_out(writer, span_make(digest, sizeof(digest)));
    begin_block(writer, digest);
}

/* True when the record begins a new block. */
static bool
make_room(struct writer *writer, size_t length)
{
    if (writer->block.length - SNAPSHOT_DIGEST_SIZE + length <= SNAPSHOT_BLOCK_MAX)
        return false;
    end_block(writer);
    return true;
}

static void
put_text(struct writer *writer, struct span text)
{
    buffer_append_octet(&writer->block, (char)(text.length >> 8 & 0xff));
    buffer_append_octet(&writer->block, (char)(text.length & 0xff));
    buffer_append(&writer->block, text);
}

static void
write_accept(struct writer *writer, const struct snapshot_extra *extra)
{
    buffer_append_octet(&writer->block, 'A');
    buffer_append_octet(&writer->block, extra->knows_accept ? 1 : 0);
    buffer_append_u64(&writer->block, (uint64_t)extra->accepted);
}

static void
write_domain(struct writer *writer, struct span name, const struct replica_domain *domain)
{
    struct domain_fields fields = {.count = 0};
    size_t length = 1 + 2 + name.length + 8 + 1;

    if (domain->state != NULL)
        domain_fields_write(domain->state, &fields);
    for (size_t i = 0; i < fields.count; i++)
        length += 1 + fields.items[i].name.length + 2 + fields.items[i].value.length;
    make_room(writer, length);
    buffer_append_octet(&writer->block, 'D');
    put_text(writer, name);
    buffer_append_u64(&writer->block, domain->rev);
    buffer_append_octet(&writer->block, (char)fields.count);
    for (size_t i = 0; i < fields.count; i++) {
        buffer_append_octet(&writer->block, (char)fields.items[i].name.length);
        buffer_append(&writer->block, fields.items[i].name);
        put_text(writer, fields.items[i].value);
    }
    writer->counts.domains++;
}

static void
write_domains(struct writer *writer, const struct replica *replica)
{
    struct replica_domain domain;
    struct span name;
    uint64_t cursor = 0;

    while (!writer->failed && replica_next_domain(replica, &cursor, &name, &domain)) {
        if (domain.ours)
            write_domain(writer, name, &domain);
    }
}

static void
write_pins(struct writer *writer, const struct replica *replica)
{
    struct span name;
    struct span value;
    struct pin pin;
    uint64_t cursor = 0;

    while (
        !writer->failed && replica_next(replica, REPLICA_PIN, &cursor, &name, &value)) {
        pin = replica_pin_unpack(value);
        make_room(writer, 1 + 2 + name.length + 1 + 8);
        buffer_append_octet(&writer->block, 'P');
        put_text(writer, name);
        buffer_append_octet(&writer->block, (char)pin.place);
        buffer_append_u64(&writer->block, (uint64_t)pin.until);
        writer->counts.pins++;
    }
}

static void
write_units(struct writer *writer, const struct replica *replica)
{
    struct span recipient;
    struct span unit;
    uint64_t cursor = 0;

    while (!writer->failed &&
           replica_next(replica, REPLICA_UNIT, &cursor, &recipient, &unit)) {
        make_room(writer, 1 + 2 + recipient.length + 2 + unit.length);
        buffer_append_octet(&writer->block, 'U');
        put_text(writer, recipient);
        put_text(writer, unit);
        writer->counts.units++;
    }
}

static void
write_list_name(struct writer *writer, struct span domain, struct span list)
{
    buffer_append_octet(&writer->block, 'L');
    put_text(writer, domain);
    put_text(writer, list);
}

static void
write_list(struct writer *writer, const struct replica *replica, struct span domain,
    struct span list)
{
    size_t name_length = 1 + 2 + domain.length + 2 + list.length;
    struct span unit;
    uint64_t cursor = 0;

    make_room(writer, name_length);
    write_list_name(writer, domain, list);
    while (
        !writer->failed && replica_next_member(replica, domain, list, &cursor, &unit)) {
        if (make_room(writer, 1 + 2 + unit.length))
            write_list_name(writer, domain, list);
        buffer_append_octet(&writer->block, 'M');
        put_text(writer, unit);
        writer->counts.members++;
    }
}

static void
write_lists(struct writer *writer, const struct replica *replica)
{
    struct span domain;
    struct span list;
    size_t count;
    uint64_t cursor = 0;

    while (!writer->failed && replica_next_list(replica, &cursor, &domain, &list, &count))
        write_list(writer, replica, domain, list);
}

static void
write_end(struct writer *writer, const struct snapshot_extra *extra)
{
    make_room(writer, 1 + 5 * 8);
    buffer_append_octet(&writer->block, 'E');
    buffer_append_u64(&writer->block, (uint64_t)extra->written);
    buffer_append_u64(&writer->block, writer->counts.domains);
    buffer_append_u64(&writer->block, writer->counts.pins);
    buffer_append_u64(&writer->block, writer->counts.units);
    buffer_append_u64(&writer->block, writer->counts.members);
    end_block(writer);
}

static bool
write_records(const struct replica *replica, const struct snapshot_extra *extra,
    bool only_domains, snapshot_sink *sink, void *argument)
{
    static const unsigned char no_digest[SNAPSHOT_DIGEST_SIZE];
    struct writer writer = {.sink = sink, .argument = argument};

    buffer_init(&writer.block, SNAPSHOT_DIGEST_SIZE + SNAPSHOT_BLOCK_MAX);
    put_out(&writer, magic);
    begin_block(&writer, no_digest);
    write_accept(&writer, extra);
    write_domains(&writer, replica);
    if (!only_domains) {
        write_pins(&writer, replica);
        write_units(&writer, replica);
        write_lists(&writer, replica);
    }
    write_end(&writer, extra);
    writer.failed = writer.failed || !buffer_ok(&writer.block);
    buffer_clear(&writer.block);
    return !writer.failed;
}

bool
snapshot_wire_write(const struct replica *replica, const struct snapshot_extra *extra,
    snapshot_sink *sink, void *argument)
{
    return write_records(replica, extra, false, sink, argument);
}

bool
snapshot_wire_write_domains(const struct replica *replica,
    const struct snapshot_extra *extra, snapshot_sink *sink, void *argument)
{
    return write_records(replica, extra, true, sink, argument);
}

/* --- reading --- */

static struct span
take_text(struct cursor *cursor)
{
    return cursor_bytes(cursor, cursor_u16(cursor));
}

static int64_t
take_time(struct cursor *cursor)
{
    uint64_t time = cursor_u64(cursor);

    if (time > INT64_MAX) {
        cursor_fail(cursor);
        return 0;
    }
    return (int64_t)time;
}

static bool
read_accept(struct snapshot_reader *reader, struct cursor *cursor)
{
    uint8_t known = cursor_u8(cursor);

    reader->extra.accepted = take_time(cursor);
    reader->extra.knows_accept = known == 1;
    return known <= 1;
}

static bool
read_fields(struct cursor *cursor, struct domain_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fields[i].name = cursor_bytes(cursor, cursor_u8(cursor));
        fields[i].value = take_text(cursor);
    }
    return cursor_ok(cursor);
}

/* The file may allow less than it did when this was written. */
static bool
read_domain(struct snapshot_reader *reader, struct cursor *cursor)
{
    struct domain_field fields[DOMAIN_FIELDS_COUNT];
    struct domain_problem problem;
    struct domain_state *state = NULL;
    struct span name = take_text(cursor);
    uint64_t rev = cursor_u64(cursor);
    size_t count = cursor_u8(cursor);

    if (count > DOMAIN_FIELDS_COUNT || !read_fields(cursor, fields, count))
        return false;
    reader->counts.domains++;
    if (!replica_rules_allow(reader->rules, name))
        return true;
    if (count > 0) {
        state = domain_state_parse(
            name, fields, count, &reader->rules->state, &problem, NULL, NULL);
        if (state == NULL && reader->refused != NULL)
            reader->refused(reader->argument, name, &problem);
    }
    return replica_put_domain(reader->replica, name, state, rev);
}

static bool
read_pin(struct snapshot_reader *reader, struct cursor *cursor)
{
    struct span name = take_text(cursor);
    uint8_t place = cursor_u8(cursor);
    int64_t until = take_time(cursor);

    reader->counts.pins++;
    return cursor_ok(cursor) && place > PIN_NONE && place <= PIN_BAD &&
           replica_put_pin(reader->replica, name, (enum pin_place)place, until);
}

static bool
read_unit(struct snapshot_reader *reader, struct cursor *cursor)
{
    struct span recipient = take_text(cursor);
    struct span unit = take_text(cursor);

    reader->counts.units++;
    return cursor_ok(cursor) && unit.length > 0 &&
           replica_put_unit(reader->replica, recipient, unit);
}

static bool
read_list(struct snapshot_reader *reader, struct cursor *cursor)
{
    struct span domain = take_text(cursor);
    struct span list = take_text(cursor);

    return replica_name_set(&reader->list_domain, domain) &&
           replica_name_set(&reader->list, list);
}

static bool
read_member(struct snapshot_reader *reader, struct cursor *cursor)
{
    struct span unit = take_text(cursor);

    reader->counts.members++;
    return cursor_ok(cursor) && reader->list.length > 0 &&
           replica_put_member(reader->replica, replica_name_span(&reader->list_domain),
               replica_name_span(&reader->list), unit);
}

static bool
read_end(struct snapshot_reader *reader, struct cursor *cursor)
{
    reader->extra.written = take_time(cursor);
    reader->ended = true;
    return cursor_u64(cursor) == reader->counts.domains &&
           cursor_u64(cursor) == reader->counts.pins &&
           cursor_u64(cursor) == reader->counts.units &&
           cursor_u64(cursor) == reader->counts.members;
}

static const struct {
    char mark;
    bool (*read)(struct snapshot_reader *reader, struct cursor *cursor);
} records_known[] = {
    {'P', read_pin   },
    {'U', read_unit  },
    {'M', read_member},
    {'L', read_list  },
    {'D', read_domain},
    {'A', read_accept},
    {'E', read_end   },
};

static bool
read_record(struct snapshot_reader *reader, struct cursor *cursor)
{
    char mark = (char)cursor_u8(cursor);

    for (size_t i = 0; i < ARRAY_LENGTH(records_known); i++) {
        if (records_known[i].mark == mark)
            return !reader->ended && records_known[i].read(reader, cursor) &&
                   cursor_ok(cursor);
    }
    return false;
}

void
snapshot_reader_init(struct snapshot_reader *reader, struct replica *replica,
    const struct replica_rules *rules)
{
    memset(reader, 0, sizeof(*reader));
    reader->replica = replica;
    reader->rules = rules;
}

bool
snapshot_reader_records(
    struct snapshot_reader *reader, struct span records, struct error *error)
{
    struct cursor cursor = cursor_on(records);

    reader->list.length = 0;
    while (!cursor_at_end(&cursor)) {
        if (!read_record(reader, &cursor))
            return error_permanent(error, "a record makes no sense");
    }
    return true;
}

static bool
take_magic(struct snapshot_reader *reader, struct span *octets, struct error *error)
{
    if (span_starts(*octets, magic)) {
        *octets = span_from(*octets, magic.length);
        reader->begun = true;
        return true;
    }
    if (span_starts(*octets, any_magic))
        return error_permanent(error, "written by another version");
    return error_permanent(error, "not a snapshot");
}

static bool
check_digest(struct snapshot_reader *reader, struct span records, struct span digest)
{
    struct buffer block;
    bool same;

    buffer_init(&block, SNAPSHOT_DIGEST_SIZE + SNAPSHOT_BLOCK_MAX);
    buffer_append(&block, span_make(reader->digest, sizeof(reader->digest)));
    buffer_append(&block, records);
    digest_sha256(buffer_span(&block), reader->digest);
    same = span_equal(span_make(reader->digest, sizeof(reader->digest)), digest);
    buffer_clear(&block);
    return same;
}

bool
snapshot_reader_take(
    struct snapshot_reader *reader, struct span *octets, struct error *error)
{
    if (!reader->begun) {
        if (octets->length < magic.length)
            return true;
        if (!take_magic(reader, octets, error))
            return false;
    }
    while (octets->length >= LENGTH_SIZE) {
        struct cursor cursor = cursor_on(*octets);
        size_t length = cursor_u32(&cursor);
        struct span records = cursor_bytes(&cursor, length);
        struct span digest = cursor_bytes(&cursor, SNAPSHOT_DIGEST_SIZE);

        if (length == 0 || length > SNAPSHOT_BLOCK_MAX || reader->ended)
            return error_permanent(error, "damaged");
        if (!cursor_ok(&cursor))
            return true;
        if (!check_digest(reader, records, digest))
            return error_permanent(error, "damaged: a checksum is wrong");
        if (!snapshot_reader_records(reader, records, error))
            return false;
        *octets = cursor.rest;
    }
    return true;
}

bool
snapshot_reader_end(struct snapshot_reader *reader, struct span rest, struct error *error)
{
    if (reader->ended && rest.length == 0) {
        replica_set_loaded(reader->replica);
        return true;
    }
    return error_permanent(error, reader->begun ? "cut short" : "not a snapshot");
}
