#include "shared/base/cursor.h"

static uint64_t
read_number(struct cursor *cursor, size_t width)
{
    struct span octets = cursor_bytes(cursor, width);
    uint64_t number = 0;

    for (size_t i = 0; i < octets.length; i++)
        number = number << 8 | (uint8_t)octets.data[i];
    return number;
}

struct cursor
cursor_on(struct span span)
{
    return (struct cursor){span, false};
}

uint8_t
cursor_u8(struct cursor *cursor)
{
    return (uint8_t)read_number(cursor, 1);
}

uint16_t
cursor_u16(struct cursor *cursor)
{
    return (uint16_t)read_number(cursor, 2);
}

uint32_t
cursor_u32(struct cursor *cursor)
{
    return (uint32_t)read_number(cursor, 4);
}

uint64_t
cursor_u64(struct cursor *cursor)
{
    return read_number(cursor, 8);
}

struct span
cursor_bytes(struct cursor *cursor, size_t length)
{
    struct span taken;

    if (cursor->bad || cursor->rest.length < length) {
        cursor_fail(cursor);
        return (struct span){NULL, 0};
    }
    taken = span_first(cursor->rest, length);
    cursor->rest = span_from(cursor->rest, length);
    return taken;
}

void
cursor_fail(struct cursor *cursor)
{
    cursor->bad = true;
    cursor->rest.length = 0;
}

bool
cursor_ok(const struct cursor *cursor)
{
    return !cursor->bad;
}

bool
cursor_at_end(const struct cursor *cursor)
{
    return !cursor->bad && cursor->rest.length == 0;
}

size_t
cursor_left(const struct cursor *cursor)
{
    return cursor->rest.length;
}
