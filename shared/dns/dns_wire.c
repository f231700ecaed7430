#include "shared/dns/dns_wire.h"

#include "shared/base/cursor.h"

#include <string.h>

enum {
    HEADER_SIZE = 12,
    OPT_SIZE = 11,
    POINTERS_MAX =
        127, /* in one name; each leads to at least one label in honest packets */
    CHAIN_MAX = 10,
    /* Records looked at in an answer: what we keep, and as many again that others own. */
    RECORDS_SEEN_MAX = 2 * DNS_RECORDS_MAX,

    CLASS_IN = 1,
    TYPE_CNAME = 5,
    TYPE_OPT = 41,

    START_TIMES = 16,     /* octets behind the serial of an SOA */
    CERTIFICATE_HEAD = 3, /* of a TLSA */

    FLAG_QR = 0x8000,
    FLAG_OPCODE = 0x7800,
    FLAG_TC = 0x0200,
    FLAG_RD = 0x0100,
    FLAG_AD = 0x0020,
    FLAG_RCODE = 0x000f,

    RCODE_NOERROR = 0,
    RCODE_NXDOMAIN = 3,
    RCODE_REFUSED = 5,
};

/* A packet being read: a cursor that also knows the whole, for names point backwards. */
struct reader {
    struct span packet;
    struct cursor cursor;
};

struct header {
    unsigned flags;
    unsigned questions;
    unsigned answers;
    unsigned others; /* authority and additional */
};

struct resource {
    struct dns_name owner;
    unsigned type;
    unsigned class;
    uint32_t ttl;
    struct reader data; /* its cursor ends where the record does */
};

static size_t
reader_at(const struct reader *reader)
{
    const struct span *rest = &reader->cursor.rest;

    return rest->length == 0 ? reader->packet.length
                             : (size_t)(rest->data - reader->packet.data);
}

static unsigned char *
put_u16(unsigned char *to, unsigned number)
{
    *to++ = (unsigned char)(number >> 8);
    *to++ = (unsigned char)number;
    return to;
}

size_t
dns_wire_question(unsigned char packet[DNS_WIRE_QUESTION_MAX], uint16_t id,
    const struct dns_name *name, enum dns_type type)
{
    unsigned char *to = packet;

    _Static_assert(HEADER_SIZE + DNS_NAME_MAX + 4 + OPT_SIZE <= DNS_WIRE_QUESTION_MAX,
        "the longest question fits");
    to = put_u16(to, id);
    to = put_u16(to, FLAG_RD | FLAG_AD);
    to = put_u16(to, 1); /* question */
    to = put_u16(to, 0);
    to = put_u16(to, 0);
    to = put_u16(to, 1); /* additional: OPT */
    memcpy(to, name->octets, name->length);
    to += name->length;
    to = put_u16(to, (unsigned)type);
    to = put_u16(to, CLASS_IN);
    *to++ = 0;
    to = put_u16(to, TYPE_OPT);
    to = put_u16(to, DNS_WIRE_PAYLOAD);
    to = put_u16(to, 0);
    to = put_u16(to, 0);
    to = put_u16(to, 0);
    return (size_t)(to - packet);
}

/*
 * Reads a name, following its pointers.  A pointer leads back before the part that holds
 * it, so that no name is without end.
 */
static void
read_name(struct reader *reader, struct dns_name *name)
{
    struct cursor jumped;
    struct cursor *from = &reader->cursor;
    size_t before = reader_at(reader);

    name->length = 0;
    for (int pointers = 0;;) {
        unsigned length = cursor_u8(from);
        struct span label;

        if (length >= 0xc0) {
            size_t to = (length & 0x3f) << 8 | cursor_u8(from);

            if (!cursor_ok(from) || to >= before || ++pointers > POINTERS_MAX)
                break;
            before = to;
            jumped = cursor_on(span_from(reader->packet, to));
            from = &jumped;
            continue;
        }
        if (!cursor_ok(from) || length > DNS_NAME_LABEL_MAX)
            break;
        if (length == 0) {
            name->octets[name->length++] = 0;
            return;
        }
        label = cursor_bytes(from, length);
        if (!cursor_ok(from) || !dns_name_add(name, label))
            break;
    }
    name->length = 0;
    cursor_fail(&reader->cursor);
}

static struct header
read_header(struct reader *reader)
{
    struct header header;

    (void)cursor_u16(&reader->cursor); /* the id: checked by whoever received it */
    header.flags = cursor_u16(&reader->cursor);
    header.questions = cursor_u16(&reader->cursor);
    header.answers = cursor_u16(&reader->cursor);
    header.others = cursor_u16(&reader->cursor);
    header.others += cursor_u16(&reader->cursor);
    return header;
}

