#include "policyd/replica/snapshot_wire.h"

#include "policyd/state/domain_fields.h"

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
    unsigned char length[SNAPSHOT_LENGTH_SIZE];

    if (records.length == 0)
        return;
    for (size_t i = 0; i < SNAPSHOT_LENGTH_SIZE; i++)
        length[i] =
            (unsigned char)(records.length >> (8 * (SNAPSHOT_LENGTH_SIZE - 1 - i)));
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
    put_out(&writer, span_of(SNAPSHOT_MAGIC));
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
