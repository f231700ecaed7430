#include "policyd/copies/copies_record.h"

#include <string.h>

#include "shared/base/cursor.h"

#define MAGIC "PSUNDO1\n"

void
copies_begin_write(struct buffer *out, const struct copies_begin *begin)
{
    buffer_append(out, SPAN(MAGIC));
    buffer_append(out, span_make(begin->salt, COPIES_SALT_SIZE));
    buffer_append_u64(out, (uint64_t)begin->hour);
    buffer_append_u64(out, 0);
}

bool
copies_begin_read(struct span octets, struct copies_begin *begin)
{
    struct cursor cursor = cursor_on(octets);
    struct span magic = cursor_bytes(&cursor, sizeof(MAGIC) - 1);
    struct span salt = cursor_bytes(&cursor, COPIES_SALT_SIZE);
    uint64_t hour = cursor_u64(&cursor);

    if (cursor_u64(&cursor) != 0 || !cursor_at_end(&cursor) ||
        !span_equal(magic, SPAN(MAGIC)) || hour > INT64_MAX)
        return false;
    memcpy(begin->salt, salt.data, COPIES_SALT_SIZE);
    begin->hour = (int64_t)hour;
    return true;
}

static void
put_u64(uint8_t *octets, uint64_t number)
{
    for (int i = 7; i >= 0; i--) {
        octets[i] = (uint8_t)number;
        number >>= 8;
    }
}

void
copies_head_write(uint8_t octets[COPIES_HEAD_SIZE], const struct copies_head *head)
{
    memset(octets, 0, COPIES_HEAD_SIZE);
    octets[0] = (uint8_t)(head->length >> 24);
    octets[1] = (uint8_t)(head->length >> 16);
    octets[2] = (uint8_t)(head->length >> 8);
    octets[3] = (uint8_t)head->length;
    octets[4] = (uint8_t)head->kind;
    put_u64(octets + 8, head->number);
    put_u64(octets + 16, head->message);
}

static bool
is_kind(uint8_t kind)
{
    return kind == COPIES_OPEN || kind == COPIES_CHUNK || kind == COPIES_ENTRY ||
           kind == COPIES_CLOSE;
}

bool
copies_head_read(struct span octets, struct copies_head *head)
{
    struct cursor cursor = cursor_on(octets);
    uint8_t kind;
    uint32_t zero;

    head->length = cursor_u32(&cursor);
    kind = cursor_u8(&cursor);
    zero = cursor_u8(&cursor);
    zero |= cursor_u16(&cursor);
    head->number = cursor_u64(&cursor);
    head->message = cursor_u64(&cursor);
    head->kind = (enum copies_kind)kind;
    return cursor_at_end(&cursor) && zero == 0 && is_kind(kind) &&
           head->length <= COPIES_PLAIN_MAX;
}

uint64_t
copies_record_size(const struct copies_head *head)
{
    return (uint64_t)COPIES_HEAD_SIZE + head->length + COPIES_TAG_SIZE;
}