static void
read_resource(struct reader *reader, struct resource *resource)
{
    size_t length;
    size_t end;

    read_name(reader, &resource->owner);
    resource->type = cursor_u16(&reader->cursor);
    resource->class = cursor_u16(&reader->cursor);
    resource->ttl = cursor_u32(&reader->cursor);
    length = cursor_u16(&reader->cursor);
    end = reader_at(reader) + length;
    resource->data = *reader;
    (void)cursor_bytes(&reader->cursor, length);
    if (cursor_ok(&reader->cursor))
        resource->data.cursor.rest = span_first(resource->data.cursor.rest, length);
    resource->data.packet = span_first(reader->packet, end);
}

static bool
question_matches(struct reader *reader, const struct dns_name *name, enum dns_type type)
{
    struct dns_name asked;
    unsigned asked_type;
    unsigned asked_class;

    read_name(reader, &asked);
    asked_type = cursor_u16(&reader->cursor);
    asked_class = cursor_u16(&reader->cursor);
    return cursor_ok(&reader->cursor) && dns_name_equal(&asked, name) &&
           asked_type == (unsigned)type && asked_class == CLASS_IN;
}

static bool
read_name_record(struct reader *data, struct arena *arena, struct dns_record *record)
{
    struct dns_name name;

    read_name(data, &name);
    if (!cursor_at_end(&data->cursor))
        return false;
    record->text = dns_name_text(&name, arena);
    return true;
}

/* No string at all is not allowed, but means no more than an empty one: it must not cost
 * the records beside it. */
static bool
read_text_record(struct reader *data, struct arena *arena, struct dns_record *record)
{
    struct cursor measure = data->cursor;
    size_t length = 0;
    char *text;

    while (cursor_left(&measure) > 0 && cursor_ok(&measure))
        length += cursor_bytes(&measure, cursor_u8(&measure)).length;
    if (!cursor_at_end(&measure))
        return false;

    text = arena_take(arena, length + 1);
    record->text = span_make(text, length);
    while (cursor_left(&data->cursor) > 0) {
        struct span part = cursor_bytes(&data->cursor, cursor_u8(&data->cursor));

        if (part.length > 0)
            memcpy(text, part.data, part.length);
        text += part.length;
    }
    return true;
}

static bool
read_address_record(struct reader *data, size_t length, struct dns_record *record)
{
    struct span address = cursor_bytes(&data->cursor, length);

    if (!cursor_at_end(&data->cursor))
        return false;
    memcpy(record->address, address.data, length);
    return true;
}

/* First server, mailbox, serial, and four times. */
static bool
read_start_record(struct reader *data, struct arena *arena, struct dns_record *record)
{
    struct dns_name name;
    struct dns_name mailbox;

    read_name(data, &name);
    read_name(data, &mailbox);
    record->preference = cursor_u32(&data->cursor);
    (void)cursor_bytes(&data->cursor, START_TIMES);
    if (!cursor_at_end(&data->cursor))
        return false;
    record->text = dns_name_text(&name, arena);
    return true;
}

/* Usage, selector, matching type, and something to be matched. */
static bool
read_certificate_record(
    struct reader *data, struct arena *arena, struct dns_record *record)
{
    record->text =
        arena_span(arena, cursor_bytes(&data->cursor, cursor_left(&data->cursor)));
    return record->text.length > CERTIFICATE_HEAD;
}

static bool
read_record(struct resource *resource, struct arena *arena, struct dns_record *record)
{
    switch ((enum dns_type)resource->type) {
    case DNS_A:
        return read_address_record(&resource->data, 4, record);
    case DNS_AAAA:
        return read_address_record(&resource->data, 16, record);
    case DNS_MX:
        record->preference = cursor_u16(&resource->data.cursor);
        return read_name_record(&resource->data, arena, record);
    case DNS_SOA:
        return read_start_record(&resource->data, arena, record);
    case DNS_TLSA:
        return read_certificate_record(&resource->data, arena, record);
    case DNS_NS:
    case DNS_PTR:
        return read_name_record(&resource->data, arena, record);
    case DNS_TXT:
        return read_text_record(&resource->data, arena, record);
    default:
        return false;
    }
}

/*
 * One walk through the answer section: how many records of the wanted type `owner` has,
 * and the first CNAME it has.  False when the section can't be read.
 */
struct sighting {
    size_t count;
    bool has_alias;
    uint32_t alias_ttl;
    struct dns_name alias;
};

static bool
look_through(struct reader reader, unsigned answers, const struct dns_name *owner,
    enum dns_type type, struct sighting *sighting)
{
    struct resource resource;

