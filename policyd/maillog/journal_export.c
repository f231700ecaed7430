#include "policyd/maillog/journal_export.h"

#include <inttypes.h>

#include "shared/base/attributes.h"
#include "shared/base/number.h"

enum { LENGTH_OCTETS = 8, STAMP_LENGTH = 19 };

/* The fields that make a line. */
enum field { CURSOR, TIME, HOST, IDENTIFIER, PID, SYSLOG_PID, MESSAGE, FIELD_COUNT };

static const char *const names[FIELD_COUNT] = {"__CURSOR", "__REALTIME_TIMESTAMP",
    "_HOSTNAME", "SYSLOG_IDENTIFIER", "_PID", "SYSLOG_PID", "MESSAGE"};

static enum field
find_field(struct span name)
{
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        if (span_is(name, names[i]))
            return (enum field)i;
    }
    return FIELD_COUNT;
}

static uint64_t
read_length(struct span octets)
{
    uint64_t length = 0;

    for (size_t i = LENGTH_OCTETS; i > 0; i--)
        length = length << 8 | (unsigned char)octets.data[i - 1];
    return length;
}

/* The next field; an empty name is the end of the entry. */
static enum wire_result
take_field(struct span *rest, struct span *name, struct span *value)
{
    size_t end = span_find(*rest, '\n');
    size_t equals;
    uint64_t length;

    if (end == SPAN_NONE)
        return rest->length > JOURNAL_ENTRY_MAX ? WIRE_BAD : WIRE_MORE;
    *name = span_first(*rest, end);
    *rest = span_from(*rest, end + 1);
    equals = span_find(*name, '=');
    *value = SPAN("");
    if (name->length == 0)
        return WIRE_DONE;
    if (equals != SPAN_NONE) {
        *value = span_from(*name, equals + 1);
        *name = span_first(*name, equals);
        return WIRE_DONE;
    }
    if (rest->length < LENGTH_OCTETS)
        return WIRE_MORE;
    length = read_length(*rest);
    if (length > UINT32_MAX)
        return WIRE_BAD;
    if (rest->length < LENGTH_OCTETS + length + 1)
        return WIRE_MORE;
    if (rest->data[LENGTH_OCTETS + length] != '\n')
        return WIRE_BAD;
    *value = span_first(span_from(*rest, LENGTH_OCTETS), (size_t)length);
    *rest = span_from(*rest, LENGTH_OCTETS + (size_t)length + 1);
    return WIRE_DONE;
}

/* A word of a line's head: what would end it there becomes `?`. */
static void
append_word(struct buffer *line, struct span word)
{
    for (size_t i = 0; i < word.length; i++) {
        unsigned char octet = (unsigned char)word.data[i];

        buffer_append_octet(line, (char)(octet <= ' ' || octet == 0x7f ? '?' : octet));
    }
}

static void
write_line(const struct span fields[FIELD_COUNT], struct buffer *line)
{
    struct span pid = fields[SYSLOG_PID].length > 0 ? fields[SYSLOG_PID] : fields[PID];
    uint64_t microseconds;
    char stamp[21];

    if (fields[IDENTIFIER].length == 0 || fields[MESSAGE].length == 0 ||
        !number_unsigned(fields[TIME], INT64_MAX, &microseconds))
        return;
    number_rfc3339_write((int64_t)(microseconds / 1000000), stamp);
    buffer_append(line, span_make(stamp, STAMP_LENGTH));
    buffer_printf(line, ".%06" PRIu64 "Z ", microseconds % 1000000);
    append_word(line, fields[HOST].length > 0 ? fields[HOST] : SPAN("localhost"));
    buffer_append_octet(line, ' ');
    append_word(line, fields[IDENTIFIER]);
    buffer_append_octet(line, '[');
    append_word(line, pid.length > 0 ? pid : SPAN("0"));
    buffer_append_text(line, "]: ");
    for (size_t i = 0; i < fields[MESSAGE].length; i++) {
        char octet = fields[MESSAGE].data[i];

        buffer_append_octet(line, (char)(octet == '\n' ? ' ' : octet));
    }
}

enum wire_result
journal_export_read(struct span octets, struct journal_entry *entry, struct buffer *line)
{
    struct span fields[FIELD_COUNT] = {
        {NULL, 0}
    };
    struct span rest = octets;
    struct span name;
    struct span value;

    for (;;) {
        enum wire_result result = take_field(&rest, &name, &value);
        enum field field;

        if (result != WIRE_DONE)
            return result;
        if (name.length == 0)
            break;
        field = find_field(name);
        if (field < FIELD_COUNT)
            fields[field] = value;
    }
    entry->cursor = fields[CURSOR];
    entry->length = octets.length - rest.length;
    if (entry->length <= JOURNAL_ENTRY_MAX)
        write_line(fields, line);
    return WIRE_DONE;
}
