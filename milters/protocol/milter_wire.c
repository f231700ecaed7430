#include "milters/protocol/milter_wire.h"

#include <string.h>

#include "shared/base/cursor.h"

enum { LENGTH_OCTETS = 4 };

enum wire_result
milter_wire_parse(struct span input, struct milter_packet *packet, size_t *used)
{
    struct cursor cursor = cursor_on(input);
    uint32_t length;

    *used = LENGTH_OCTETS + 1;
    if (input.length < LENGTH_OCTETS)
        return WIRE_MORE;
    length = cursor_u32(&cursor);
    if (length == 0 || length > MILTER_PACKET_MAX)
        return WIRE_BAD;
    *used = LENGTH_OCTETS + length;
    if (input.length < *used)
        return WIRE_MORE;
    packet->command = (char)cursor_u8(&cursor);
    packet->data = cursor_bytes(&cursor, length - 1);
    return WIRE_DONE;
}

bool
milter_wire_text(struct span *data, struct span *text)
{
    size_t end = span_find(*data, '\0');

    if (end == SPAN_NONE)
        return false;
    *text = span_first(*data, end);
    *data = span_from(*data, end + 1);
    return true;
}

bool
milter_wire_offer(struct span data, struct milter_offer *offer)
{
    struct cursor cursor = cursor_on(data);

    offer->version = cursor_u32(&cursor);
    offer->actions = cursor_u32(&cursor);
    offer->steps = cursor_u32(&cursor);
    return cursor_ok(&cursor);
}

/* The port, which is there even for a family that has none but UNKNOWN, is no use to us.
 */
bool
milter_wire_connect(struct span data, struct milter_connect *connect)
{
    struct cursor cursor;

    *connect = (struct milter_connect){.family = MILTER_FAMILY_UNKNOWN};
    if (!milter_wire_text(&data, &connect->name) || data.length == 0)
        return false;
    cursor = cursor_on(data);
    switch (cursor_u8(&cursor)) {
    case MILTER_FAMILY_LOCAL:
        connect->family = MILTER_FAMILY_LOCAL;
        break;
    case MILTER_FAMILY_IP4:
        connect->family = MILTER_FAMILY_IP4;
        break;
    case MILTER_FAMILY_IP6:
        connect->family = MILTER_FAMILY_IP6;
        break;
    default:
        return true;
    }
    (void)cursor_u16(&cursor);
    return milter_wire_text(&cursor.rest, &connect->address) && cursor_at_end(&cursor);
}

static void
begin(struct buffer *out, char command, size_t length)
{
    buffer_append_u32(out, (uint32_t)(length + 1));
    buffer_append_octet(out, command);
}

static void
append_text(struct buffer *out, const char *text)
{
    buffer_append(out, span_make(text, strlen(text) + 1));
}

void
milter_wire_write(struct buffer *out, char command, struct span data)
{
    begin(out, command, data.length);
    buffer_append(out, data);
}

void
milter_wire_write_offer(struct buffer *out, const struct milter_offer *offer)
{
    begin(out, MILTER_NEGOTIATE, 3 * sizeof(uint32_t));
    buffer_append_u32(out, offer->version);
    buffer_append_u32(out, offer->actions);
    buffer_append_u32(out, offer->steps);
}

void
milter_wire_write_answer(struct buffer *out, enum milter_answer answer)
{
    begin(out, (char)answer, 0);
}

void
milter_wire_write_reply(
    struct buffer *out, const char *code, const char *enhanced, const char *text)
{
    size_t length = strlen(code) + 1 + strlen(enhanced) + 1 + strlen(text) + 1;

    for (const char *at = text; *at != '\0'; at++)
        length += *at == '%' ? 1 : 0;
    begin(out, 'y', length);
    buffer_append_text(out, code);
    buffer_append_octet(out, ' ');
    buffer_append_text(out, enhanced);
    buffer_append_octet(out, ' ');
    for (; *text != '\0'; text++) {
        buffer_append_octet(out, *text);
        if (*text == '%')
            buffer_append_octet(out, '%');
    }
    buffer_append_octet(out, '\0');
}

static size_t
field_length(const char *name, const char *value, bool leading_space)
{
    return strlen(name) + 1 + (leading_space ? 1 : 0) + strlen(value) + 1;
}

static void
append_field(struct buffer *out, const char *name, const char *value, bool leading_space)
{
    append_text(out, name);
    if (leading_space)
        buffer_append_octet(out, ' ');
    append_text(out, value);
}

void
milter_wire_write_append(
    struct buffer *out, const char *name, const char *value, bool leading_space)
{
    begin(out, 'h', field_length(name, value, leading_space));
    append_field(out, name, value, leading_space);
}

void
milter_wire_write_insert(struct buffer *out, uint32_t index, const char *name,
    const char *value, bool leading_space)
{
    begin(out, 'i', sizeof(index) + field_length(name, value, leading_space));
    buffer_append_u32(out, index);
    append_field(out, name, value, leading_space);
}

/* A field whose new value is empty goes. */
void
milter_wire_write_delete(struct buffer *out, uint32_t number, const char *name)
{
    begin(out, 'm', sizeof(number) + field_length(name, "", false));
    buffer_append_u32(out, number);
    append_field(out, name, "", false);
}

void
milter_wire_write_quarantine(struct buffer *out, const char *reason)
{
    begin(out, 'q', strlen(reason) + 1);
    append_text(out, reason);
}