    sighting->count = 0;
    sighting->has_alias = false;
    for (unsigned i = 0; i < answers; i++) {
        read_resource(&reader, &resource);
        if (!cursor_ok(&reader.cursor))
            return false;
        if (resource.class != CLASS_IN || !dns_name_equal(&resource.owner, owner))
            continue;
        if (resource.type == (unsigned)type)
            sighting->count++;
        if (resource.type != TYPE_CNAME || sighting->has_alias)
            continue;
        read_name(&resource.data, &sighting->alias);
        if (!cursor_at_end(&resource.data.cursor))
            return false;
        sighting->has_alias = true;
        sighting->alias_ttl = resource.ttl;
    }
    return true;
}

static uint32_t
least(uint32_t left, uint32_t right)
{
    return left < right ? left : right;
}

/* The second walk: fills in what the first has counted. */
static bool
collect(struct reader reader, const struct dns_name *owner, enum dns_type type,
    size_t count, struct arena *arena, struct dns_answer *answer)
{
    struct dns_record *records = arena_take(arena, count * sizeof(*records));
    struct resource resource;

    for (size_t i = 0; i < count;) {
        read_resource(&reader, &resource);
        if (resource.class != CLASS_IN || resource.type != (unsigned)type ||
            !dns_name_equal(&resource.owner, owner))
            continue;
        if (!read_record(&resource, arena, &records[i++]))
            return false;
        answer->ttl = least(answer->ttl, resource.ttl);
    }
    answer->records = records;
    answer->count = count;
    return true;
}

static enum dns_status
status_of_rcode(unsigned rcode)
{
    if (rcode == RCODE_NOERROR)
        return DNS_NODATA;
    if (rcode == RCODE_NXDOMAIN)
        return DNS_NXDOMAIN;
    return rcode == RCODE_REFUSED ? DNS_REFUSED : DNS_SERVFAIL;
}

static enum dns_status
follow(struct reader *reader, unsigned answers, const struct dns_name *name,
    enum dns_type type, struct arena *arena, struct dns_answer *answer)
{
    struct dns_name owner = *name;
    struct sighting sighting;

    answer->ttl = UINT32_MAX;
    for (int links = 0;; links++) {
        if (!look_through(*reader, answers, &owner, type, &sighting) ||
            sighting.count > DNS_RECORDS_MAX)
            return DNS_MALFORMED;
        if (sighting.count > 0 || !sighting.has_alias)
            break;
        if (links == CHAIN_MAX)
            return DNS_MALFORMED;
        owner = sighting.alias;
        answer->ttl = least(answer->ttl, sighting.alias_ttl);
    }
    answer->owner = dns_name_text(&owner, arena);
    if (sighting.count == 0)
        return status_of_rcode(answer->rcode);
    if (answer->rcode != RCODE_NOERROR ||
        !collect(*reader, &owner, type, sighting.count, arena, answer))
        return DNS_MALFORMED;
    return DNS_OK;
}

void
dns_wire_answer(struct span packet, const struct dns_name *name, enum dns_type type,
    struct arena *arena, struct dns_answer *answer)
{
    struct reader reader = {packet, cursor_on(packet)};
    struct header header = read_header(&reader);

    *answer = (struct dns_answer){.status = DNS_MALFORMED};
    if (!cursor_ok(&reader.cursor) || (header.flags & (FLAG_QR | FLAG_OPCODE)) != FLAG_QR)
        return;
    answer->rcode = header.flags & FLAG_RCODE;
    if (answer->rcode != RCODE_NOERROR && answer->rcode != RCODE_NXDOMAIN) {
        answer->status = status_of_rcode(answer->rcode);
        return;
    }
    if ((header.flags & FLAG_TC) != 0 || header.questions != 1 ||
        header.answers > RECORDS_SEEN_MAX || !question_matches(&reader, name, type))
        return;
    answer->status = follow(&reader, header.answers, name, type, arena, answer);
    answer->secure = answer->status != DNS_MALFORMED && (header.flags & FLAG_AD) != 0;
    if (answer->status != DNS_OK) {
        answer->ttl = 0;
        answer->records = NULL;
        answer->count = 0;
    }
}

bool
dns_wire_has_edns(struct span packet)
{
    struct reader reader = {packet, cursor_on(packet)};
    struct header header = read_header(&reader);
    struct dns_name name;
    struct resource resource;

    for (unsigned i = 0; i < header.questions && cursor_ok(&reader.cursor); i++) {
        read_name(&reader, &name);
        (void)cursor_u32(&reader.cursor);
    }
    for (unsigned i = 0; i < header.answers + header.others; i++) {
        read_resource(&reader, &resource);
        if (!cursor_ok(&reader.cursor))
            return false;
        if (resource.type == TYPE_OPT)
            return true;
    }
    return false;
}
