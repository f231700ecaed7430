#include "policyd/replica/snapshot_reader.h"

#include <string.h>

#include "policyd/state/domain_fields.h"
#include "shared/base/attributes.h"
#include "shared/base/cursor.h"

static const struct span magic = {SNAPSHOT_MAGIC, sizeof(SNAPSHOT_MAGIC) - 1};
static const struct span any_magic = {"postshift snapshot ", 19};

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
    while (octets->length >= SNAPSHOT_LENGTH_SIZE) {
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
