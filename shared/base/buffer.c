#include "shared/base/buffer.h"

#include "shared/base/allocate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

/* One octet more than asked for is always there, for the terminator of buffer_text. */
static void
grow(struct buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity == 0 ? FIRST_CAPACITY : buffer->capacity;
    char *data;

    if (needed < buffer->capacity)
        return;
    while (capacity <= needed)
        capacity += capacity;
    data = allocated(realloc(buffer->data, capacity));
    buffer->data = data;
    buffer->capacity = capacity;
}

void
buffer_init(struct buffer *buffer, size_t ceiling)
{
    *buffer = (struct buffer){.ceiling = ceiling};
}

void
buffer_clear(struct buffer *buffer)
{
    free(buffer->data);
    buffer_init(buffer, buffer->ceiling);
}

void
buffer_reset(struct buffer *buffer)
{
    buffer->length = 0;
    buffer->overflowed = false;
}

bool
buffer_append(struct buffer *buffer, struct span span)
{
    if (!buffer_reserve(buffer, span.length))
        return false;
    if (span.length > 0)
        memcpy(buffer->data + buffer->length, span.data, span.length);
    buffer->length += span.length;
    return true;
}

bool
buffer_append_text(struct buffer *buffer, const char *text)
{
    return buffer_append(buffer, span_of(text));
}

bool
buffer_append_octet(struct buffer *buffer, char octet)
{
    return buffer_append(buffer, span_make(&octet, 1));
}

bool
buffer_append_u32(struct buffer *buffer, uint32_t number)
{
    char octets[4];

    for (size_t i = 0; i < sizeof(octets); i++)
        octets[i] = (char)(number >> (8 * (sizeof(octets) - 1 - i)) & 0xff);
    return buffer_append(buffer, span_make(octets, sizeof(octets)));
}

bool
buffer_append_u64(struct buffer *buffer, uint64_t number)
{
    return buffer_reserve(buffer, sizeof(number)) &&
           buffer_append_u32(buffer, (uint32_t)(number >> 32)) &&
           buffer_append_u32(buffer, (uint32_t)number);
}

bool
buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    bool fits;

    va_start(arguments, format);
    fits = buffer_vprintf(buffer, format, arguments);
    va_end(arguments);
    return fits;
}

bool
buffer_vprintf(struct buffer *buffer, const char *format, va_list arguments)
{
    va_list again;
    int length;

    va_copy(again, arguments);
    length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    assert(length >= 0);
    if (!buffer_reserve(buffer, (size_t)length))
        return false;
    (void)vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, arguments);
    buffer->length += (size_t)length;
    return true;
}

bool
buffer_reserve(struct buffer *buffer, size_t length)
{
    if (buffer->overflowed || length > buffer->ceiling - buffer->length) {
        buffer->overflowed = true;
        return false;
    }
    grow(buffer, buffer->length + length);
    return true;
}

void
buffer_consume(struct buffer *buffer, size_t length)
{
    assert(length <= buffer->length);
    if (length == 0)
        return;
    buffer->length -= length;
    memmove(buffer->data, buffer->data + length, buffer->length);
}

bool
buffer_ok(const struct buffer *buffer)
{
    return !buffer->overflowed;
}

struct span
buffer_span(const struct buffer *buffer)
{
    return span_make(buffer->data, buffer->length);
}

const char *
buffer_text(struct buffer *buffer)
{
    grow(buffer, buffer->length);
    buffer->data[buffer->length] = '\0';
    return buffer->data;
}
